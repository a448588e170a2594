"""What a report comes to over all its texts: how often the class is the one given, which words and
which heads matter most, how rankings of words fare.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from explorer.bundle import Bundle
from explorer.report.batches import DIGITS, Result

MOST_WORDS = 15
"""Words that are listed for a class, and as many against it."""
_MOST_LABELS = 30
"""Rows of the confusion table: labels that the bundle does not know may be as many as texts."""


class Summary:
    """Adds up results, one after another."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.texts = 0
        self._left_out = 0
        self._predicted: Counter[str] = Counter()
        self._confusion: Counter[tuple[str, str]] = Counter()
        self._errors: list[float] = []
        self._words: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
        self._heads = np.zeros((3, bundle.layers, bundle.heads))  # how many, sums, sums of sizes
        self._percentiles: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def add(self, found: Result) -> None:
        """Takes the result of one row."""
        self.texts += 1
        self._left_out += found["tokens_left_out"] > 0
        self._predicted[found["predicted"]] += 1
        if found["label"] is not None and self._bundle.problem_type == "single_label":
            self._confusion[found["label"], found["predicted"]] += 1
        if found["error"] is not None:
            self._errors.append(float(found["error"]))
        for word in found.get("words", ()):
            if word["log_odds"] is not None:
                counted = self._words[found["predicted"], word["text"].casefold()]
                counted[0] += 1
                counted[1] += word["log_odds"]
        if heads := found.get("heads"):
            effects = np.array(heads["log_odds"], float)  # None becomes NaN: not tried
            known = ~np.isnan(effects)
            self._heads += np.stack([known, np.nan_to_num(effects), np.abs(np.nan_to_num(effects))])
        for one in found.get("faithfulness") or ():
            pair = one["comprehensiveness_percentile"], one["sufficiency_percentile"]
            self._percentiles[one["method"]].append(pair)

    def describe(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        labels = list(self._bundle.labels)
        return {
            "texts": self.texts,
            "cut": self._left_out,
            "predicted": {label: self._predicted[label] for label in labels},
            "judged": len(self._errors),
            "mean_error": _mean(self._errors),
            "confusion": self._confusion_table(labels),
            "words": [self._words_of(label) for label in labels if self._predicted[label]],
            "heads": self._mean_heads(),
            "faithfulness": {
                method: [_mean(part) for part in zip(*pairs, strict=True)]
                for method, pairs in self._percentiles.items()
            },
        }

    def _confusion_table(self, labels: list[str]) -> list[dict[str, Any]]:
        """A row for each label given, those of the bundle first."""
        given = Counter[str]()
        for (label, _), count in self._confusion.items():
            given[label] += count
        others = [label for label, _ in given.most_common() if label not in labels]
        return [
            {
                "label": label,
                "known": label in labels,
                "predicted": [self._confusion[label, predicted] for predicted in labels],
            }
            for label in [*(one for one in labels if given[one]), *others][:_MOST_LABELS]
        ]

    def _words_of(self, label: str) -> dict[str, Any]:
        """The words that moved the log-odds of a class most, over all texts that were given it:
        those that raised it and those that lowered it, by the sum of their effects."""
        found = sorted(
            (-whole, word, int(count))
            for (predicted, word), (count, whole) in self._words.items()
            if predicted == label
        )
        return {
            "label": label,
            "for": [_word(*one) for one in found[:MOST_WORDS] if one[0] < 0],
            "against": [_word(*one) for one in found[: -MOST_WORDS - 1 : -1] if one[0] > 0],
        }

    def _mean_heads(self) -> dict[str, list] | None:
        """The mean effect of each head on the log-odds of the class, and the mean of its sizes."""
        count, whole, sizes = self._heads
        if not count.any():
            return None
        divisor = np.maximum(count, 1)
        return {
            "mean": np.round(whole / divisor, DIGITS).tolist(),
            "size": np.round(sizes / divisor, DIGITS).tolist(),
        }


def _word(fall: float, text: str, texts: int) -> dict[str, Any]:
    whole, mean = round(-fall, DIGITS), round(-fall / texts, DIGITS)
    return {"text": text, "texts": texts, "sum": whole, "mean": mean}


def _mean(numbers: Iterable[float]) -> float | None:
    values = list(numbers)
    return round(math.fsum(values) / len(values), DIGITS) if values else None
