"""The same weights in `transformers`: its own exports and times; a part of `benchmark.py`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import onnx
import torch
from transformers import AutoModelForSequenceClassification

from export.latency import median_time
from export.quiet import quiet
from export.sessions import THREADS
from export.tracing import OPSET


def time_torch(folder: Path, lengths: Sequence[int]) -> dict[int, float]:
    """Milliseconds in eager mode with `output_attentions`, as in notebooks, by length."""
    torch.set_num_threads(THREADS)
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="eager"
        ).eval()
    medians = {}
    with torch.no_grad():
        for length in lengths:
            text = {
                "input_ids": torch.ones(1, length, dtype=torch.long),
                "attention_mask": torch.ones(1, length, dtype=torch.long),
            }
            found = model(**text, output_attentions=True)
            assert len(found.attentions) == model.config.num_hidden_layers, "no maps, no comparison"
            medians[length] = median_time(partial(model, **text, output_attentions=True))
    return medians


def trace_without_maps(folder: Path) -> onnx.ModelProto:
    """The same weights as other exporters write them: `transformers` with sdpa, logits alone."""
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="sdpa"
        ).eval()
        limit = model.config.max_position_embeddings
        batch, sequence = torch.export.Dim("batch"), torch.export.Dim("sequence", max=limit)
        ids, mask, segments = torch.zeros(3, 2, 5, dtype=torch.int64).unbind()
        program = torch.onnx.export(
            model,
            kwargs={"input_ids": ids, "attention_mask": mask + 1, "token_type_ids": segments},
            dynamo=True,
            opset_version=OPSET,
            output_names=["logits"],
            dynamic_shapes={
                name: {0: batch, 1: sequence}
                for name in ("input_ids", "attention_mask", "token_type_ids")
            },
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program when dynamo=True"
    return program.model_proto
