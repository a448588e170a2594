"""How broadly a head looks."""

import numpy as np
from numpy.typing import NDArray


def normalised_entropy(
    weights: NDArray[np.float32], visible: NDArray[np.intp]
) -> NDArray[np.float32]:
    """The entropy of a map's rows as a share of the largest possible, mean over rows.

    -sum_j a_ij log a_ij / log n_i (Clark et al. 2019, section 3.3, who plot it unscaled). 0 is a
    head whose every row is one weight of 1; 1 is a head that spreads each row evenly.

    Args:
        weights: rows that sum to 1, shape (..., query, key).
        visible: the number n_i of keys that each query can look at, shape (query,). Rows with one
            have no choice and are left out.

    Returns:
        Shape (...); 0 where no row has a choice.
    """
    choice = visible > 1
    if not choice.any():
        return np.zeros(weights.shape[:-2], np.float32)
    rows = weights[..., choice, :]
    # The smallest positive number keeps 0 log 0 at 0.
    terms = rows * np.log(np.maximum(rows, np.finfo(np.float32).tiny))
    shares = -terms.sum(axis=-1) / np.log(visible[choice]).astype(np.float32)
    return np.clip(shares.mean(axis=-1), 0, 1)
