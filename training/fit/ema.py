"""Which weights a classifier's training keeps: a moving average of them, at its best epoch.

It wanders less than the weights that each batch pulls at (Polyak and Juditsky 1992, "Acceleration
of Stochastic Approximation by Averaging").
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.data.batches import EncodedText
from training.evaluation.classification import predict_logits
from training.evaluation.problems import Judged, fit_temperature_of, judge
from training.model.classifier import BERTClassifier

_EVERY = 4  # steps, and at an epoch's end: each update reads all weights twice


class EmaCheckpoint:
    """Follows a model while it learns, and remembers the best epoch's average of its weights."""

    def __init__(self, model: BERTClassifier, *, steps: int, epochs: int, ema_share: float) -> None:
        """`ema_share` is the share of all `steps` that the average reaches back over; 0: none."""
        keep = max(0.0, 1 - _EVERY / max(ema_share * steps, 1e-9))
        self._average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(keep))
        self._model = model
        self._epoch_steps = steps // epochs
        self._best: tuple[float, ...] | None = None
        self._weights: dict[str, Tensor] = {}

    def update(self, step: int) -> None:
        """Takes the model's weights after `step`, counted from 1, into the average."""
        if step % _EVERY == 0 or step % self._epoch_steps == 0:
            self._average.update_parameters(self._model)

    def evaluate(self, validation: Sequence[EncodedText]) -> tuple[Judged, bool]:
        """How good the average is now, at the temperature that fits it, and whether it is best."""
        averaged = cast(BERTClassifier, self._average.module)
        answers = np.array([text.label for text in validation])
        logits = predict_logits(averaged, validation)
        problem = averaged.config.problem_type
        temperature = fit_temperature_of(problem, logits, answers)
        measured = judge(problem, logits, answers, temperature=temperature)
        if is_best := self._best is None or measured.rank > self._best:
            self._best = measured.rank
            self._weights = {name: w.clone() for name, w in averaged.state_dict().items()}
        return measured, is_best

    def state_dict(self) -> dict[str, Any]:
        """The average and the best epoch's."""
        average = self._average.state_dict()
        return {"average": average, "best": self._best, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse."""
        self._average.load_state_dict(state["average"])
        self._best, self._weights = state["best"], state["weights"]

    def restore(self) -> None:
        """Gives the model the best epoch's average, ready to run."""
        self._model.load_state_dict(self._weights)
        self._model.eval()
