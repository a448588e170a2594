"""Attention weighted by what it carries: a large weight on a short vector moves little."""

import numpy as np
from numpy.typing import NDArray


def norm_weighted(weights: NDArray[np.float32], norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each weight times the norm of the vector that it lets through, rows scaled to sum to 1.

    A head's output at query i is the sum over keys j of weights[i, j] f(x_j); the share of j in it
    is measured by the norm of weights[i, j] f(x_j) = weights[i, j] |f(x_j)| (Kobayashi et al. 2020,
    "Attention is Not Only a Weight", section 3; there unscaled).

    Args:
        weights: shape (..., query, key).
        norms: |f(x)| of each key's vector behind the head's output projection, shape (..., key).

    Returns:
        Shape (..., query, key). A row that carries nothing is 0.
    """
    carried = weights * norms[..., None, :]
    whole = carried.sum(axis=-1, keepdims=True)
    return np.divide(carried, whole, out=np.zeros_like(carried), where=whole > 0)
