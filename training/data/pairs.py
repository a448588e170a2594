"""Pairs of texts to learn from: a source, and the target to be written of it.

Behind `--pairs` a person writes a CSV or JSON file with the columns `source` and `target`, a folder
in the format of `datasets`, or a dataset's name on the Hub.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from training.data.splits import PARTS, Parts, normal_form, split
from training.file_names import SUFFIXES
from training.readers.rows import PAIRED, Reading
from training.readers.table_file import licence_of, read_rows, text_problem


class Pair(NamedTuple):
    """What is read, and what is to be written of it."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PairCorpus(Parts[Pair]):
    """Pairs in three parts; a source stands in one part only."""

    name: str
    licence: str

    @property
    def data(self) -> tuple[str, ...]:
        """What `load_pairs` was given."""
        return (self.name,)


def load_pairs(name: str, reading: Reading | None = None) -> PairCorpus:
    """Reads and splits pairs; the same pair given twice counts once. As `load_corpus` otherwise."""
    reading = reading or Reading()
    given, notes, licence = _read(name, reading)
    # By the source, so that all targets of one stay together.
    distinct = {part: list(dict.fromkeys(pairs)) for part, pairs in given.items()}
    parts = split(distinct, lambda pair: normal_form(pair.source))
    if empty := [part for part in PARTS if not parts[part]]:
        sizes = ", ".join(f"{len(parts[part])} {part}" for part in PARTS)
        raise ValueError(
            f"{name} leaves no pairs for {' and '.join(empty)} ({sizes}); give 100 pairs or more"
        )
    # Not `splits.fingerprint`: records hold this one.
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    return PairCorpus(
        name=name,
        licence=licence,
        fingerprint=digest,
        reading=reading,
        notes=notes,
        **parts,
    )


def _read(name: str, reading: Reading) -> tuple[dict[str, list[Pair]], tuple[str, ...], str]:
    """All pairs, what there is to know of them, and their licence."""
    path, columns = Path(name), reading.columns
    if path.suffix.lower() in SUFFIXES:
        found = read_rows(path, make_pair, roles=PAIRED, given=columns, of="sources and targets")
        return {"all": found.rows}, found.notes, licence_of(path)
    from training.readers.hub_dataset import read_parts  # `datasets` takes seconds to import

    dataset = read_parts(name, make_pair, roles=PAIRED, given=columns)
    return dataset.parts, dataset.notes, dataset.licence


def make_pair(values: Mapping[str, Any]) -> Pair | str:
    """A checked pair, or the sentence that says what is wrong with it."""
    for role in PAIRED:
        if problem := text_problem(role.name, values.get(role.name)):
            return problem
    return Pair(values["source"].strip(), values["target"].strip())
