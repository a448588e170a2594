"""Words by how much they count, as each of several methods sees it."""

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.merge import merge_keys
from explorer.analysis.norms import norm_weighted
from explorer.analysis.occlusion import Occlusion
from explorer.analysis.rollout import last_row, rollout_row
from explorer.reading import Reading
from explorer.words import group_words

OCCLUSION = "occlusion"
METHODS = ("attention", "norm-weighted attention", "rollout", OCCLUSION)


def attention_received(reading: Reading) -> NDArray[np.float32]:
    """What the first token ([CLS], from which the class is read) gives to each own word of the
    text in the last layer, mean over its heads, shape (words,).

    What special tokens receive is not in it, so it sums to less than 1.
    """
    return _by_word(last_row(reading.weights, reading.kept_heads), reading)


def word_scores(reading: Reading, found: Occlusion, *, signed: bool) -> dict[str, NDArray]:
    """A score for each own word by each of `METHODS`: the higher, the more it counts.

    Args:
        signed: whether a word with a negative effect counts less than one without any; false: only
            the size of the effect counts. A word that was not tried counts as without effect.
    """
    carried = norm_weighted(reading.weights[-1:, :, :1], reading.value_norms[-1:])
    effects = np.nan_to_num(found.log_odds_effects)
    scores = (
        attention_received(reading),
        _by_word(last_row(carried, reading.kept_heads), reading),
        _by_word(rollout_row(reading.weights, reading.kept_heads), reading),
        effects if signed else np.abs(effects),
    )
    return dict(zip(METHODS, scores, strict=True))


def _by_word(row: NDArray[np.float32], reading: Reading) -> NDArray[np.float32]:
    """A row over all tokens, shape (tokens,), summed over the pieces of each own word."""
    words = group_words(reading.tokens)
    return merge_keys(row, words)[[not word.special for word in words]]
