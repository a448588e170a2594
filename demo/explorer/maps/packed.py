"""Maps as a browser receives them: 8 bits a cell, deflated, in base64; and all heads in small.

A cell's code is 255 times the root of its weight over the row's largest, and whoever reads it takes
the squares as shares of the row's sum. A weight is then off by at most 0.003, and a row by 0.001 to
0.005 of its attention on average (total variation distance; 15 to 512 tokens of the default
bundle): less than the 8-bit graph's own error. A page that is kept has half as many codes, which
saves a sixth: there a weight is off by at most 0.006, a row by 0.003 to 0.006 (15 to 128 tokens).
A value norm is off by at most 1/131,070 of its head's largest; only their ratios count.
"""

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.maps.head_types import HeadType, head_types
from explorer.maps.maps import Maps, one_based
from explorer.maps.view import chosen_map, renormalised

CROWDED = 48
"""In a text of more tokens, an encoder's scale ends below its strongest cells: see `scale_top`."""

TILE = 48
"""Pixels of a tile's side. A map of more tokens shows the strongest of the cells in a pixel."""


def scale_top(weights: NDArray[np.float32], *, of_one_text: bool = True) -> float:
    """The weight at which the ink of a map, shape (query, key), is full.

    It is the largest of the map. In a long text that an encoder reads, though, [CLS] and [SEP]
    draw a hundred times what any word does and would leave the map white: there the scale ends
    below the strongest cells, as many as two columns have, and the picture writes ≥ at that end.
    The strongest cells of a written text are its alignment with the source, and stay apart.
    """
    crowded = of_one_text and weights.shape[-1] > CROWDED
    top = np.quantile(weights, 1 - 2 / weights.shape[-1]) if crowded else weights.max(initial=0)
    return max(float(top), 1e-3)  # a map of zeros must not divide by zero


DECADES = 4
"""Powers of ten below the top that the log scale tells apart."""


def ink_of(shares: NDArray[np.float32], *, log_scale: bool = False) -> NDArray[np.float32]:
    """Weights, as shares of the scale's top, as ink between 0 and 1: their root, so that the many
    small weights of a row can be told from none, or on the log scale their order of size."""
    most = np.clip(shares, 0, 1)
    if not log_scale:
        return np.sqrt(most)
    return np.maximum(1 + np.log10(np.maximum(most, 1e-30)) / DECADES, 0)


FINE, SMALL = 255, 120
"""The code of a row's largest weight: on the page, and in one that is kept."""


def packed_weights(weights: NDArray[np.float32], largest: int = FINE) -> str:
    """Maps whose rows sum to 1, or to what is told beside them, shape (..., query, key)."""
    tops = weights.max(axis=-1, keepdims=True, initial=0)
    shares = np.divide(weights, tops, out=np.zeros_like(weights), where=tops > 0)
    return deflated(np.rint(largest * np.sqrt(shares)).astype(np.uint8))


def deflated(numbers: NDArray[np.uint8]) -> str:
    """Numbers of 8 bits, deflated, in base64.

    Weights hardly repeat but in runs, such as those of zeros: looking for more than runs takes
    longer and finds what costs more than it saves.
    """
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    return base64.b64encode(packer.compress(numbers.tobytes()) + packer.flush()).decode()


def packed_norms(norms: NDArray[np.float32]) -> str:
    """Value norms, shape (layer, head, key), as numbers of 16 bits in base64: a head's largest is
    65,535."""
    shares = norms / np.maximum(norms.max(axis=-1, keepdims=True, initial=0), 1e-30)
    return base64.b64encode(np.rint(65_535 * shares).astype("<u2").tobytes()).decode()


def packed_floats(numbers: NDArray[np.float32]) -> str:
    """Numbers as they are, in base64."""
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()


def packed_heads(maps: Maps, layer: int, heads: Sequence[int]) -> dict[str, Any]:
    """Some heads of a layer, between tokens; layers and heads count from 1 for the browser."""
    return {
        "layer": layer + 1,
        "heads": [head + 1 for head in heads],
        "weights": packed_weights(maps.weights[maps.place_of(layer), list(heads)]),
    }


def packed_joined(maps: Maps, layer: int | str, head: int | str) -> dict[str, Any]:
    """A mean or a maximum of several heads, between all of the two sides. A maximum's rows do not
    sum to 1, so their sums come along."""
    weights = chosen_map(maps, layer, head)
    return {
        "layer": one_based(layer),
        "head": one_based(head),
        "columns": weights.shape[-1],
        "weights": packed_weights(weights),
        "sums": packed_floats(weights.sum(axis=-1)),
    }


def packed_tiles(maps: Maps) -> dict[str, Any]:
    """All heads in small, and the type of each: a row of tiles for each layer, the mean last."""
    measure, rows, types = maps.measure, [], []
    for layer in maps.layers:  # one at a time: all would double a long text's memory
        weights = maps.of_layer(layer)
        rows.append(tiles(weights, maps))
        types.append([_type_data(one) for one in head_types(weights, measure)])
    return {"tiles": deflated(np.concatenate(rows)), "types": types}


def tiles(weights: NDArray[np.float32], maps: Maps) -> NDArray[np.uint8]:
    """One layer's tiles: ink, shape (heads + 1, TILE, TILE), the mean of all heads last.

    Args:
        weights: of the layer, from `maps.of_layer`.
    """
    mean = weights.mean(axis=0, keepdims=True)
    shown, _ = renormalised(np.concatenate([weights, mean]), maps.queries, maps.keys)
    return np.stack([_tile(one, of_one_text=maps.of_one_text) for one in shown])


def _tile(weights: NDArray[np.float32], *, of_one_text: bool) -> NDArray[np.uint8]:
    """One map as ink; the same square root as in the large picture."""
    top = scale_top(weights, of_one_text=of_one_text)
    ink = ink_of(weights / top)
    if not ink.size:
        return np.zeros((TILE, TILE), np.uint8)
    for axis, count in enumerate(ink.shape):
        edges = np.arange(TILE) * count // TILE
        # Neighbouring edges are equal where a cell has several pixels: reduceat then repeats it.
        ink = np.maximum.reduceat(ink, edges, axis=axis)
    return (ink * 255).astype(np.uint8)


def _type_data(found: HeadType) -> dict[str, Any]:
    closest = max(found.shares, key=lambda name: found.shares[name], default="")
    return {
        "name": found.name, "score": found.score, "entropy": found.entropy, "closest": closest
    }  # fmt: skip
