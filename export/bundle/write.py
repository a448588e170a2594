"""Writes a bundle, the folder that the page and other clients open: whole or not at all.

The files are named as transformers.js and Optimum look for them; what is ours is `bundle.json`.

Of a tokenizer's and of `generate`'s settings a bundle keeps those that a reader knows. Their files
may hold anything that somebody once passed along: where files lay on their machine, names of their
data, notes. What has no known name is left out, whatever its value looks like.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Any

import onnx
from transformers import GenerationConfig, PreTrainedTokenizerBase

from bundle_format.folder import list_files
from bundle_format.graphs import Proof, ReadingGraph, WritingGraph
from bundle_format.schema import FORMAT, Description, Manifest
from bundle_format.typed_json import WrongJson, as_json, read_object
from bundle_format.values import FILE, GENERATION
from export.bundle.card import DecoderCard, ModelCard
from export.bundle.files import sizes_of
from export.bundle.provenance import describe_graph, exporter_versions
from export.graphs.graph_file import data_file, save_graph
from export.graphs.spec import untested
from export.loading.checkpoint import (
    LoadedCheckpoint,
    LoadedDecoder,
    LoadedEncoder,
    LoadedGenerator,
)
from training.checkpoints.atomic_folder import Kind, atomic_folder, by_a_library
from training.checkpoints.files import read_config, read_json, write_json
from training.checkpoints.hf_config import decoder_to_hf


@dataclass(frozen=True, kw_only=True)
class ExportedGraph:
    """A graph to be written, and what was measured of it."""

    model: onnx.ModelProto
    measured: ReadingGraph | WritingGraph


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
    loaded: LoadedCheckpoint,
    card: ModelCard,
    *,
    encoder: Mapping[str, ExportedGraph],
    decoder: Mapping[str, ExportedGraph],
    prove: Callable[[Path], Proof],
) -> Manifest:
    """Writes the folder `target` and returns the content of its `bundle.json`.

    Args:
        encoder, decoder: graphs by precision, at least one for each part.
        prove: checks the finished folder before it is put in place and gives what `bundle.json`
            keeps of that; if it raises, nothing is written.

    Raises:
        FileExistsError: `target` is there and is no bundle.
        ValueError: as `describe`.
    """
    description = describe(loaded, card)
    with atomic_folder(target, kind=BUNDLE) as folder:
        (folder / "onnx").mkdir()
        graphs = {}
        if loaded.encoder:
            graphs[loaded.encoder.task] = _save(folder, encoder, card, card.licence)
        save_tokenizer(loaded.first.tokenizer, folder)
        write_json(folder / "config.json", (loaded.generator or loaded.first).config)
        if loaded.decoder and card.decoder:
            graphs["generate"] = _save(folder, decoder, card.decoder, card.licence)
        if isinstance(loaded.decoder, LoadedDecoder):
            _save_decoder_files(folder / "decoder", loaded.decoder)
        elif loaded.decoder:
            write_json(folder / GENERATION, known_of_generate(loaded.decoder.generation))
        found = {"graphs": as_json(graphs), "files": list_files(folder)}
        manifest = read_object(Manifest, as_json(description) | found)
        write_json(folder / FILE, as_json(manifest))
        manifest = replace(manifest, proof=prove(folder))
        write_json(folder / FILE, as_json(manifest))
    return manifest


def _save(
    folder: Path, graphs: Mapping[str, ExportedGraph], card: ModelCard | DecoderCard, licence: str
) -> dict[str, ReadingGraph | WritingGraph]:
    """Writes the graphs and gives what `bundle.json` says of each, by precision."""
    entries = {}
    for precision, graph in graphs.items():
        path = folder / graph.measured.file
        describe_graph(
            graph.model,
            origin=card.checkpoint,
            metrics=card.metrics,
            licence=licence,
            precision=precision,
        )
        save_graph(graph.model, path)
        files = [one for one in (path, data_file(path)) if one.exists()]
        entries[precision] = replace(graph.measured, bytes=sum(one.stat().st_size for one in files))
    return entries


def _save_decoder_files(folder: Path, part: LoadedDecoder) -> None:
    folder.mkdir()
    save_tokenizer(part.tokenizer, folder)
    marks = ("bos_token_id", "eos_token_id", "pad_token_id")
    config = decoder_to_hf(part.model.decoder.config)
    write_json(
        folder / "config.json", {**config, **{name: part.generation[name] for name in marks}}
    )
    write_json(folder / GENERATION, known_of_generate(part.generation))


def describe(loaded: LoadedCheckpoint, card: ModelCard) -> Description:
    """What a bundle will say of itself: all of it that is known before its graphs are made.

    Raises:
        ValueError: no reader would open a bundle that says this.
    """
    try:
        return read_object(Description, as_json(_description(loaded, card)))
    except WrongJson as error:
        raise ValueError(
            f"{loaded.first.folder}: no bundle can be made of it, for its description {error}. "
            "Correct config.json or training.json, or give another --title or --examples"
        ) from error


def _description(loaded: LoadedCheckpoint, card: ModelCard) -> dict[str, Any]:
    first = loaded.first
    said: dict[str, Any] = {
        "format": FORMAT,
        "tasks": [],
        "title": card.title,
        "licence": card.licence,
        "examples": list(card.examples),
        "max_tokens": first.max_tokens,
        "sizes": sizes_of(first.sizes),
        "metrics": dict(card.metrics),
        "checkpoint": dict(card.checkpoint),
        "assumed": [*loaded.assumed, *untested(first.sizes)],
        "versions": exporter_versions(),
    }
    if loaded.encoder:
        said |= _answers(loaded.encoder, card)
    if loaded.decoder and card.decoder:
        said["tasks"].append("generate")
        said["decoder"] = _decoder(loaded.decoder, card.decoder)
    return said


def _answers(part: LoadedEncoder, card: ModelCard) -> dict[str, Any]:
    """What is said of an encoder alone."""
    said: dict[str, Any] = {"tasks": [part.task] if part.task != "encode" else []}
    if part.map_layers is not None:
        said["map_layers"] = list(part.map_layers)
    if part.labels:
        said["labels"] = list(part.labels)
    if part.problem_type:
        said["problem_type"] = part.problem_type.removesuffix("_classification")
        said["temperature"] = card.temperature
    if part.pooling:
        said["pooling"] = part.pooling
    return said


def _decoder(part: LoadedDecoder | LoadedGenerator, card: DecoderCard) -> dict[str, Any]:
    said: dict[str, Any] = {
        "task": card.task,
        "examples": list(card.examples),
        "metrics": dict(card.metrics),
        "checkpoint": dict(card.checkpoint),
    }
    if isinstance(part, LoadedDecoder):
        return {**sizes_of(part.model.decoder.config), "max_tokens": part.limit, **said}
    sizes = part.sizes
    said |= {
        **sizes_of(sizes),
        "max_tokens": part.max_tokens,
        "alone": sizes.alone,
        "own_files": False,
        "key_value_heads": sizes.num_key_value_heads,
        "head_size": sizes.head_dim,
        "position_ids": sizes.takes_positions,
        "cached": sizes.cached,
    }
    if part.map_layers is not None:
        said["map_layers"] = list(part.map_layers)
    if not sizes.alone:
        said["languages"] = languages_of(part.tokenizer)
        said["prefixes"] = prefixes_of(read_config(part.folder))
    return said


_LANGUAGE = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}|__[A-Za-z_]+__")
"""How NLLB and mBART write a language (`eng_Latn`, `en_XX`), and how M2M-100 and PLBart do
(`__en__`)."""


def languages_of(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any] | None:
    """The tokens of languages that a tokenizer has, and which of them it puts beside a source. None
    where it puts none: then a model is told no language."""
    added = sorted(tokenizer.added_tokens_decoder.items())
    tokens = {one.content: index for index, one in added if _LANGUAGE.fullmatch(one.content)}
    by_itself = {*tokenizer("").input_ids}
    source = next((code for code, index in tokens.items() if index in by_itself), None)
    return None if source is None else {"tokens": tokens, "source": source}


def prefixes_of(config: Mapping[str, Any]) -> list[str]:
    """What stands before a source by the tasks of a `config.json`, as T5's have it."""
    tasks = config.get("task_specific_params")
    named = [task for task in tasks.values() if isinstance(task, Mapping)] if tasks else []
    found = [task["prefix"] for task in named if isinstance(task.get("prefix"), str)]
    return list(dict.fromkeys(prefix for prefix in found if prefix.strip()))


_TOKENIZER = "tokenizer_config.json"
# What transformers' base class and transformers.js read of any tokenizer; what its own class takes
# beside them, its signature says.
_OF_ANY_TOKENIZER = {
    *("tokenizer_class", "backend", "model_max_length", "padding_side", "truncation_side"),
    *("model_input_names", "clean_up_tokenization_spaces", "split_special_tokens"),
    *("do_lower_case", "do_lowercase_and_remove_accent", "strip_accents", "keep_accents"),
    *("tokenize_chinese_chars", "remove_space", "trim_offsets", "errors", "chat_template"),
    *("add_prefix_space", "add_bos_token", "add_eos_token", "legacy", "unicode_normalizer"),
    *("additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"),
}
_TOKENS = {"additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"}
_PATH = re.compile(r"(file:|[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]).+", re.IGNORECASE | re.DOTALL)


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes a tokenizer into a folder, with the settings alone that decide how it cuts texts."""
    with by_a_library():
        tokenizer.save_pretrained(folder)
    if (folder / _TOKENIZER).is_file():
        settings = read_json(folder / _TOKENIZER)
        write_json(folder / _TOKENIZER, known_of_tokenizer(settings, tokenizer))


def known_of_tokenizer(
    settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """The settings of a `tokenizer_config.json` that are read again, without any file's place."""
    words, known = tokenizer.get_vocab(), _OF_ANY_TOKENIZER | _taken_by(type(tokenizer))
    kept = {}
    for name, value in settings.items():
        if name == "added_tokens_decoder" or name in _TOKENS or name.endswith("_token"):
            # A token may look like a path; what the vocabulary has is public with it.
            if _tokens(value) <= words.keys():
                kept[name] = value
        elif name in known and not _names_a_path(value):
            kept[name] = value
    return kept


def known_of_generate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a `generation_config.json` that `generate` takes."""
    known = {name for name in vars(GenerationConfig()) if not name.startswith("_")}
    return {
        name: value
        for name, value in settings.items()
        if name in known and not _names_a_path(value)
    }


def _taken_by(kind: type) -> set[str]:
    """What a tokenizer's class takes by name, its files aside."""
    files = getattr(kind, "vocab_files_names", {})
    taken = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    return {
        name
        for name, one in taken.items()
        if one.kind is one.POSITIONAL_OR_KEYWORD or one.kind is one.KEYWORD_ONLY
    } - {"self", "vocab", "merges", "name_or_path", "special_tokens_map_file", *files}


def _tokens(value: object) -> set[str]:
    """The tokens that a setting names: one, several, or objects with a token and its flags."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        inside = [value["content"]] if "content" in value else value.values()
        return {token for one in inside for token in _tokens(one)}
    return {token for one in value for token in _tokens(one)} if isinstance(value, list) else set()


def _names_a_path(value: object) -> bool:
    """Whether a value is a file's place on some machine, or holds one."""
    if isinstance(value, Mapping):
        return any(map(_names_a_path, (*value, *value.values())))
    if isinstance(value, list | tuple):
        return any(map(_names_a_path, value))
    return isinstance(value, str) and _PATH.fullmatch(value) is not None
