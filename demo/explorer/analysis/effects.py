"""What an answer loses by a change: in probability, and in log-odds.

A model that is sure of its answer keeps its probability near 1 whatever is taken away; its log-odds
show what was taken. So everything that is put in order here goes by log-odds, and both are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.bundle import Bundle
from explorer.probabilities import fall_of_probability, log_odds_of, probabilities_of

LEAST = 0.1
"""What moves the log-odds of an answer less is next to nothing: its odds change by a tenth at most.
Of the log-probability of a written token as well."""
LEAST_OF_NUMBER = 0.01
"""The same for a regression, whose units nobody knows here: a hundredth of its number."""

Places = int | slice | Sequence[int] | NDArray[np.intp] | tuple


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's answers to one text, or to many."""

    bundle: Bundle
    logits: NDArray[np.float32]
    """Shape (..., labels); NaN where nothing was asked."""

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Shape (..., labels); of a regression its numbers."""
        return probabilities_of(self.logits, self.bundle)

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Shape (..., labels); of a regression its numbers."""
        return log_odds_of(self.logits, self.bundle)

    def __getitem__(self, places: Places) -> "Answers":
        return Answers(self.bundle, self.logits[places])

    def least(self, label: int) -> float:
        """The size from which an effect on the log-odds of one answer's label, or on its number,
        is more than next to nothing."""
        if self.bundle.problem_type == "regression":
            size = LEAST_OF_NUMBER * abs(float(self.logits[label]))
            return max(size, float(np.finfo(np.float64).tiny))
        return LEAST

    def falls(self, changed: "Answers", label: int) -> NDArray[np.float64]:
        """By how much the probability of a label falls, or a regression's number, shape (...) as of
        the changed answers; below 0 where it rises."""
        if self.bundle.problem_type == "regression":
            return self.log_odds_falls(changed, label)
        return fall_of_probability(self.log_odds[..., label], changed.log_odds[..., label])

    def log_odds_falls(self, changed: "Answers", label: int) -> NDArray[np.float64]:
        """The same for its log-odds."""
        return self.log_odds[..., label] - changed.log_odds[..., label]


def matter(effects: NDArray[np.float64], least: float) -> bool:
    """Whether any of these effects is at least so large; NaN is none."""
    return bool((np.abs(np.nan_to_num(effects)) >= least).any())
