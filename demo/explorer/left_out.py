"""Heads that are left out: as pairs of layer and head, and as the factors that a graph takes."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Heads = tuple[tuple[int, int], ...]
"""Pairs of layer and head that count from 0, in that order, each once."""


def mask_without(heads: Iterable[tuple[int, int]], layers: int, count: int) -> NDArray[np.float32]:
    """Factors for each head's output, shape (1, layers, heads): 0 leaves a head out.

    Args:
        count: how many heads a layer has.
    """
    mask = np.ones((1, layers, count), np.float32)
    for layer, head in heads:
        mask[0, layer, head] = 0
    return mask


def heads_in(mask: NDArray[np.float32]) -> Heads:
    """The heads that a mask of shape (1, layers, heads) leaves in."""
    return tuple((int(layer), int(head)) for layer, head in np.argwhere(mask[0] != 0))


def counted_from_1(heads: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Heads for people and programs."""
    return [[layer + 1, head + 1] for layer, head in heads]
