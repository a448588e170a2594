"""How far the maps of one graph are from another's: total variation distance, row by row."""

from collections.abc import Sequence

import numpy as np


def moved_shares(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Half the sum of absolute differences: the share of each row's weight that moved.

    Args:
        one, other: maps of shape (batch, heads, query, key).

    Returns:
        Shape (batch, query, heads), so that a mask of real queries can choose among them.
    """
    return np.abs(one - other).sum(axis=-1).transpose(0, 2, 1) / 2


def summarise(shares: Sequence[np.ndarray]) -> dict[str, float]:
    """Mean, 99th percentile and largest of many rows' moved shares."""
    rows = np.concatenate([part.ravel() for part in shares])
    return {
        "mean": float(rows.mean()),
        "p99": float(np.quantile(rows, 0.99)),
        "max": float(rows.max()),
    }
