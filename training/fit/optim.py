"""AdamW, and a learning rate that rises and falls."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


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
