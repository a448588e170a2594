"""A corpus: labelled texts, cleaned and split into train, validation and test.

`load_corpus` takes what a person writes behind `--data`: the name of packaged reviews, a CSV or
JSON Lines file, a folder in the format of `datasets`, or a dataset's name on the Hub.
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from training.cleaning import PARTS, Removed, remove_duplicates, split, stable_hash
from training.reviews import SOURCES, read_reviews
from training.rows import RawTexts, Row
from training.table_file import SUFFIXES, read_table

DEFAULT = "rotten-tomatoes"
_EXAMPLES = 6
_EXAMPLE_LENGTH = 300  # characters; a page's example should be read at a glance


@dataclass(frozen=True, slots=True)
class Example:
    """One text, or a pair of texts, with the number of its label."""

    text: str
    label: int
    text_pair: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Labelled texts in three parts that share no text. The test part decides nothing."""

    name: str
    source: str
    """What `load_corpus` was given."""
    title: str
    licence: str
    labels: tuple[str, ...]
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    fingerprint: str
    """sha256 over every text, label and part: another fingerprint is another corpus."""
    removed: Removed
    examples: tuple[dict[str, str], ...]
    """Texts for a page to offer: `{"text": ...}`, with `"text_pair"` where there are pairs."""


def load_corpus(data: str = DEFAULT) -> Corpus:
    """Reads, cleans and splits labelled texts; the same `data` gives the same corpus anywhere.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: rows are bad, or too few to train on.
    """
    raw = _read(data)
    rows, removed = remove_duplicates(raw.parts)
    rows = split(rows)
    labels = raw.labels or _in_order({row.label for part in rows.values() for row in part})
    _check(data, labels, rows)
    number = {label: i for i, label in enumerate(labels)}
    parts = {
        part: tuple(Example(row.text, number[row.label], row.text_pair) for row in rows[part])
        for part in PARTS
    }
    return Corpus(
        name=raw.name,
        source=data,
        title=raw.title,
        licence=raw.licence,
        labels=labels,
        **parts,
        fingerprint=_fingerprint(rows),
        removed=removed,
        examples=raw.examples or _choose_examples(rows["test"]),
    )


def _read(data: str) -> RawTexts:
    if data in SOURCES:
        return read_reviews(data)
    if Path(data).suffix.lower() in SUFFIXES:
        return read_table(Path(data))
    if Path(data).is_file():
        raise ValueError(f"{data} is a file of no known kind; expected {', '.join(SUFFIXES)}")
    from training.hub_dataset import read_dataset  # `datasets` takes seconds to import

    return read_dataset(data)


def _in_order(names: set[str]) -> tuple[str, ...]:
    """Numbers by their size, words by the alphabet."""
    if all(re.fullmatch(r"-?\d+", name) for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def _check(data: str, labels: tuple[str, ...], rows: dict[str, list[Row]]) -> None:
    sizes = ", ".join(f"{len(rows[part])} {part}" for part in PARTS)
    if len(labels) < 2:
        raise ValueError(f"{data} has only the label {labels[0]!r}; expected two or more labels")
    if empty := [part for part in PARTS if not rows[part]]:
        raise ValueError(
            f"{data} leaves no texts for {' and '.join(empty)} ({sizes}); give more texts, "
            "100 or more for each label"
        )
    trained = Counter(row.label for row in rows["train"])
    if unseen := [label for label in labels if not trained[label]]:
        listed = ", ".join(repr(label) for label in unseen[:10])
        raise ValueError(
            f"{len(unseen)} of {len(labels)} labels of {data} have no text in the train part "
            f"({sizes}): {listed}; give more texts of each, or merge rare labels"
        )


def _fingerprint(rows: dict[str, list[Row]]) -> str:
    digest = hashlib.sha256()
    for part in PARTS:
        for row in rows[part]:
            digest.update(repr((part, row.text, row.text_pair, row.label)).encode())
    return digest.hexdigest()


def _choose_examples(rows: list[Row]) -> tuple[dict[str, str], ...]:
    """A few short texts of the test part, the labels in turn."""
    short = [row for row in rows if len(row.text) + len(row.text_pair or "") <= _EXAMPLE_LENGTH]
    turns: Counter[str] = Counter()
    ranked = []
    for row in sorted(short or rows[:_EXAMPLES], key=stable_hash):
        ranked.append((turns[row.label], row.label, row))
        turns[row.label] += 1
    chosen = [row for _, _, row in sorted(ranked, key=lambda rank: rank[:2])[:_EXAMPLES]]
    return tuple(
        {"text": row.text} | ({"text_pair": row.text_pair} if row.text_pair else {})
        for row in chosen
    )
