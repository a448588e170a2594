"""What reaches the token that the answer is read from: rollout, and the last layer alone."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer import payloads
from explorer.analysis.entropy import normalised_entropy
from explorer.analysis.merge import merge_keys
from explorer.analysis.rollout import last_row, rollout_row
from explorer.axis import Axis
from explorer.reading import Reading
from explorer.view import kept_keys

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


def rollout_payload(reading: Reading, view: RolloutView) -> dict[str, Any]:
    """What `page/rollout.js` draws."""
    whole = view.axis.whole
    return {
        "unit": view.axis.unit,
        "query": whole[QUERY].name,
        "layers": len(reading.weights),
        "tokens": [payloads.chip(token, place) for place, token in enumerate(whole)],
        "shown": view.axis.indexes.tolist(),
        "rows": [[round(share, 4) for share in row] for row in view.shares.tolist()],
        "removed": view.removed.tolist(),
        "entropies": view.entropies.tolist(),
    }
