"""Keeps a text that is known in one part from being asked in another, and splits stably.

Two texts are near-duplicates when they have one label and differ only in case, punctuation, white
space, tags or the way Unicode writes the same character: when their `normal_form` is equal. With
two labels they are two texts, whose difference may be what the labels hang on ("We're going." and
"We're going?"); then only what is the same to the letter contradicts itself. A text's part hangs on
its normal form alone: a corpus that grows keeps every old text where it was, and texts that are
nearly the same stay together.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from training.readers.rows import Answer, Reading, Row

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_UNSEEN = ("P", "Z", "C")  # Unicode's punctuation, separators, control characters
_SHOWN = 3  # of each kind that was removed
PARTS = ("train", "validation", "test")
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts(Generic[Item]):
    """Texts in three parts that share none. The test part decides nothing."""

    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    test: tuple[Item, ...]
    fingerprint: str
    """sha256 over every item and its part: another fingerprint is other texts."""
    reading: Reading
    notes: tuple[str, ...] = ()
    """What a person should know before they train on them, in words."""

    @property
    def parts(self) -> dict[str, tuple[Item, ...]]:
        """The three by their names."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows were left out before the split, and why."""

    duplicates: int = 0
    """Word for word the same as a row that was kept."""
    near_duplicates: int = 0
    """The same label and normal form as a row that was kept."""
    conflicting: int = 0
    """The same text with different labels: none of them is kept, nobody knows which is right."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is left of some rows, and what was taken away."""

    parts: dict[str, list[Row]]
    removed: Removed
    near_duplicates: tuple[tuple[Row, Row], ...]
    """A few of them, each with the row that was kept instead."""
    conflicting: tuple[Row, ...]
    """A few of them."""


class _Stripping(dict[int, str | None]):
    """A table for `str.translate` that drops what `normal_form` does not see."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        unseen = unicodedata.category(character)[0] in _UNSEEN
        self[code] = None if unseen or character.isspace() else character
        return self[code]


_STRIPPING = _Stripping()


def normal_form(text: str) -> str:
    """The text without tags, case, punctuation and white space; equal for near-duplicates."""
    folded = unicodedata.normalize("NFKC", _TAG.sub(" ", text)).casefold()
    # A text of punctuation alone, ":-(", stands for itself.
    return folded.translate(_STRIPPING) or " ".join(text.split())


def row_form(row: Row) -> str:
    """The normal form of a row's text, or of its two texts."""
    if row.text_pair is None:
        return normal_form(row.text)
    return f"{normal_form(row.text)}\x1f{normal_form(row.text_pair)}"


def remove_duplicates(parts: dict[str, list[Row]]) -> Cleaned:
    """Leaves every text in one part only, once: test before validation before train."""
    labels: defaultdict[tuple[str, str | None], set[Answer]] = defaultdict(set)
    for rows in parts.values():
        for row in rows:
            labels[row.text, row.text_pair].add(row.label)

    kept: dict[str, list[Row]] = {part: [] for part in parts}
    first: dict[tuple[str, Answer], Row] = {}
    duplicates = 0
    near: list[tuple[Row, Row]] = []
    conflicting: list[Row] = []
    for part in sorted(parts, key=["test", "validation", "train", "all"].index):
        for row in parts[part]:
            known = row_form(row), row.label
            if len(labels[row.text, row.text_pair]) > 1:
                conflicting.append(row)
            elif known not in first:
                first[known] = row
                kept[part].append(row)
            elif first[known] == row:
                duplicates += 1
            else:
                near.append((row, first[known]))
    removed = Removed(duplicates, len(near), len(conflicting))
    return Cleaned(kept, removed, tuple(near[:_SHOWN]), tuple(conflicting[:_SHOWN]))


def split(
    parts: Mapping[str, Sequence[Item]], form: Callable[[Item], str]
) -> dict[str, tuple[Item, ...]]:
    """80 % train, 10 % validation, 10 % test by a hash of `form`; a source's own parts stay.

    The hash is the same on every machine. Where a source lacks a validation or a test part, a tenth
    of its train part becomes that.

    Args:
        parts: `{"all": items}`, or some of the three by their names.
        form: what an item's part hangs on, and nothing else of it.
    """
    whole = {part: list(parts.get(part, ())) for part in PARTS}
    undivided = parts["all"] if "all" in parts else whole["train"]
    whole["train"] = []
    chosen = {9: "test", 8: "validation"}
    for item in undivided:
        digest = hashlib.sha256(form(item).encode()).digest()
        part = chosen.get(int.from_bytes(digest[:8], "big") % 10, "train")
        whole["train" if part in parts else part].append(item)
    return {part: tuple(items) for part, items in whole.items()}


def fingerprint(parts: Mapping[str, Iterable[tuple[object, ...]]]) -> str:
    """sha256 over every item and its part: another fingerprint, other texts."""
    digest = hashlib.sha256()
    for part in PARTS:
        for item in parts[part]:
            digest.update(repr((part, *item)).encode())
    return digest.hexdigest()
