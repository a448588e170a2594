"""The maths of what is shown: one head or the mean of a layer's, with or without special tokens."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.reading import Reading, Token


@dataclass(frozen=True, kw_only=True, slots=True)
class MapView:
    """An attention map as it is shown. Layer and head count from 0; head None is the mean."""

    layer: int
    head: int | None
    indexes: NDArray[np.intp]
    """Which of the reading's tokens are rows and columns, shape (shown,)."""
    tokens: tuple[Token, ...]
    weights: NDArray[np.float32]
    """Shape (query, key), both of length `shown`; rows sum to 1, or are 0 if nothing is left."""
    removed: NDArray[np.float32]
    """The share of each row that went to hidden tokens, shape (query,)."""
    hides_tokens: bool

    @property
    def name(self) -> str:
        head = "mean over heads" if self.head is None else f"head {self.head + 1}"
        return f"Layer {self.layer + 1}, {head}"


def attention_map(
    reading: Reading, layer: int, head: int | None, *, special_tokens: bool = True
) -> MapView:
    """The map of one head of a layer, or the mean over its heads.

    Without special tokens their rows and columns go, and each row that stays is divided by what
    is left of it: weights'[i, j] = weights[i, j] / (1 - removed[i]).
    """
    weights = reading.weights[layer]
    weights = weights.mean(axis=0) if head is None else weights[head]
    keep = np.ones(len(reading.tokens), bool) if special_tokens else ~reading.special
    weights, removed = renormalised(weights, keep)
    indexes = np.flatnonzero(keep)
    return MapView(
        layer=layer,
        head=head,
        indexes=indexes,
        tokens=tuple(reading.tokens[index] for index in indexes),
        weights=weights,
        removed=removed,
        hides_tokens=not special_tokens,
    )


def renormalised(
    weights: NDArray[np.float32], keep: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Drops tokens from a map and scales its rows back to 1.

    Args:
        weights: shape (..., query, key).
        keep: which tokens stay, shape (tokens,).

    Returns:
        The smaller map, and the share removed from each of its rows, shape (..., query). A row
        whose whole weight went to dropped tokens is 0.
    """
    if keep.all():
        return weights, np.zeros(weights.shape[:-1], np.float32)
    kept = weights[..., keep, :][..., keep]
    left = kept.sum(axis=-1, keepdims=True)
    scaled = np.divide(kept, left, out=np.zeros_like(kept), where=left > 0)
    return scaled, np.clip(1 - left[..., 0], 0, 1)


def telling_head(reading: Reading) -> tuple[int, int]:
    """The layer and head, from 0, whose words look most firmly at distant words: a good first view.

    For each word the largest weight on a word that is neither itself nor its neighbour, averaged
    over the words. Heads that rest on special tokens, or only look one place to the side as many
    do, score low.
    """
    words = np.flatnonzero(~reading.special)
    if len(words) < 2:
        return 0, 0
    between = reading.weights[:, :, words][:, :, :, words].copy()
    places = np.arange(len(words))
    between[:, :, np.abs(places[:, None] - places) <= 1] = 0
    firmness = between.max(axis=-1).mean(axis=-1)
    layer, head = np.unravel_index(int(firmness.argmax()), firmness.shape)
    return int(layer), int(head)


def telling_token(view: MapView) -> int:
    """The token, by its place in the text, that looks most firmly at another word: shown first.

    Special tokens and punctuation are no words; where there is nothing else, the first token.
    """
    if not view.tokens:
        return 0
    weights = view.weights.copy()
    words = np.array([any(map(str.isalnum, token.text)) for token in view.tokens])
    weights[~words] = 0
    weights[:, ~words] = 0
    np.fill_diagonal(weights, 0)
    row, _ = np.unravel_index(int(weights.argmax()), weights.shape)
    return int(view.indexes[row])
