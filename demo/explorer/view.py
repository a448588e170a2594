"""The maths of what is shown: a head's map or that of several, with or without special tokens."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.axis import Axis, text_axis
from explorer.maps import Maps
from explorer.reading import Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class MapView:
    """An attention map as it is shown. Layer and head count from 0; head None is the mean."""

    layer: int
    head: int | None
    queries: Axis
    """The rows: what looks."""
    keys: Axis
    """The columns: what is looked at. In an encoder's map the queries again."""
    weights: NDArray[np.float32]
    """Shape (query, key); rows sum to 1, or are 0 if nothing is left."""
    removed: NDArray[np.float32]
    """The share of each row that went to hidden tokens, shape (query,)."""
    kind: str = ""
    sides: tuple[str, str]
    """As in `Maps`."""

    @property
    def of_one_text(self) -> bool:
        """Whether the text looks at itself, as in an encoder's map."""
        return self.queries is self.keys

    @property
    def hides_tokens(self) -> bool:
        return any(len(side.indexes) < len(side.whole) for side in (self.queries, self.keys))

    @property
    def name(self) -> str:
        head = "mean over heads" if self.head is None else f"head {self.head + 1}"
        return f"{self.kind}{', l' if self.kind else 'L'}ayer {self.layer + 1}, {head}"

    @property
    def file_name(self) -> str:
        """Of a picture of it, without what says the kind of file."""
        head = "mean" if self.head is None else f"head{self.head + 1}"
        return f"{self.kind.lower() or 'attention'}-layer{self.layer + 1}-{head}"


def encoder_maps(reading: Reading, *, special_tokens: bool = True, words: bool = False) -> Maps:
    """All maps of a text that an encoder read."""
    axis = text_axis(reading.tokens, special_tokens=special_tokens, words=words)
    return Maps(weights=reading.weights, queries=axis, keys=axis)


def attention_map(reading: Reading, layer: int, head: int | None, **which: bool) -> MapView:
    """One map of a text that an encoder read.

    Args:
        which: as for `encoder_maps`.
    """
    return map_view(encoder_maps(reading, **which), layer, head)


def map_view(maps: Maps, layer: int, head: int | None) -> MapView:
    """The map of one head of a layer, or the mean over its heads.

    What is hidden goes, rows and columns, and each row that stays is divided by what is left of
    it: weights'[i, j] = weights[i, j] / (1 - removed[i]).
    """
    weights, removed = renormalised(chosen_map(maps, layer, head), maps.queries, maps.keys)
    return MapView(
        layer=layer,
        head=head,
        queries=maps.queries,
        keys=maps.keys,
        weights=weights,
        removed=removed,
        kind=maps.kind,
        sides=maps.sides,
    )


def chosen_map(maps: Maps, layer: int, head: int | None) -> NDArray[np.float32]:
    """One head's map, or the mean over the layer's heads: all of the two sides."""
    return maps.mean_of_layer(layer) if head is None else maps.of_head(layer, head)


def renormalised(
    weights: NDArray[np.float32], queries: Axis, keys: Axis
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Drops what is not shown from maps and scales their rows back to 1.

    Args:
        weights: shape (..., query, key), of the whole texts.

    Returns:
        The smaller maps, and the share removed from each of their rows, shape (..., query). A row
        whose whole weight went to dropped tokens is 0.
    """
    rows = weights[..., queries.indexes, :]
    if len(keys.indexes) == weights.shape[-1]:
        return rows, np.zeros(rows.shape[:-1], np.float32)
    kept = rows[..., keys.indexes]
    left = kept.sum(axis=-1, keepdims=True)
    scaled = np.divide(kept, left, out=np.zeros_like(kept), where=left > 0)
    return scaled, np.clip(1 - left[..., 0], 0, 1)


def telling_head(reading: Reading) -> tuple[int, int]:
    """The layer and head, from 0, whose words look most firmly at distant words: a good first view.

    For each word the largest weight on a word that is neither itself nor its neighbour, averaged
    over the words. Heads that rest on special tokens, or only look one place to the side as many
    do, score low.
    """
    maps = encoder_maps(reading, special_tokens=False, words=True)
    places = maps.queries.indexes
    if len(places) < 2:
        return 0, 0
    far = np.abs(places[:, None] - places) > 1
    firmness = np.stack(
        [
            (maps.of_layer(layer)[:, places][:, :, places] * far).max(axis=-1).mean(axis=-1)
            for layer in range(len(reading.weights))
        ]
    )
    layer, head = np.unravel_index(int(firmness.argmax()), firmness.shape)
    return int(layer), int(head)


def telling_token(view: MapView) -> int:
    """The token, by its place in the text, that looks most firmly at another word: shown first.

    Special tokens and punctuation are no words; where there is nothing else, the first token.
    """
    if not view.queries.tokens:
        return 0
    weights = view.weights.copy()
    words = np.array([any(map(str.isalnum, token.text)) for token in view.queries.tokens])
    weights[~words] = 0
    weights[:, ~words] = 0
    np.fill_diagonal(weights, 0)
    row, _ = np.unravel_index(int(weights.argmax()), weights.shape)
    return int(view.queries.indexes[row])
