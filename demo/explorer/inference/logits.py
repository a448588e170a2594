"""From logits to probabilities and log-odds.

Log-odds are the natural logarithm of p / (1 - p). Where a model is sure, its probabilities stand
still near 0 and 1 whatever is done to a text; its log-odds go on moving.
"""

from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from explorer.bundle import Bundle

ONE_OF_MANY = "one_of_many"
"""A problem type of questions: exactly one of many things holds, of which some have a score, their
log-odds. Beside single_label, multi_label and regression, which bundles have."""

_FARTHEST = 36.0
"""Of log-odds: probabilities nearer to 1 are 1 in float64."""

Numbers = TypeVar("Numbers", bound=NDArray[np.floating])


def softmax(logits: Numbers) -> Numbers:
    """Probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return cast(Numbers, exponentials / exponentials.sum(axis=-1, keepdims=True))


def log_softmax(logits: Numbers) -> Numbers:
    """Natural logarithms of the probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return cast(Numbers, shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def probabilities_of(logits: NDArray[np.float32], bundle: Bundle) -> NDArray[np.float32]:
    """Softmax or sigmoid of the logits over the temperature, by the bundle's problem type; the
    logits themselves for a regression. Shape (..., labels)."""
    if bundle.problem_type == "regression":
        return logits.copy()
    scaled = logits / np.float32(bundle.temperature)
    if bundle.problem_type in ("multi_label", ONE_OF_MANY):
        return np.exp(_log_sigmoid(scaled))
    return softmax(scaled)


def log_odds_of(logits: NDArray[np.float32], bundle: Bundle) -> NDArray[np.float64]:
    """The log-odds of each label, shape (..., labels); the logits themselves for a regression.

    They come from the logits over the temperature, and not from probabilities, which round to 0
    and 1. The only label of a choice of one has nothing against it: its log-odds are set to 0.
    """
    scaled = logits.astype(np.float64)
    if bundle.problem_type == "regression":
        return scaled
    scaled /= bundle.temperature
    if bundle.problem_type in ("multi_label", ONE_OF_MANY):
        return scaled
    if scaled.shape[-1] == 1:
        return np.zeros_like(scaled)
    return scaled - _log_sums_of_others(scaled)


def log_odds_of_log(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log-odds of probabilities that are given as their logarithms; such as round to 0 or 1 are
    taken for the nearest that do not."""
    within = np.clip(logs, -_FARTHEST, -np.exp(-_FARTHEST))
    return within - np.log(-np.expm1(within))


def log_odds_between(
    logits: NDArray[np.float32], label: int, other: int, bundle: Bundle
) -> NDArray[np.float64]:
    """The log-odds of one label against one other, shape (...): the difference of their logits
    over the temperature. Of those of which one alone holds, log(p / q)."""
    scaled = logits.astype(np.float64) / bundle.temperature
    if bundle.problem_type == ONE_OF_MANY:
        scaled = _log_sigmoid(scaled)
    return scaled[..., label] - scaled[..., other]


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of log-odds."""
    return np.exp(_log_sigmoid(log_odds))


def fall_of_probability(
    before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """By how much a probability falls, given its log-odds before and after: exact where both
    probabilities would round to 1."""
    high, low = np.maximum(before, after), np.minimum(before, after)
    # s(high) - s(low) = s(high) s(-low) (1 - exp(low - high)), where s is the sigmoid.
    both = np.exp(_log_sigmoid(high) + _log_sigmoid(-low))
    return np.sign(before - after) * np.abs(both * np.expm1(low - high))


def _log_sigmoid(numbers: NDArray) -> NDArray:
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        return -np.logaddexp(0, -numbers)


def _log_sums_of_others(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each label the log of the summed exponentials of all others, which stand before or after
    it: none is taken away from a sum, so no digit is lost."""
    nothing = np.full((*scaled.shape[:-1], 1), -np.inf)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        before, after = (
            np.logaddexp.accumulate(np.concatenate([nothing, those[..., :-1]], axis=-1), axis=-1)
            for those in (scaled, scaled[..., ::-1])
        )
        return np.logaddexp(before, after[..., ::-1])
