"""Keeps a text that is known in one part from being asked in another, and splits stably.

Two texts are near-duplicates when they differ only in case, punctuation, white space, tags or
the way Unicode writes the same character: when their `normal_form` is equal. A text's part hangs
on that form alone, so a corpus that grows keeps every old text where it was.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass

from training.rows import Row

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_UNSEEN = ("P", "Z", "C")  # Unicode's punctuation, separators, control characters

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows were left out before the split, and why."""

    duplicates: int = 0
    """Word for word the same as a row that was kept."""
    near_duplicates: int = 0
    """The same normal form as a row that was kept."""
    conflicting: int = 0
    """The same text with different labels: none of them is kept, nobody knows which is right."""


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


def remove_duplicates(parts: dict[str, list[Row]]) -> tuple[dict[str, list[Row]], Removed]:
    """Leaves every text in one part only, once: test before validation before train."""
    forms = {part: [row_form(row) for row in rows] for part, rows in parts.items()}
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for part, rows in parts.items():
        for form, row in zip(forms[part], rows, strict=True):
            labels[form].add(row.label)

    kept: dict[str, list[Row]] = {part: [] for part in parts}
    first: dict[str, Row] = {}
    duplicates = near_duplicates = conflicting = 0
    for part in sorted(parts, key=["test", "validation", "train", "all"].index):
        for form, row in zip(forms[part], parts[part], strict=True):
            if len(labels[form]) > 1:
                conflicting += 1
            elif form not in first:
                first[form] = row
                kept[part].append(row)
            elif first[form] == row:
                duplicates += 1
            else:
                near_duplicates += 1
    return kept, Removed(duplicates, near_duplicates, conflicting)


def stable_hash(row: Row) -> int:
    """A number that hangs on the row's normal form alone, the same on every machine."""
    return int.from_bytes(hashlib.sha256(row_form(row).encode()).digest()[:8], "big")


def split(parts: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """80 % train, 10 % validation, 10 % test by `stable_hash`; a source's own parts stay.

    Where a source lacks a validation or a test part, a tenth of its train part becomes that.
    """
    whole = {part: list(parts.get(part, [])) for part in PARTS}
    undivided = parts["all"] if "all" in parts else whole["train"]
    whole["train"] = []
    chosen = {9: "test", 8: "validation"}
    for row in undivided:
        part = chosen.get(stable_hash(row) % 10, "train")
        whole["train" if part in parts else part].append(row)
    return whole
