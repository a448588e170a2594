"""The model that training keeps: a moving average of the one that learns, at its best epoch.

The average wanders less than the weights that each batch pulls at: Polyak and Juditsky 1992,
"Acceleration of Stochastic Approximation by Averaging".
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.batches import EncodedText
from training.metrics import Metrics, fit_temperature, measure
from training.model.classifier import BERTClassifier
from training.predict import predict_logits

_EVERY = 4  # steps, and at an epoch's end: each update reads all weights twice


class KeptModel:
    """Follows a model while it learns, and remembers the best epoch's average of its weights."""

    def __init__(self, model: BERTClassifier, *, steps: int, epochs: int, averaging: float) -> None:
        """`averaging` is the share of all `steps` that the average reaches back over; 0: none."""
        keep = max(0.0, 1 - _EVERY / max(averaging * steps, 1e-9))
        self._average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(keep))
        self._model = model
        self._epoch_steps = steps // epochs
        self._best: tuple[float, float] | None = None
        self._weights: dict[str, Tensor] = {}

    def follow(self, step: int) -> None:
        """Takes the model's weights after `step`, counted from 1, into the average."""
        if step % _EVERY == 0 or step % self._epoch_steps == 0:
            self._average.update_parameters(self._model)

    def judge(self, validation: Sequence[EncodedText]) -> tuple[Metrics, bool]:
        """How good the average is now, at the temperature that fits it, and whether it is the best.

        Best is the highest accuracy, and of equals the lowest loss.
        """
        averaged = cast(BERTClassifier, self._average.module)
        answers = np.array([text.label for text in validation])
        logits = predict_logits(averaged, validation)
        measured = measure(logits, answers, temperature=fit_temperature(logits, answers))
        rank = (measured.accuracy, -measured.loss)
        if is_best := self._best is None or rank > self._best:
            self._best = rank
            self._weights = {name: w.clone() for name, w in averaged.state_dict().items()}
        return measured, is_best

    def restore(self) -> None:
        """Gives the model the best epoch's average, ready to run."""
        self._model.load_state_dict(self._weights)
        self._model.eval()
