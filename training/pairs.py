"""Pairs of texts to learn from: a source, and the target to be written of it.

Behind `--pairs` a person writes a CSV or JSON Lines file with the columns `source` and `target`, a
folder in the format of `datasets`, or a dataset's name on the Hub.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.cleaning import PARTS, split
from training.rows import Row
from training.table_file import SUFFIXES, licence_of, read_rows, title_of

_COLUMNS = ("source", "target")


@dataclass(frozen=True, slots=True)
class Pair:
    """What is read, and what is to be written of it."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Pairs in three parts; a source stands in one part only. The test part decides nothing."""

    name: str
    title: str
    licence: str
    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]
    fingerprint: str
    """sha256 over every pair and part."""


def load_pairs(name: str) -> Pairs:
    """Reads and splits pairs; the same pair given twice counts once.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: rows are bad, or too few to train on.
    """
    path = Path(name)
    if path.suffix.lower() in SUFFIXES:
        given = {"all": read_rows(path, make_pair, columns=_COLUMNS, of="sources and targets")}
        title, licence = title_of(path), licence_of(path)
    else:
        given, title, licence = _read_dataset(name)
    parts = _split(given)
    if empty := [part for part in PARTS if not parts[part]]:
        sizes = ", ".join(f"{len(parts[part])} {part}" for part in PARTS)
        raise ValueError(
            f"{name} leaves no pairs for {' and '.join(empty)} ({sizes}); give 100 pairs or more"
        )
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    return Pairs(name=name, title=title, licence=licence, fingerprint=digest, **parts)


def make_pair(values: Mapping[str, Any]) -> Pair | str:
    """A checked pair, or the sentence that says what is wrong with it."""
    for column in _COLUMNS:
        text = values.get(column)
        if not isinstance(text, str) or not text.strip():
            return f"no {column} (found {text!r})"
    return Pair(values["source"].strip(), values["target"].strip())


def _split(given: Mapping[str, list[Pair]]) -> dict[str, tuple[Pair, ...]]:
    """As texts are split, by their source, so that all targets of one source stay together."""
    rows = {
        part: [Row(pair.source, pair.target) for pair in dict.fromkeys(pairs)]
        for part, pairs in given.items()
    }
    return {
        part: tuple(Pair(row.text, row.label) for row in found)
        for part, found in split(rows).items()
    }


def _read_dataset(name: str) -> tuple[dict[str, list[Pair]], str, str]:
    from training.hub_dataset import (  # `datasets` takes seconds to import
        PARTS_ON_THE_HUB,
        licence_of_dataset,
        open_dataset,
    )

    found = open_dataset(name)
    given: dict[str, list[Pair]] = {}
    for part, names in PARTS_ON_THE_HUB.items():
        if key := next((key for key in names if key in found), None):
            columns = found[key].column_names
            if missing := [column for column in _COLUMNS if column not in columns]:
                raise ValueError(
                    f"the part {key} of {name} has no column {' and no column '.join(missing)} "
                    f"(found: {', '.join(columns)}); expected source and target"
                )
            made = [make_pair(row) for row in found[key]]
            if bad := [f"row {i}: {row}" for i, row in enumerate(made) if isinstance(row, str)]:
                raise ValueError(f"{len(bad)} rows of {name}, part {key}, are bad: {bad[0]}, ...")
            given[part] = [pair for pair in made if isinstance(pair, Pair)]
    if not given:
        raise ValueError(f"{name} has no part called train (found: {', '.join(found)})")
    whole = {"all": given["train"]} if list(given) == ["train"] else given
    return whole, title_of(Path(name)), f"Texts: {name}; {licence_of_dataset(found)}."
