"""What a person should be told about their labels before hours go into them."""

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from training.lines import quoted
from training.readers.rows import Row

_MISSING = frozenset({"nan", "na", "n/a", "none", "null", "nil", "-", "?"})
_LISTED = 5


def settle_labels(
    parts: dict[str, list[Row]], *, own_names: bool
) -> tuple[dict[str, list[Row]], tuple[str, ...]]:
    """The same rows, their labels without white space around them; and what is odd, in words.

    Nothing else is changed: labels that are nearly the same stay several, and `nan` is a name.

    Args:
        own_names: the labels are names that their source lists, which need no remark.
    """
    rows = [row for part in parts.values() for row in part]
    spaced = sum(row.label != row.label.strip() for row in rows)
    counts = Counter(row.label.strip() for row in rows)
    settled = {
        part: [replace(row, label=row.label.strip()) for row in rows]
        for part, rows in parts.items()
    }
    notes = [f"{spaced:,} labels have white space around them, which does not count"]
    notes = notes if spaced else []
    if not own_names:
        notes += _nearly_the_same(counts)
        notes += _missing(counts)
    return settled, tuple(notes)


def _nearly_the_same(counts: Counter[str]) -> Iterable[str]:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in counts:
        alike[_plain(label)].append(label)
    groups = [labels for labels in alike.values() if len(labels) > 1]
    for labels in groups[:_LISTED]:
        named = [f"{quoted(label)} ({counts[label]:,} texts)" for label in labels[:_LISTED]]
        if len(labels) > _LISTED:
            named.append(f"{len(labels) - _LISTED:,} more")
        yield (
            f"{' and '.join(named)} are nearly the same, and are taken for {len(labels)} labels; "
            "if they are one, write them alike"
        )
    if len(groups) > _LISTED:
        yield f"so are {len(groups) - _LISTED} more groups of labels"


def _missing(counts: Counter[str]) -> Iterable[str]:
    for label in counts:
        if label.casefold() in _MISSING:
            yield (
                f"{quoted(label)} ({counts[label]:,} texts) is taken for a label's name; if it "
                "stands for a missing one, leave those rows out"
            )


def _plain(label: str) -> str:
    """What labels have in common that differ only in case, spaces, hyphens, or as numbers do."""
    try:
        number = float(label.replace("_", " "))
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return repr(number)
    folded = unicodedata.normalize("NFKC", label).casefold()
    unseen = ("Z", "C", "Pd", "Pc")
    return "".join(c for c in folded if not unicodedata.category(c).startswith(unseen)) or label
