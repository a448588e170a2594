"""Reads and writes the folder of a masked language model, as `BertForMaskedLM` does.

`train_classifier.py --init` takes it, and leaves the head out.
"""

from functools import partial
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from training.checkpoints.classifier import find_folder
from training.checkpoints.files import read_config, write_json
from training.checkpoints.hf_config import encoder_from_hf, encoder_to_hf
from training.checkpoints.hf_names import FAMILIES
from training.checkpoints.hf_weights import (
    Names,
    build_model,
    encoder_names,
    open_weights,
    save_weights,
)
from training.model.masked_lm import BERTMaskedLM

_BERT = FAMILIES["bert"]
_CLASS = "BertForMaskedLM"
_HEAD = "cls.predictions"
# The pooler and the second task of BERT's pre-training; the table, which is the encoder's again.
_LEFT_OUT = ("bert.pooler.", "cls.seq_relationship.", f"{_HEAD}.decoder.")
MASKED_LM_NAMES = Names(
    rows={
        **{f"{_BERT.prefix}.{theirs}": (ours,) for ours, theirs in _BERT.encoder.items()},
        _HEAD: ("head",),
        f"{_HEAD}.transform.dense": ("head.transform",),
        f"{_HEAD}.transform.LayerNorm": ("head.norm",),
    },
    transposed=frozenset(),
    modern=encoder_names().modern,
    left_out=lambda name: name.startswith(_LEFT_OUT) or name.endswith(".position_ids"),
)


def load_masked_lm(name: str | Path) -> BERTMaskedLM:
    """A masked language model, ready to run (`eval` mode): ours, or a `BertForMaskedLM`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: it is of another family or has another head, or a setting is not implemented.
    """
    folder = find_folder(name)
    config = encoder_from_hf(read_config(folder))
    if config.model_type != _BERT.model_type:
        raise ValueError(
            f"{folder} holds a model of type {config.model_type}; expected a {_CLASS}, whose head "
            "alone is implemented"
        )
    model, _ = build_model(
        partial(BERTMaskedLM, config),
        open_weights(folder).changed(MASKED_LM_NAMES.from_hf),
        folder,
        configs={"encoder.": config},
        what="masked language model",
        on_disk=MASKED_LM_NAMES.on_disk,
        advice=lambda _: f" Expected the weights of a {_CLASS}",
    )
    return model.eval()


def save_masked_lm(folder: Path, model: BERTMaskedLM, tokenizer: PreTrainedTokenizerBase) -> None:
    """Writes the model and its tokenizer in Hugging Face's format into an existing `folder`."""
    config = {"architectures": [_CLASS], "model_type": _BERT.model_type}
    written = encoder_to_hf(model.encoder.config)
    write_json(folder / "config.json", {**config, **written, "tie_word_embeddings": True})
    save_weights(folder, model, MASKED_LM_NAMES, tokenizer)
