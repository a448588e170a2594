"""Gathers what a bundle says about its model: from the checkpoint's record and from the flags."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.bundle import Card, DecoderCard
from export.parts import Parts
from export.provenance import checkpoint_origin, held_out_metrics
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
) -> Card:
    """What the flags say wins; then what training noted; then what can be told from the name.

    Args:
        name: the checkpoint as the command was given it.
        record: the content of its `training.json`, or None for a model that we did not train.

    Raises:
        FileNotFoundError, ValueError: as `read_examples`.
    """
    noted = record or {}
    hybrid = noted.get("hybrid", {}) if parts.decoder else {}
    chosen = read_examples(examples) if examples else tuple(noted.get("examples", ()))
    return Card(
        title=title or noted.get("title") or Path(name).name,
        licence=licence or hybrid.get("licence") or noted.get("licence") or _UNKNOWN_LICENCE,
        examples=chosen,
        temperature=noted.get("temperature", 1.0),
        metrics=noted.get("metrics", {}),
        checkpoint={"name": Path(name).name, **checkpoint_origin(parts.encoder.folder, noted)},
        decoder=_decoder_card(hybrid, parts.decoder.folder, chosen) if parts.decoder else None,
    )


def _decoder_card(hybrid: Mapping[str, Any], folder: Path, chosen: Examples) -> DecoderCard:
    """The texts that the decoder learned from and those that are classified are not alike: what
    `hybrid`, the record of its training, offers for writing stays beside the others."""
    return DecoderCard(
        task=hybrid.get("task", "generate"),
        examples=tuple(hybrid.get("examples", chosen)),
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
