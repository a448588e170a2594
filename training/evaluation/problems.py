"""How good the answers are, whatever is asked: one label, several at once, or a number.

`judge` and `fit_temperature_of` go by the problem type; of one label see `classification.py`.
`logits` are (texts, outputs), `answers` (texts,) of one label, else (texts, outputs).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from scipy.stats import binomtest, pearsonr, spearmanr
from sklearn.metrics import f1_score

from training.evaluation.classification import (
    Metrics,
    calibration_error,
    fit_temperature,
    measure,
)
from training.model.config import NUMBER, ONE_LABEL


@dataclass(frozen=True, slots=True)
class SeveralMetrics:
    """What predictions of several labels at once are worth; a label holds from 0.5 up."""

    texts: int
    accuracy: float
    """Share of the texts whose labels are all right."""
    accuracy_low: float
    accuracy_high: float
    micro_f1: float
    """Over all labels of all texts together."""
    macro_f1: float
    """The mean over labels of each label's F1."""
    loss: float
    """Mean negative log-likelihood of a label that holds or does not, in nats."""
    calibration_error: float
    """As of one label, over every label of every text."""

    @property
    def rank(self) -> tuple[float, float]:
        """Higher is better."""
        return self.micro_f1, -self.loss


@dataclass(frozen=True, slots=True)
class NumberMetrics:
    """What predicted numbers are worth."""

    texts: int
    error: float
    """Root of the mean squared error, in the data's unit."""
    absolute_error: float
    """Mean distance."""
    pearson: float
    """How near they lie to a line with the right ones, from -1 to 1; 0 where all are alike."""
    spearman: float
    """The same of their order."""
    loss: float
    """Mean squared error."""

    @property
    def rank(self) -> tuple[float]:
        """Higher is better."""
        return (-self.loss,)


Judged = Metrics | SeveralMetrics | NumberMetrics


def judge(
    problem: str, logits: np.ndarray, answers: np.ndarray, *, temperature: float = 1.0
) -> Judged:
    """All the metrics of the problem; a number has no temperature."""
    if problem == ONE_LABEL:
        return measure(logits, answers, temperature=temperature)
    if problem == NUMBER:
        return _of_numbers(logits[:, 0].astype(np.float64), answers[:, 0].astype(np.float64))
    return _of_several(logits / temperature, answers)


def fit_temperature_of(problem: str, logits: np.ndarray, answers: np.ndarray) -> float:
    """The temperature that makes the answers most likely; 1 for numbers, which have none."""
    if problem == NUMBER:
        return 1.0
    if problem == ONE_LABEL:
        return fit_temperature(logits, answers)
    return fit_temperature(_two_classes(logits), answers.astype(int).ravel())


def scores(found: Judged) -> dict[str, float]:
    """What to say of it in a line; the first says most."""
    if isinstance(found, NumberMetrics):
        return {"correlation": found.pearson, "rank correlation": found.spearman}
    micro = {"micro-F1": found.micro_f1} if isinstance(found, SeveralMetrics) else {}
    return {"accuracy": found.accuracy, **micro, "macro-F1": found.macro_f1}


def _of_several(logits: np.ndarray, answers: np.ndarray) -> SeveralMetrics:
    holds, answers = logits >= 0, answers.astype(bool)
    right = int((holds == answers).all(axis=1).sum())
    low, high = binomtest(right, len(answers)).proportion_ci(method="wilson")
    shares = softmax(_two_classes(logits.astype(np.float64)), axis=1)
    signed = np.where(answers, logits, -logits).astype(np.float64)
    return SeveralMetrics(
        texts=len(answers),
        accuracy=right / len(answers),
        accuracy_low=float(low),
        accuracy_high=float(high),
        micro_f1=float(f1_score(answers.ravel(), holds.ravel(), zero_division=0)),
        macro_f1=float(
            np.mean(
                [f1_score(*one, zero_division=0) for one in zip(answers.T, holds.T, strict=True)]
            )
        ),
        loss=float(np.logaddexp(0, -signed).mean()),
        calibration_error=calibration_error(shares, answers.astype(int).ravel()),
    )


def _two_classes(logits: np.ndarray) -> np.ndarray:
    """Each label by itself as a choice of two, whose softmax is its sigmoid."""
    flat = logits.ravel()
    return np.stack([np.zeros_like(flat), flat], axis=1)


def _of_numbers(found: np.ndarray, right: np.ndarray) -> NumberMetrics:
    differ = found.std() > 0 < right.std()
    squared = float(np.square(found - right).mean())
    return NumberMetrics(
        texts=len(right),
        error=squared**0.5,
        absolute_error=float(np.abs(found - right).mean()),
        pearson=float(pearsonr(found, right).statistic) if differ else 0.0,
        spearman=float(spearmanr(found, right).statistic) if differ else 0.0,
        loss=squared,
    )
