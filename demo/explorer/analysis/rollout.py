"""How attention adds up over the layers: rollout (Abnar & Zuidema 2020, section 3)."""

import numpy as np
from numpy.typing import NDArray


def rollout_row(weights: NDArray[np.float32], query: int = 0) -> NDArray[np.float32]:
    """How much of each token reaches one token of the last layer, if attention were all there is.

    In every layer half comes from the token itself by the residual connection and half from the
    mean of the heads, A' = 0.5 A + 0.5 I; the result is a row of A'_L ... A'_2 A'_1. Other rows
    come out nearly the same where there are many layers: only the one that the answer is read from
    is worth a look.

    Args:
        weights: shape (layers, heads, query, key).
        query: the token, by its place from 0; 0 is [CLS].

    Returns:
        Shape (key,); sums to 1.
    """
    row = np.zeros(weights.shape[-1], np.float32)
    row[query] = 1
    for layer in weights[::-1]:  # a row times matrices: no product of two matrices is needed
        row = 0.5 * (row @ layer.mean(axis=0)) + 0.5 * row
    return row


def last_row(weights: NDArray[np.float32], query: int = 0) -> NDArray[np.float32]:
    """What one token looks at in the last layer, mean over heads, shape (key,); sums to 1."""
    return weights[-1, :, query].mean(axis=0)
