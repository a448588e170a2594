"""AdamW, and a learning rate that rises and falls."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


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
    return AdamW(groups, fused=fused)


class AdamW(torch.optim.AdamW):
    """Of a table whose gradient is sparse, it leaves the rows alone that a batch does not touch.

    A batch has some hundreds of the vocabulary's words, and the table holds half of a small model's
    weights. Rows that are touched get what AdamW gives them; the others wait for their next batch,
    and so do their moments: torch's `SparseAdam`, with weight decay.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step; whatever has a dense gradient goes to torch's own."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and weight.grad.is_sparse:
                    self._step_rows(weight, weight.grad.coalesce(), group)
                    weight.grad = None  # torch's step then passes it over
        return super().step(closure)

    def _step_rows(self, weight: Tensor, grad: Tensor, group: Mapping[str, Any]) -> None:
        state, (beta1, beta2) = self.state[weight], group["betas"]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(weight) for _ in range(2))
        state["step"] += 1
        rows, step = grad.indices()[0], state["step"].item()
        mean = state["exp_avg"][rows].lerp_(grad.values(), 1 - beta1)
        square = state["exp_avg_sq"][rows].lerp_(grad.values().square(), 1 - beta2)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = mean, square
        length = square.div_(1 - beta2**step).sqrt_().add_(group["eps"])
        rate = group["lr"]
        own = weight[rows].mul_(1 - rate * group["weight_decay"])
        weight[rows] = own.addcdiv_(mean, length, value=-rate / (1 - beta1**step))


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
