"""How attention adds up over the layers (rollout, Abnar & Zuidema 2020, section 3): what reaches
the token that the answer is read from, beside the last layer alone.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.inference.encoder import Reading
from explorer.maps.axes import Axis, merge_keys
from explorer.maps.head_types import normalised_entropy
from explorer.maps.view import kept_keys


def rollout_row(
    weights: NDArray[np.float32], kept: NDArray[np.bool_], query: int = 0
) -> NDArray[np.float32]:
    """How much of each token reaches one token of the last layer, if attention were all there is.

    In every layer half comes from the token itself by the residual connection and half from the
    mean of the heads, A' = 0.5 A + 0.5 I; the result is a row of A'_L ... A'_2 A'_1. Other rows
    come out nearly the same where there are many layers: only the one that the answer is read from
    is worth a look. Heads that are ablated have no part in the mean, and a layer without heads
    leaves everything where it is.

    Args:
        weights: shape (layers, heads, query, key).
        kept: which heads are not ablated, shape (layers, heads).
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
    """What one token attends to in the last layer, mean over the heads that are not ablated, shape
    (key,); sums to 1. Itself alone, where no head is left."""
    if not kept[-1].any():
        return np.eye(1, weights.shape[-1], query, dtype=np.float32)[0]
    return _mean(weights[-1, :, query], kept[-1])


def _mean(weights: NDArray[np.float32], kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Over the first axis, without a copy where nothing is ablated."""
    return (weights if kept.all() else weights[kept]).mean(axis=0)


QUERY = 0
"""[CLS], or whatever is first: a classifier reads its answer from there."""


class RolloutView(NamedTuple):
    """Two rows over the same words or tokens: rollout, and attention in the last layer."""

    axis: Axis
    shares: NDArray[np.float32]
    """Of what is shown, shape (2, shown); rows sum to 1."""
    removed: NDArray[np.float32]
    """The share that went to hidden tokens, shape (2,)."""
    entropies: NDArray[np.float32]
    """How flat the rows are over the text's own words alone, shape (2,): 0 is one, 1 all alike."""


def rollout_view(reading: Reading, axis: Axis) -> RolloutView:
    """Both rows by words or tokens, as the axis of the text has them."""
    rows = np.stack(
        [one(reading.weights, reading.kept_heads, QUERY) for one in (rollout_row, last_row)]
    )
    if axis.words is not None:
        rows = merge_keys(rows, axis.words)
    shares, removed = kept_keys(rows, axis)
    return RolloutView(axis, shares, removed, _flatness(rows[:, ~axis.special]))


def _flatness(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The entropy of rows that need not sum to 1, each scaled to 1. What stays with [CLS] itself
    is no sign of a sharp rollout, and so has no part in it."""
    wholes = rows.sum(axis=-1, keepdims=True)
    scaled = np.divide(rows, wholes, out=np.zeros_like(rows), where=wholes > 0)
    return normalised_entropy(scaled[:, None], np.array([rows.shape[-1]]))
