"""Writes a bundle, the folder that the page and other clients open: whole or not at all.

The files are named as transformers.js and Optimum look for them; what is ours is `bundle.json`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path
from typing import Any

import onnx

from export.bundle.files import DECODER_FILES, ENCODER_FILES
from export.bundle.known_settings import known_of_generate, save_tokenizer
from export.bundle.provenance import describe_graph, exporter_versions
from export.bundle.schema import FILE, FORMAT, Description, Manifest, list_files
from export.bundle.typed_json import WrongJson, as_json, read_object
from export.graphs.encoder import encoder_of
from export.loading import DecoderPart, EncoderPart, Parts
from training.checkpoints.atomic_folder import Kind, whole_folder
from training.checkpoints.files import read_json, write_json
from training.checkpoints.hf_config import decoder_to_hf
from training.checkpoints.hybrid import GENERATION
from training.model.classifier import BERTClassifier

_PROBLEM_TYPES = {
    "single_label_classification": "single_label",
    "multi_label_classification": "multi_label",
    "regression": "regression",
}


@dataclass(frozen=True, kw_only=True)
class DecoderCard:
    """What a bundle says to people about what writes."""

    task: str
    """`restore`, `pairs`, or `generate` where it is not known what was learned."""
    examples: tuple[Mapping[str, str], ...]
    """Sources to write from, as they are: a restorer's are spoiled already."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)


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
    decoder: DecoderCard | None = None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A graph to be written, and what was measured of it (`difference_from_torch`, ...)."""

    model: onnx.ModelProto
    measured: Mapping[str, Any]


def _written(folder: Path) -> list[str]:
    """The files that a `bundle.json` lists; raises ValueError if it is not ours."""
    manifest = read_json(folder / FILE)
    files, graphs = manifest.get("files"), manifest.get("graphs")
    if "format" not in manifest or not (isinstance(files, dict) and isinstance(graphs, dict)):
        raise ValueError("it has no format, files and graphs")
    return [escape(name) for name in files]


BUNDLE = Kind(marker=FILE, written=_written)


def write_bundle(
    target: Path,
    parts: Parts,
    card: Card,
    *,
    encoder: Mapping[str, Graph],
    decoder: Mapping[str, Graph],
    prove: Callable[[Path], Mapping[str, Any]],
) -> Manifest:
    """Writes the folder `target` and returns the content of its `bundle.json`.

    Args:
        encoder, decoder: graphs by precision, see `ENCODER_FILES`; at least one for each part.
        prove: checks the finished folder before it is put in place and gives what `bundle.json`
            keeps of that; if it raises, nothing is written.

    Raises:
        FileExistsError: `target` is there and is no bundle.
        ValueError: as `describe`.
    """
    description = describe(parts, card)
    with whole_folder(target, kind=BUNDLE) as folder:
        (folder / "onnx").mkdir()
        graphs = {
            "classify" if parts.encoder.classifies else "encode": _save(
                folder, encoder, ENCODER_FILES, card, card.licence
            )
        }
        save_tokenizer(parts.encoder.tokenizer, folder)
        write_json(folder / "config.json", parts.encoder.config)
        if parts.decoder:
            assert card.decoder, "a bundle with a decoder says what it writes"
            graphs["generate"] = _save(folder, decoder, DECODER_FILES, card.decoder, card.licence)
            _save_decoder_files(folder / "decoder", parts.decoder)
        found = {"graphs": graphs, "files": list_files(folder)}
        manifest = read_object(Manifest, as_json(description) | found)
        write_json(folder / FILE, as_json(manifest))
        manifest = replace(manifest, proof=prove(folder))
        write_json(folder / FILE, as_json(manifest))
    return manifest


def _save(
    folder: Path,
    graphs: Mapping[str, Graph],
    files: Mapping[str, str],
    card: Card | DecoderCard,
    licence: str,
) -> dict[str, dict[str, Any]]:
    """Writes the graphs and gives their entries in `bundle.json`, by precision."""
    entries = {}
    for precision, graph in graphs.items():
        path = folder / files[precision]
        describe_graph(
            graph.model,
            origin=card.checkpoint,
            metrics=card.metrics,
            licence=licence,
            precision=precision,
        )
        onnx.save(graph.model, path)
        entries[precision] = {
            "file": files[precision],
            "bytes": path.stat().st_size,
            **graph.measured,
        }
    return entries


def _save_decoder_files(folder: Path, part: DecoderPart) -> None:
    folder.mkdir()
    save_tokenizer(part.tokenizer, folder)
    marks = ("bos_token_id", "eos_token_id", "pad_token_id")
    config = decoder_to_hf(part.model.decoder.config)
    write_json(
        folder / "config.json", {**config, **{name: part.generation[name] for name in marks}}
    )
    write_json(folder / GENERATION, known_of_generate(part.generation))


def describe(parts: Parts, card: Card) -> Description:
    """What a bundle will say of itself: all of it that is known before its graphs are made.

    Raises:
        ValueError: no reader would open a bundle that says this.
    """
    try:
        return read_object(Description, _description(parts, card))
    except WrongJson as error:
        raise ValueError(
            f"{parts.encoder.folder}: no bundle can be made of it, for its description {error}. "
            "Correct config.json or training.json, or give another --title or --examples"
        ) from error


def _description(parts: Parts, card: Card) -> dict[str, Any]:
    encoder = encoder_of(parts.encoder.model).config
    able = {"classify": parts.encoder.classifies, "generate": parts.decoder is not None}
    return {
        "format": FORMAT,
        "tasks": [task for task, can in able.items() if can],
        **_answers(parts.encoder, card),
        "title": card.title,
        "licence": card.licence,
        "examples": list(card.examples),
        "max_tokens": parts.encoder.max_tokens,
        "sizes": {
            "layers": encoder.num_hidden_layers,
            "heads": encoder.num_attention_heads,
            "hidden": encoder.hidden_size,
            "vocabulary": encoder.vocab_size,
        },
        "metrics": dict(card.metrics),
        "checkpoint": dict(card.checkpoint),
        "assumed": list(parts.assumed),
        "versions": exporter_versions(),
        **({"decoder": _decoder(parts.decoder, card.decoder)} if parts.decoder else {}),
    }


def _answers(part: EncoderPart, card: Card) -> dict[str, Any]:
    """What the logits mean, where there are any."""
    if not isinstance(part.model, BERTClassifier):
        return {}
    config = part.model.config
    return {
        "problem_type": _PROBLEM_TYPES[config.problem_type],
        "labels": list(config.labels),
        "temperature": card.temperature,
    }


def _decoder(part: DecoderPart, card: DecoderCard | None) -> dict[str, Any]:
    assert card, "a bundle with a decoder says what it writes"
    config = part.model.decoder.config
    return {
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "hidden": config.hidden_size,
        "vocabulary": config.vocab_size,
        "max_tokens": part.limit,
        "task": card.task,
        "examples": list(card.examples),
        "metrics": dict(card.metrics),
        "checkpoint": dict(card.checkpoint),
    }
