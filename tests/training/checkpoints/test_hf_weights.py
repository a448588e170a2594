"""Two stored weights that are one weight of the model are refused: none can tell which is meant."""

import re
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from training.checkpoints.hf_weights import DECODER_NAMES, encoder_names

Read = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


@pytest.mark.parametrize(
    ("read", "first", "second"),
    [
        (
            encoder_names().from_hf,
            "bert.encoder.layer.0.attention.self.query.weight",
            "encoder.layer.0.attention.self.query.weight",
        ),
        (
            encoder_names().from_hf,
            "bert.embeddings.LayerNorm.gamma",
            "bert.embeddings.LayerNorm.weight",
        ),
        (DECODER_NAMES.from_hf, "transformer.wte.weight", "wte.weight"),
        (
            DECODER_NAMES.from_hf,
            "h.0.attn.c_attn.weight",
            "transformer.h.0.attn.c_attn.weight",
        ),
    ],
)
def test_two_names_of_one_weight_are_both_named(read: Read, first: str, second: str) -> None:
    stored = {first: torch.zeros(6, 6), second: torch.ones(6, 6)}

    with pytest.raises(ValueError, match=re.escape(f"{first} and {second} are stored both")):
        read(stored)
