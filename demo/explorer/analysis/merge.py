"""Attention between words out of attention between their pieces.

What a word receives is the sum over its pieces, and what it gives is their mean, so that rows still
sum to 1 (Clark et al. 2019, "What Does BERT Look At?", section 4.1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from explorer.words import Word


def merge_keys(weights: NDArray[np.float32], words: Sequence[Word]) -> NDArray[np.float32]:
    """Sums the columns of each word: (..., key piece) to (..., key word)."""
    if not words:
        return weights[..., :0]
    return np.add.reduceat(weights, [word.places[0] for word in words], axis=-1)


def merge_queries(weights: NDArray[np.float32], words: Sequence[Word]) -> NDArray[np.float32]:
    """Takes the mean of the rows of each word: (…, query piece, key) to (…, query word, key)."""
    if not words:
        return weights[..., :0, :]
    sums = np.add.reduceat(weights, [word.places[0] for word in words], axis=-2)
    counts = np.array([len(word.places) for word in words], np.float32)
    return (sums / counts[:, None]).astype(np.float32, copy=False)


def merge_words(
    weights: NDArray[np.float32], queries: Sequence[Word], keys: Sequence[Word]
) -> NDArray[np.float32]:
    """Maps between pieces, shape (..., query, key), as maps between words.

    Args:
        queries, keys: all words of the text of that side in order, from `group_words`: together
            they cover each of its tokens once.
    """
    return merge_queries(merge_keys(weights, keys), queries)
