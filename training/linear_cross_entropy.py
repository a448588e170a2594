"""The loss over a large vocabulary, without ever holding all its scores.

A batch of 1,500 positions has 46 million scores over 30,522 words: written to memory and read back
several times, they cost more than the products that make them. Here they are made for a few
positions at a time, turned into the gradient at once, and forgotten. The word table does not
learn, so its gradient, as large as itself, is never made.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

_ROWS = 128  # positions at a time


def linear_cross_entropy(
    hidden: Float[Tensor, "positions hidden"],
    table: Float[Tensor, "vocabulary hidden"],
    targets: Int[Tensor, " positions"],
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Mean cross-entropy of `softmax(hidden @ table.T)`, as `torch.nn.functional.cross_entropy`.

    Only `hidden` gets a gradient. Scores are made in the dtype of `table`; sums are float32.
    """
    return _LinearCrossEntropy.apply(hidden, table, targets, label_smoothing)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, table: Tensor, targets: Tensor, smoothing: float
    ) -> Tensor:
        hidden_low = hidden.detach().to(table.dtype)
        right = table[targets].float()
        # Smoothing asks for the mean score of all words: one product with the mean word.
        wanted = (1 - smoothing) * right + smoothing * table.float().mean(dim=0)
        loss = -(hidden.detach().float() * wanted).sum()
        gradient = torch.empty_like(hidden_low)
        for start in range(0, len(hidden), _ROWS):
            rows = slice(start, start + _ROWS)
            scores = hidden_low[rows] @ table.T
            normalisers = scores.logsumexp(dim=-1, keepdim=True)
            loss += normalisers.float().sum()
            gradient[rows] = scores.sub_(normalisers).exp_() @ table
        ctx.save_for_backward((gradient.float() - wanted) / len(hidden))
        return loss / len(hidden)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream, None, None, None
