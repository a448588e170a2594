"""Sentences that ask a model of verdicts for one thing each: negation, irony, idioms, ...

`sentences.csv` was written by us for this and nothing else: none of its sentences stands in the
packaged reviews, none was trained on, and none chose anything. A model that knows two labels alone
has no right answer to a neutral text; there it is asked not to be sure: neither label may get more
than `MOST_SURE`. Those texts are told by themselves and do not count in the total.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

NEGATIVE, POSITIVE = LABELS = ("negative", "positive")
NEUTRAL = "neutral"
MOST_SURE = 0.7
_FILE = Path(__file__).with_name("sentences.csv")


@dataclass(frozen=True, slots=True)
class KindSentence:
    """One sentence, and the kind that it stands for."""

    kind: str
    label: str
    """One of `LABELS`, or `NEUTRAL`."""
    text: str


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some sentences were read rightly."""

    right: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of 95 %, over other sentences of the kind (Wilson 1927)."""
        low, high = binomtest(self.right, self.of).proportion_ci(method="wilson")
        return float(low), float(high)


def read_sentences() -> list[KindSentence]:
    """All of them, kind by kind."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return [KindSentence(**row) for row in csv.DictReader(file)]


def measure_sentences(
    sentences: Sequence[KindSentence], positive: np.ndarray
) -> tuple[dict[str, Share], Share]:
    """The share read rightly of each kind, and of all that are not neutral.

    Args:
        positive: each sentence's probability of the label `POSITIVE`, shape (sentences,).
    """
    right = [_is_right(*one) for one in zip(sentences, positive.tolist(), strict=True)]
    kinds = {
        kind: _share([ok for one, ok in zip(sentences, right, strict=True) if one.kind == kind])
        for kind in dict.fromkeys(one.kind for one in sentences)
    }
    judged = [ok for one, ok in zip(sentences, right, strict=True) if one.label != NEUTRAL]
    return kinds, _share(judged)


def _is_right(sentence: KindSentence, positive: float) -> bool:
    if sentence.label == NEUTRAL:
        return 1 - MOST_SURE <= positive <= MOST_SURE
    return (positive > 0.5) == (sentence.label == POSITIVE)


def _share(right: Sequence[bool]) -> Share:
    return Share(sum(right), len(right))


def show_kinds(sentences: Sequence[KindSentence], models: Mapping[str, np.ndarray]) -> str:
    """A Markdown table: a row for each kind, a column for each model's probabilities."""
    measured = [measure_sentences(sentences, positive) for positive in models.values()]
    neutral = {one.kind for one in sentences if one.label == NEUTRAL}
    kinds, _ = measured[0]
    rows = [("kind", "sentences", *models), ("---", "---:", *["---:"] * len(models))]
    rows += [
        (kind, str(share.of), *(f"{found[kind].right / share.of:.2f}" for found, _ in measured))
        for kind, share in sorted(kinds.items(), key=lambda one: one[0] in neutral)
        if kind not in neutral
    ]
    count = str(measured[0][1].of)
    rows.append(("all of these (95 % interval)", count, *(_total(total) for _, total in measured)))
    rows += [
        (
            f"{kind}: neither label above {MOST_SURE}",
            str(kinds[kind].of),
            *(f"{found[kind].right / found[kind].of:.2f}" for found, _ in measured),
        )
        for kind in kinds
        if kind in neutral
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _total(total: Share) -> str:
    low, high = total.interval
    return f"**{total.right / total.of:.2f}** ({low:.2f}–{high:.2f})"


def show_each(sentences: Sequence[KindSentence], models: Mapping[str, np.ndarray]) -> str:
    """A Markdown table of all sentences with each model's probability of the right label."""
    lines = [f"| sentence | kind | label | {' | '.join(models)} |"]
    lines.append("|---|---|---|" + "---:|" * len(models))
    for i, one in enumerate(sentences):
        found = [float(positive[i]) for positive in models.values()]
        shown = [1 - share if one.label == NEGATIVE else share for share in found]
        cells = " | ".join(f"{share:.2f}" for share in shown)
        lines.append(f"| {one.text} | {one.kind} | {one.label} | {cells} |")
    return "\n".join(lines)
