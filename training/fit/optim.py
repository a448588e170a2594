"""What both loops share: AdamW, a learning rate that rises and falls, a guard, and a clock."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class TrainStep:
    """What one step of the optimiser did."""

    number: int
    of: int
    loss: float
    learning_rate: float
    tokens_per_second: float
    """Real tokens, no padding, since training began; validation is not counted."""
    seconds_left: float


@dataclass(slots=True)
class Throughput:
    """Counts steps, their tokens, and the seconds that they took."""

    steps: int
    """Of the whole training."""
    done: int = 0
    tokens: int = 0
    seconds: float = 0.0

    @contextmanager
    def counting(self, tokens: int) -> Iterator[None]:
        """To be entered around one step of so many tokens."""
        began = perf_counter()
        yield
        self.seconds += perf_counter() - began
        self.tokens += tokens
        self.done += 1

    @property
    def speed(self) -> float:
        """Tokens a second."""
        return self.tokens / max(self.seconds, 1e-9)

    def record(self, loss: float, learning_rate: float) -> TrainStep:
        """The step that was counted last; those that are left will take as long as those before."""
        left = (self.steps - self.done) * self.seconds / max(self.done, 1)
        return TrainStep(self.done, self.steps, loss, learning_rate, self.speed, left)


def make_optimizer(
    learning_rates: Mapping[nn.Module, float], weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) over what learns in each module, at its highest rate.

    Biases and layer norms, which have one axis, do not decay.
    """
    groups: list[dict[str, Any]] = []
    for module, rate in learning_rates.items():
        learning = [weight for weight in module.parameters() if weight.requires_grad]
        matrices = [weight for weight in learning if weight.ndim > 1]
        others = [weight for weight in learning if weight.ndim <= 1]
        groups += [
            {"params": matrices, "weight_decay": weight_decay, "lr": rate},
            {"params": others, "weight_decay": 0.0, "lr": rate},
        ]
    fused = all(w.device.type in ("cpu", "cuda") for group in groups for w in group["params"])
    return torch.optim.AdamW(groups, fused=fused)


def make_schedule(
    optimizer: torch.optim.Optimizer, steps: int, warm_up: float
) -> torch.optim.lr_scheduler.LambdaLR:
    """Lets every rate follow `learning_rate_share`."""
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_share(step, steps, warm_up)
    )


def learning_rate_share(step: int, steps: int, warm_up: float) -> float:
    """The share of the highest learning rate at `step` of `steps`, counted from 0.

    Rises linearly over the `warm_up` share of the steps and falls linearly to 0, which it would
    reach one step after the last.
    """
    rising = int(steps * warm_up)
    if step < rising:
        return (step + 1) / (rising + 1)
    return (steps - step) / (steps - rising)


def check_finite(loss: float, number: int, steps: int, learning_rate: float) -> None:
    """Stops a run whose loss has run away: raises ArithmeticError where it is no number."""
    if not isfinite(loss):
        raise ArithmeticError(
            f"the loss became {loss} at step {number} of {steps}, with the learning rate "
            f"{learning_rate:g}; train again with a lower one, such as {learning_rate / 10:g}"
        )
