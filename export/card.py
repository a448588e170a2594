"""Gathers what a bundle says about its model: from the checkpoint's record and from the flags."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.bundle import Card, DecoderCard
from export.parts import Parts
from export.provenance import checkpoint_origin, held_out_metrics
from training.file_names import public_name, real_name
from training.reviews import SOURCES
from training.text_lines import read_lines

_UNKNOWN_LICENCE = "The weights' licence is that of their source; it was not given at export."

Examples = tuple[Mapping[str, str], ...]


def make_card(
    name: str,
    record: Mapping[str, Any] | None,
    parts: Parts,
    *,
    title: str | None,
    licence: str | None,
    examples: Path | None,
    no_examples: bool = False,
) -> Card:
    """What the flags say wins; then what training noted; then what can be told from the name.

    Args:
        name: the checkpoint as the command was given it.
        record: the content of its `training.json`, or None for a model that we did not train.
        no_examples: leave out those that training noted as well.

    Raises:
        OSError, ValueError: as `read_examples`; or the checkpoint's folder has no name.
    """
    noted = record or {}
    hybrid = noted.get("hybrid", {}) if parts.decoder else {}
    chosen = read_examples(examples) if examples else _public_examples(noted)
    sources = _public_examples(hybrid) or chosen
    if no_examples:
        chosen = sources = ()
    return Card(
        title=title or noted.get("title") or real_name(name),
        licence=licence or _noted_licence(noted, hybrid) or _UNKNOWN_LICENCE,
        examples=chosen,
        temperature=noted.get("temperature", 1.0),
        metrics=held_out_metrics(noted.get("metrics", {})),
        checkpoint={"name": real_name(name), **checkpoint_origin(parts.encoder.folder, noted)},
        decoder=_decoder_card(hybrid, parts.decoder.folder, sources) if parts.decoder else None,
    )


def _public_examples(noted: Mapping[str, Any]) -> Examples:
    """What a record offers, if it is of texts that are public already.

    Rows of somebody's own data, which earlier versions noted, hold names and numbers of people.
    """
    source = noted.get("data", {}).get("source", ())
    names = {source} if isinstance(source, str) else set(source)
    return tuple(noted.get("examples", ())) if names <= set(SOURCES) else ()


def _noted_licence(noted: Mapping[str, Any], hybrid: Mapping[str, Any]) -> str:
    """The record's, with the name of what the weights came from in place of its path."""
    licence, init = hybrid.get("licence") or noted.get("licence") or "", noted.get("recipe", {})
    started = init.get("init", "")
    return licence.replace(started, public_name(started)) if started else licence


def _decoder_card(hybrid: Mapping[str, Any], folder: Path, sources: Examples) -> DecoderCard:
    """What the record of its training says; sources and texts that are classified are not alike."""
    return DecoderCard(
        task=hybrid.get("task", "generate"),
        examples=sources,
        metrics=held_out_metrics(hybrid.get("metrics", {})),
        checkpoint=checkpoint_origin(folder, hybrid),
    )


def read_examples(path: Path) -> tuple[dict[str, str], ...]:
    """Texts for the page to offer: a text a line, or JSON Lines with `text` and `text_pair`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: a line is no example, or there is none; the line is named.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; expected a text a line, or JSON Lines")
    lines = read_lines(path)
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise ValueError(f"{path} has no text in {len(lines)} lines; expected one or more")
    if path.suffix.lower() not in (".jsonl", ".json"):
        return tuple({"text": line} for _, line in numbered)
    return tuple(_json_example(path, number, line) for number, line in numbered)


def _json_example(path: Path, number: int, line: str) -> dict[str, str]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", error)
        raise ValueError(f"{path} line {number} is no JSON ({reason}): {line[:60]}") from error
    known = isinstance(found, dict) and "text" in found and set(found) <= {"text", "text_pair"}
    if not known or not all(_is_text(value) for value in found.values()):
        raise ValueError(
            f"{path} line {number} is {line[:60]}; expected an object with a `text` and, for a "
            "pair, a `text_pair`"
        )
    return found


def _is_text(value: object) -> bool:
    """Whether it says something and can be written: JSON can hold halves of characters."""
    if not isinstance(value, str) or not value.strip():
        return False
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in value)
