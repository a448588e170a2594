"""A classifier's training: what its loss is, and what the loop needs of it. `loop.py` runs it.

AdamW (Loshchilov and Hutter 2019), linear warm-up and decay, gradient clipping, label smoothing,
bfloat16 where the hardware multiplies it. Kept is a moving average of the weights, see `ema.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from training.checkpoints.run_states import RunStates
from training.data.batches import Batch, EncodedText, bucketed_batches, count_batches
from training.data.masking import RandomMasking
from training.evaluation.problems import Judged
from training.fit.ema import EmaCheckpoint
from training.fit.loop import Loss, Training, run
from training.fit.losses import answer_loss, teacher_losses
from training.fit.optim import make_optimizer, make_schedule
from training.fit.progress import Throughput, TrainStep
from training.model.classifier import BERTClassifier
from training.model.config import NUMBER
from training.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training texts came to."""

    number: int
    of: int
    train_loss: float
    """Mean over the epoch's texts, with dropout and label smoothing: not validation's measure."""
    validation: Judged
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
    accelerator: Accelerator | None = None,
    states: RunStates | None = None,
    masking: RandomMasking | None = None,
) -> Iterator[TrainStep | Epoch]:
    """Trains `model` in place; after the last record it holds the best epoch's averaged weights.

    The same model, texts and recipe give the same numbers on the same machine: it seeds torch's
    generator, which dropout draws from, each process its own. Raises what `run` does.
    """
    torch.manual_seed(recipe.seed + (accelerator.process_index if accelerator else 0))
    training = ClassifierTraining(model, train, validation, recipe, masking)
    yield from run(training, accelerator, states)
    training.kept.restore()


class ClassifierObjective(nn.Module):
    """How far a batch's answers are from the right ones, or what a teacher makes of it."""

    def __init__(self, model: BERTClassifier, recipe: Recipe, variance: float = 1.0) -> None:
        """`variance` is what a loss is divided by; of numbers, whose unit may be any."""
        super().__init__()
        self.model, self.recipe, self.variance = model, recipe, variance

    def forward(self, piece: Batch, texts: int) -> Loss:
        """The loss of a piece as its share of a batch of so many `texts`."""
        self.model.train()
        logits, labels = self.model.answers(*piece[:3]).float(), piece.labels
        if piece.answers is None:
            problem, smooth = self.model.config.problem_type, self.recipe.label_smoothing
            mean = answer_loss(logits, labels, problem, label_smoothing=smooth) / self.variance
        else:
            mean = teacher_losses(logits, piece.answers, labels, self.recipe).mean()
        loss = mean * (len(labels) / texts)
        return Loss(loss, loss)


class ClassifierTraining(Training):
    """What the loop needs of a classifier."""

    event = Epoch
    objective: ClassifierObjective

    def __init__(
        self,
        model: BERTClassifier,
        train: Sequence[EncodedText],
        validation: Sequence[EncodedText],
        recipe: Recipe,
        masking: RandomMasking | None = None,
    ) -> None:
        word = model.encoder.embeddings.word
        word.weight.requires_grad_(not recipe.freeze_word_embeddings)
        word.sparse = word.weight.device.type == "cpu"  # see `AdamW`
        set_dropout(model, recipe.dropout)
        self.recipe, self.train, self.validation = recipe, train, validation
        self.masking = masking
        self.epoch_steps = count_batches(len(train), recipe.batch_size)
        self.steps = recipe.epochs * self.epoch_steps
        is_number = model.config.problem_type == NUMBER
        variance = float(np.var([text.label for text in train])) if is_number else 1.0
        self.objective = ClassifierObjective(model, recipe, variance)
        self.learning = list(model.parameters())
        self.optimizer = make_optimizer({model: recipe.learning_rate}, recipe.weight_decay)
        self.schedule = make_schedule(self.optimizer, self.steps, recipe.warm_up)
        self.kept = EmaCheckpoint(
            model, steps=self.steps, epochs=recipe.epochs, ema_share=recipe.ema_share
        )
        self.losses, self.began = 0.0, perf_counter()

    def batches(self) -> Iterator[Batch]:
        """Every epoch's."""
        order = torch.Generator().manual_seed(self.recipe.seed)
        hidden = torch.Generator().manual_seed(self.recipe.seed + 1)
        config, size = self.objective.model.config.encoder, self.recipe.batch_size
        for _ in range(self.recipe.epochs):
            for batch in bucketed_batches(self.train, config, size, order):
                yield self.masking(batch, hidden) if self.masking else batch

    def whole(self, batch: Batch) -> int:
        """How many texts it has."""
        return len(batch.labels)

    def tokens(self, batch: Batch) -> int:
        """Real ones."""
        return int(batch.padding_mask.sum())

    def after(self, batch: Batch, loss: float, throughput: Throughput) -> Iterator[Epoch]:
        """Averages the weights; after an epoch's last step, what the average is worth."""
        step = throughput.done
        self.kept.update(step)
        self.losses += loss * len(batch.labels)
        if step % self.epoch_steps == 0:
            mean, number = self.losses / len(self.train), step // self.epoch_steps
            measured, best = self.kept.evaluate(self.validation)
            seconds = perf_counter() - self.began
            self.losses, self.began = 0.0, perf_counter()
            of, speed = self.recipe.epochs, throughput.speed
            yield Epoch(number, of, mean, measured, speed, seconds, best)

    def state_dict(self) -> dict[str, Any]:
        """The epoch so far, and what is kept."""
        seconds = perf_counter() - self.began
        return {"losses": self.losses, "seconds": seconds, "kept": self.kept.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        self.losses, self.began = state["losses"], perf_counter() - state["seconds"]
        self.kept.load_state_dict(state["kept"])


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
