"""The training loop: a generator of records, one a step and one an epoch; it prints nothing.

AdamW (Loshchilov and Hutter 2019), linear warm-up and decay, gradient clipping, label smoothing,
bfloat16 where the hardware multiplies it. The model that is kept is a moving average of the one
that learns, at its best epoch: it wanders less than the weights that each batch pulls at (Polyak
and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.data.batches import Batch, EncodedText, bucketed_batches, count_batches
from training.evaluation.classification import Metrics, fit_temperature, measure, predict_logits
from training.fit.optim import Throughput, TrainStep, check_finite, make_optimizer, make_schedule
from training.model.classifier import BERTClassifier
from training.recipes import Recipe, autocast

_EVERY = 4  # steps, and at an epoch's end: each update reads all weights twice


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training texts came to."""

    number: int
    of: int
    train_loss: float
    """Mean over the epoch's texts, with dropout and label smoothing: not validation's measure."""
    validation: Metrics
    """At the temperature that fits it."""
    tokens_per_second: float
    seconds: float
    """Training and validation of this epoch."""
    best: bool
    """Better on the validation part than every epoch before it."""


def fit(
    model: BERTClassifier,
    train: Sequence[EncodedText],
    validation: Sequence[EncodedText],
    recipe: Recipe,
) -> Iterator[TrainStep | Epoch]:
    """Trains `model` in place; after the last record it holds the best epoch's averaged weights.

    The same model, texts and recipe give the same numbers on the same machine: it seeds torch's
    generator, which dropout draws from. Raises ArithmeticError: the loss is no longer a number.
    """
    torch.manual_seed(recipe.seed)
    order = torch.Generator().manual_seed(recipe.seed)
    model.encoder.embeddings.word.weight.requires_grad_(not recipe.freeze_word_embeddings)
    set_dropout(model, recipe.dropout)
    steps = recipe.epochs * count_batches(len(train), recipe.batch_size)
    optimizer = make_optimizer({model: recipe.learning_rate}, recipe.weight_decay)
    schedule = make_schedule(optimizer, steps, recipe.warm_up)
    throughput = Throughput(steps)
    kept = EmaCheckpoint(model, steps=steps, epochs=recipe.epochs, ema_share=recipe.ema_share)
    for epoch in range(1, recipe.epochs + 1):
        began, losses = perf_counter(), 0.0
        for batch in bucketed_batches(train, model.config.encoder, recipe.batch_size, order):
            learning_rate = float(schedule.get_last_lr()[0])
            with throughput.counting(int(batch.padding_mask.sum())):
                loss = train_step(model, batch, optimizer, recipe)
                schedule.step()
                kept.update(throughput.done + 1)
            check_finite(loss, throughput.done, steps, recipe.learning_rate)
            losses += loss * len(batch.labels)
            yield throughput.record(loss, learning_rate)
        mean = losses / len(train)
        measured, is_best = kept.evaluate(validation)
        seconds = perf_counter() - began
        yield Epoch(epoch, recipe.epochs, mean, measured, throughput.speed, seconds, is_best)
    kept.restore()


def train_step(
    model: BERTClassifier, batch: Batch, optimizer: torch.optim.Optimizer, recipe: Recipe
) -> float:
    """One step down the gradient of one batch; returns the batch's loss."""
    device = next(model.parameters()).device
    batch = batch.to(device)
    model.train()
    optimizer.zero_grad(set_to_none=True)
    with autocast(device):
        logits = model(*batch[:3]).logits
    loss = cross_entropy(logits.float(), batch.labels, label_smoothing=recipe.label_smoothing)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), recipe.max_gradient_norm)
    optimizer.step()
    return float(loss.detach())


def set_dropout(model: BERTClassifier, share: float) -> None:
    """Gives every dropout of the model the same share, and says so in its config."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
    encoder = replace(
        model.config.encoder, hidden_dropout_prob=share, attention_probs_dropout_prob=share
    )
    model.encoder.config = encoder
    model.config = replace(model.config, encoder=encoder, classifier_dropout=share)


class EmaCheckpoint:
    """Follows a model while it learns, and remembers the best epoch's average of its weights."""

    def __init__(self, model: BERTClassifier, *, steps: int, epochs: int, ema_share: float) -> None:
        """`ema_share` is the share of all `steps` that the average reaches back over; 0: none."""
        keep = max(0.0, 1 - _EVERY / max(ema_share * steps, 1e-9))
        self._average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(keep))
        self._model = model
        self._epoch_steps = steps // epochs
        self._best: tuple[float, float] | None = None
        self._weights: dict[str, Tensor] = {}

    def update(self, step: int) -> None:
        """Takes the model's weights after `step`, counted from 1, into the average."""
        if step % _EVERY == 0 or step % self._epoch_steps == 0:
            self._average.update_parameters(self._model)

    def evaluate(self, validation: Sequence[EncodedText]) -> tuple[Metrics, bool]:
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
