"""All heads of all layers in one small picture, a tile per head and one per layer for the mean.

The picture is a mask: its alpha channel says how much ink a pixel gets, the page's own colours
say which, so that it fits a light and a dark page.
"""

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.heatmap import scale_top
from explorer.maps import Maps
from explorer.view import renormalised

TILE = 48
"""Pixels of a tile's side. A map of more tokens shows the strongest of the cells in a pixel."""


def tiles(weights: NDArray[np.float32], maps: Maps) -> NDArray[np.uint8]:
    """One layer's row of tiles: ink, shape (TILE, (heads + 1) * TILE).

    Args:
        weights: of the layer, from `maps.of_layer`. One at a time: all layers would double a long
            text's memory.
    """
    mean = weights.mean(axis=0, keepdims=True)
    shown, _ = renormalised(np.concatenate([weights, mean]), maps.queries, maps.keys)
    return np.concatenate([_tile(one, of_one_text=maps.of_one_text) for one in shown], axis=1)


def picture(rows: Sequence[NDArray[np.uint8]]) -> str:
    """The picture as a data URI: a row of tiles per layer, a column per head, the mean last."""
    alpha = Image.fromarray(np.concatenate(rows, axis=0))
    both = Image.merge("LA", (Image.new("L", alpha.size), alpha))
    buffer = BytesIO()
    both.save(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _tile(weights: NDArray[np.float32], *, of_one_text: bool) -> NDArray[np.uint8]:
    """One map as ink, shape (TILE, TILE); the same square root as in the large picture."""
    top = scale_top(weights, of_one_text=of_one_text)
    ink = np.sqrt(np.clip(weights / top, 0, 1))
    return (_resized(ink) * 255).astype(np.uint8)


def _resized(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    for axis, count in enumerate(cells.shape):
        edges = np.arange(TILE) * count // TILE
        # Neighbouring edges are equal where a cell has several pixels: reduceat then repeats it.
        if not count:
            return np.zeros((TILE, TILE), np.float32)
        cells = np.maximum.reduceat(cells, edges, axis=axis)
    return cells
