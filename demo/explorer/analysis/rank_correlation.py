"""Whether two scores put words into the same order."""

import numpy as np
from numpy.typing import ArrayLike


def kendall_tau(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's tau-b of two scores of the same things (Kendall 1945, "The Treatment of Ties in
    Ranking Problems"): 1 for the same order, -1 for the reverse, about 0 for orders that have
    nothing to do with each other.

    Args:
        first, second: shape (things,), without NaN.

    Returns:
        NaN where one of them has a single value, and so no order.
    """
    one, other = (_signs(np.asarray(scores, np.float64)) for scores in (first, second))
    untied = np.sqrt(float((one**2).sum()) * float((other**2).sum()))
    return float((one * other).sum() / untied) if untied else float("nan")


def _signs(scores: np.ndarray) -> np.ndarray:
    """Of the difference of every two scores, shape (things, things)."""
    return np.sign(scores[:, None] - scores[None, :])
