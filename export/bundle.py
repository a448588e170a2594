"""Writes a bundle, the folder that the page and other clients open: whole or not at all.

The files are named as transformers.js and Optimum look for them; what is ours is `bundle.json`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from transformers import PreTrainedTokenizerBase

from training.checkpoint import write_json
from training.model.config import ClassifierConfig
from training.whole_folder import whole_folder

FORMAT = 1
FILES = {"float32": "onnx/model.onnx", "8bit": "onnx/model_quantized.onnx"}
"""Precision -> file; `_quantized` is what transformers.js asks for as q8."""

_PROBLEM_TYPES = {
    "single_label_classification": "single_label",
    "multi_label_classification": "multi_label",
    "regression": "regression",
}
_PACKAGES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle says to people about its model."""

    title: str
    licence: str
    examples: tuple[Mapping[str, str], ...]
    temperature: float = 1.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What training measured on held-out texts; empty for a model that we did not train."""
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    """Where the weights came from: name, sha256, data, recipe, seed."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A graph to be written, and what was measured of it (`difference_from_torch`, ...)."""

    model: onnx.ModelProto
    measured: Mapping[str, Any]


def write_bundle(
    target: Path,
    *,
    config: ClassifierConfig,
    tokenizer: PreTrainedTokenizerBase,
    graphs: Mapping[str, Graph],
    card: Card,
) -> dict[str, Any]:
    """Writes the folder `target` and returns the content of its `bundle.json`.

    Args:
        graphs: by precision, see `FILES`; at least one.

    Raises:
        FileExistsError: `target` is there and is no bundle.
    """
    with whole_folder(target, marker="bundle.json") as folder:
        (folder / "onnx").mkdir()
        entries = {}
        for precision, graph in graphs.items():
            path = folder / FILES[precision]
            onnx.save(graph.model, path)
            entries[precision] = {
                "file": FILES[precision],
                "bytes": path.stat().st_size,
                "sha256": sha256(path),
                **graph.measured,
            }
        tokenizer.save_pretrained(folder)
        write_json(folder / "config.json", config.to_hf())
        content = _content(config, tokenizer, entries, card)
        write_json(folder / "bundle.json", content)
    return content


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content(
    config: ClassifierConfig,
    tokenizer: PreTrainedTokenizerBase,
    entries: Mapping[str, Any],
    card: Card,
) -> dict[str, Any]:
    encoder = config.encoder
    return {
        "format": FORMAT,
        "tasks": ["classify"],
        "problem_type": _PROBLEM_TYPES[config.problem_type],
        "labels": list(config.labels),
        "temperature": card.temperature,
        "title": card.title,
        "licence": card.licence,
        "examples": list(card.examples),
        # A tokenizer without a limit of its own says 10^30.
        "max_tokens": min(encoder.max_position_embeddings, tokenizer.model_max_length),
        "sizes": {
            "layers": encoder.num_hidden_layers,
            "heads": encoder.num_attention_heads,
            "hidden": encoder.hidden_size,
            "vocabulary": encoder.vocab_size,
        },
        "graphs": {"classify": dict(entries)},
        "metrics": dict(card.metrics),
        "checkpoint": dict(card.checkpoint),
        "versions": {package: version(package) for package in _PACKAGES},
    }
