"""What the proofs hold a graph against: the definitions themselves, computed the long way in torch.

The graph takes short cuts (a small matrix for the value norms, a factor for a head); these do not.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from training.model.attention import MultiHeadAttention


def value_norms_by_definition(
    attention: MultiHeadAttention, values: Float[Tensor, "batch heads key depth"]
) -> Float[Tensor, "batch heads key"]:
    """|v W|: the wide vectors themselves, then their lengths."""
    slices = attention.project.weight.unflatten(1, (values.shape[1], -1))
    return torch.einsum("bhkd,ohd->bhko", values, slices).norm(dim=-1)


@contextmanager
def without_head(attention: MultiHeadAttention, head: int) -> Iterator[None]:
    """Inside the block the head adds nothing: its columns of the output projection are 0."""
    weight = attention.project.weight
    depth = weight.shape[1] // attention.num_heads
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[:, head * depth : (head + 1) * depth] = 0
    try:
        yield
    finally:
        with torch.no_grad():
            weight.copy_(kept)
