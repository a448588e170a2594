"""ROUGE: how much of a reference's words a text says again (Lin 2004), as F1 over one reference.

Exact and small, equal to Google's `rouge-score` without stemming, whose word rule it takes: lower
case, letters and digits of English.
"""

import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[a-z0-9]+")


def rouge(references: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """The mean F1 of shared words, of shared pairs of words, and of the longest common order."""
    pairs = [
        (_WORD.findall(reference.lower()), _WORD.findall(text.lower()))
        for reference, text in zip(references, written, strict=True)
    ]
    return {
        "rouge1": _mean([_shared(reference, text, 1) for reference, text in pairs]),
        "rouge2": _mean([_shared(reference, text, 2) for reference, text in pairs]),
        "rougeL": _mean([_in_order(reference, text) for reference, text in pairs]),
    }


def _shared(reference: Sequence[str], text: Sequence[str], size: int) -> float:
    grams = [
        Counter(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
        for words in (reference, text)
    ]
    return _f1(sum((grams[0] & grams[1]).values()), *(gram.total() for gram in grams))


def _in_order(reference: Sequence[str], text: Sequence[str]) -> float:
    """ROUGE-L: of the longest common subsequence."""
    row = [0] * (len(text) + 1)
    for word in reference:
        before, row = row, [0]
        for j, other in enumerate(text):
            row.append(before[j] + 1 if word == other else max(before[j + 1], row[j]))
    return _f1(row[-1], len(reference), len(text))


def _f1(shared: int, of_reference: int, of_text: int) -> float:
    return 2 * shared / (of_reference + of_text) if shared else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
