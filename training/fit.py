"""The training loop: a generator of records, one a step and one an epoch; it prints nothing.

AdamW (Loshchilov and Hutter 2019), linear warm-up and decay, gradient clipping, label smoothing,
bfloat16 where the hardware multiplies it; `kept_model.py` keeps an average of the weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from training.batches import Batch, EncodedText, bucketed_batches, count_batches
from training.kept_model import KeptModel
from training.metrics import Metrics
from training.model.classifier import BERTClassifier
from training.precision import autocast
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the optimiser did."""

    number: int
    of: int
    loss: float
    learning_rate: float
    tokens_per_second: float
    """Real tokens, no padding, since training began; validation is not counted."""
    seconds_left: float


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
) -> Iterator[Step | Epoch]:
    """Trains `model` in place; after the last record it holds the best epoch's averaged weights.

    The same model, texts and recipe give the same numbers on the same machine: it seeds torch's
    generator, which dropout draws from.

    Raises:
        ArithmeticError: the loss is no longer a number.
    """
    torch.manual_seed(recipe.seed)
    order = torch.Generator().manual_seed(recipe.seed)
    model.encoder.embeddings.word.weight.requires_grad_(not recipe.freeze_word_embeddings)
    set_dropout(model, recipe.dropout)
    steps = recipe.epochs * count_batches(len(train), recipe.batch_size)
    optimizer = make_optimizer(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_share(step, steps, recipe.warm_up)
    )
    clock = _Clock(recipe.epochs * sum(len(text.token_ids) for text in train))
    kept = KeptModel(model, steps=steps, epochs=recipe.epochs, averaging=recipe.averaging)
    number = 0
    for epoch in range(1, recipe.epochs + 1):
        began, losses = perf_counter(), 0.0
        for batch in bucketed_batches(train, model.config.encoder, recipe.batch_size, order):
            number += 1
            learning_rate = float(schedule.get_last_lr()[0])
            with clock.counting(int(batch.padding_mask.sum())):
                loss = train_step(model, batch, optimizer, recipe)
                schedule.step()
                kept.follow(number)
            _check_finite(loss, number, steps, recipe)
            losses += loss * len(batch.labels)
            yield Step(number, steps, loss, learning_rate, clock.speed, clock.seconds_left)
        measured, is_best = kept.judge(validation)
        yield Epoch(
            number=epoch,
            of=recipe.epochs,
            train_loss=losses / len(train),
            validation=measured,
            tokens_per_second=clock.speed,
            seconds=perf_counter() - began,
            best=is_best,
        )
    kept.restore()


def _check_finite(loss: float, number: int, steps: int, recipe: Recipe) -> None:
    if not isfinite(loss):
        raise ArithmeticError(
            f"the loss became {loss} at step {number} of {steps}, with the learning rate "
            f"{recipe.learning_rate:g}; train again with a lower one, such as "
            f"{recipe.learning_rate / 10:g}"
        )


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


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW over what learns; biases and layer norms, which have one axis, do not decay."""
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in learning if w.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [w for w in learning if w.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = all(weight.device.type in ("cpu", "cuda") for weight in learning)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=fused)


def learning_rate_share(step: int, steps: int, warm_up: float) -> float:
    """The share of the highest learning rate at `step` of `steps`, counted from 0.

    Rises linearly over the `warm_up` share of the steps and falls linearly to 0, which it would
    reach one step after the last.
    """
    rising = int(steps * warm_up)
    if step < rising:
        return (step + 1) / (rising + 1)
    return (steps - step) / (steps - rising)


class _Clock:
    """Counts tokens and the seconds that their steps took."""

    def __init__(self, total: int) -> None:
        self.total, self.tokens, self.seconds = total, 0, 0.0

    def counting(self, tokens: int) -> "_Clock":
        self.pending = tokens
        return self

    def __enter__(self) -> None:
        self.began = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += perf_counter() - self.began
        self.tokens += self.pending

    @property
    def speed(self) -> float:
        return self.tokens / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float:
        return (self.total - self.tokens) / max(self.speed, 1e-9)
