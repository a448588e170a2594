"""How attention adds up over the layers: rollout (Abnar & Zuidema 2020, section 3)."""

import numpy as np
from numpy.typing import NDArray


def rollout_row(
    weights: NDArray[np.float32], kept: NDArray[np.bool_], query: int = 0
) -> NDArray[np.float32]:
    """How much of each token reaches one token of the last layer, if attention were all there is.

    In every layer half comes from the token itself by the residual connection and half from the
    mean of the heads, A' = 0.5 A + 0.5 I; the result is a row of A'_L ... A'_2 A'_1. Other rows
    come out nearly the same where there are many layers: only the one that the answer is read from
    is worth a look. Heads that are left out have no part in the mean, and a layer without heads
    leaves everything where it is.

    Args:
        weights: shape (layers, heads, query, key).
        kept: which heads are not left out, shape (layers, heads).
        query: the token, by its place from 0; 0 is [CLS].

    Returns:
        Shape (key,); sums to 1.
    """
    row = np.zeros(weights.shape[-1], np.float32)
    row[query] = 1
    for layer in reversed(range(len(weights))):
        if kept[layer].any():  # a row times matrices: no product of two matrices is needed
            row = 0.5 * (row @ _mean(weights[layer], kept[layer])) + 0.5 * row
    return row


def last_row(
    weights: NDArray[np.float32], kept: NDArray[np.bool_], query: int = 0
) -> NDArray[np.float32]:
    """What one token looks at in the last layer, mean over the heads that are not left out, shape
    (key,); sums to 1. Itself alone, where no head is left."""
    if not kept[-1].any():
        return np.eye(1, weights.shape[-1], query, dtype=np.float32)[0]
    return _mean(weights[-1, :, query], kept[-1])


def _mean(weights: NDArray[np.float32], kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Over the first axis, without a copy where nothing is left out."""
    return (weights if kept.all() else weights[kept]).mean(axis=0)
