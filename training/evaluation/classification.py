"""How good a classifier is: accuracy, macro-F1, confusion, calibration, temperature.

Calibration asks whether 80 % sure means right 8 times in 10: Guo et al. 2017, "On Calibration of
Modern Neural Networks". `logits` are (texts, labels), `labels` the right answers' numbers (texts,).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, f1_score

from training.data.batches import EncodedText, pad
from training.model.classifier import BERTClassifier

_BINS = 15  # Guo et al. 2017, section 5
_TEMPERATURES = (0.05, 20.0)  # the search ends here when no temperature is best


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a set of predictions is worth."""

    texts: int
    accuracy: float
    accuracy_low: float
    """The 95 % interval of the accuracy over other texts of the kind (Wilson 1927) ..."""
    accuracy_high: float
    """... which a few hundred texts leave several points wide."""
    macro_f1: float
    """The mean over labels of each label's F1: rare labels count as much as common ones."""
    loss: float
    """Mean negative log-likelihood of the right label, in nats."""
    calibration_error: float
    """Expected calibration error over 15 bins of equal width."""
    confusion: tuple[tuple[int, ...], ...]
    """How many texts of each true label (row) got each predicted label (column)."""

    @property
    def rank(self) -> tuple[float, float]:
        """Higher is better: of equals the lower loss."""
        return self.accuracy, -self.loss


def measure(logits: np.ndarray, labels: np.ndarray, *, temperature: float = 1.0) -> Metrics:
    """All the metrics of `logits / temperature` against the right `labels`."""
    logs = log_softmax((logits / temperature).astype(np.float64), axis=1)
    predicted = logs.argmax(axis=1)
    confusion = confusion_matrix(labels, predicted, labels=range(logits.shape[1]))
    right = int((predicted == labels).sum())
    low, high = binomtest(right, len(labels)).proportion_ci(method="wilson")
    return Metrics(
        texts=len(labels),
        accuracy=right / len(labels),
        accuracy_low=float(low),
        accuracy_high=float(high),
        macro_f1=float(f1_score(labels, predicted, average="macro")),
        loss=float(-logs[np.arange(len(labels)), labels].mean()),
        calibration_error=calibration_error(np.exp(logs), labels),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean gap between confidence and accuracy, over 15 bins of confidence, weighted by size."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)  # (low, high]
    gaps = np.bincount(bins, weights=right - confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes `logits / temperature` most likely (Guo et al. 2017, 4.2).

    Above 1 the model was too sure of itself. It never changes which label is predicted. Fit it on
    validation texts, never on the test.
    """
    logits = logits.astype(np.float64)
    right = logits[np.arange(len(labels)), labels]
    coldest, hottest = _TEMPERATURES
    low, high = np.log(1 / hottest), np.log(1 / coldest)
    for _ in range(60):  # halvings: far below float32's resolution
        middle = (low + high) / 2
        # The loss's derivative by 1 / temperature; the loss is convex in it.
        probabilities = softmax(logits * np.exp(middle), axis=1)
        slope = ((probabilities * logits).sum(axis=1) - right).mean()
        low, high = (middle, high) if slope < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))


@torch.no_grad()
def predict_logits(
    model: BERTClassifier, texts: Sequence[EncodedText], *, batch_size: int = 32
) -> np.ndarray:
    """Logits (texts, labels) in float32, without dropout; the model's mode is left as it was."""
    was_training = model.training
    device = next(model.parameters()).device
    pad_token_id = model.config.encoder.pad_token_id or 0
    order = sorted(range(len(texts)), key=lambda i: len(texts[i].token_ids))
    logits = np.zeros((len(texts), len(model.config.labels)), dtype=np.float32)
    model.eval()
    try:
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            chosen = [texts[i] for i in places]
            batch = pad(chosen, pad_token_id=pad_token_id).to(device)
            logits[places] = model.answers(*batch[:3]).float().cpu().numpy()
    finally:
        model.train(was_training)
    return logits
