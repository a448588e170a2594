"""A matrix in 8-bit blocks, as `MatMulNBits` reads it: uint8 around 128, a scale for each block.

A block's scale is its value furthest from 0 over -128, as onnxruntime's own quantizer has it. But
where its weights lie on a grid already, since they come from a file that was quantized (a GGUF's
`d * q + m`), new steps would round each of them anew. Then it is a fraction d / a of the grid's
step, with that whole number a for which m is nearest to a whole number of steps: all weights keep
their distances, and move together by a small part of a step.
"""

import numpy as np

_MIDDLE, _LOWEST, _HIGHEST = 128, -128, 127
_COLUMNS = 2048
"""So many at once: some copies of them are made."""
_SAMPLE = 16
"""Columns that show whether a matrix has a grid at all."""
_MOST_LEVELS = 255
_NEAR = 0.01
"""Of a step: nearer than this to a whole number of steps is on the grid."""


def pack_blocks(matrix: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The 8-bit blocks of a matrix, and their scales.

    Args:
        matrix: of shape (input, output).
        size: weights of a block; the last of a column is filled up with zeros.

    Returns:
        uint8 of shape (output, blocks, size), and float32 of shape (output, blocks).
    """
    width, columns = matrix.shape
    count = -(-width // size)
    integers = np.empty((columns, count, size), np.uint8)
    scales = np.empty((columns, count), np.float32)
    has_grid = bool(_grid_scales(_in_blocks(matrix[:, :_SAMPLE], size)).any())
    for start in range(0, columns, _COLUMNS):
        part = slice(start, start + _COLUMNS)
        blocks = _in_blocks(matrix[:, part], size)
        scale = _usual_scales(blocks)
        if has_grid:
            of_grid = _grid_scales(blocks)
            scale = np.where(of_grid > 0, of_grid, scale)
        whole = np.rint(blocks / scale[..., None])
        integers[part] = np.clip(whole, _LOWEST, _HIGHEST) + _MIDDLE
        scales[part] = scale
    return integers, scales


def _in_blocks(matrix: np.ndarray, size: int) -> np.ndarray:
    """Shape (output, blocks, size)."""
    width, columns = matrix.shape
    filled = np.zeros((columns, -(-width // size) * size), np.float32)
    filled[:, :width] = matrix.T
    return filled.reshape(columns, -1, size)


def _usual_scales(blocks: np.ndarray) -> np.ndarray:
    """One for each block; 1 for zeros."""
    furthest = np.abs(blocks).argmax(axis=-1)[..., None]
    found = np.take_along_axis(blocks, furthest, axis=-1)[..., 0] / _LOWEST
    return np.where(found == 0, 1, found).astype(np.float32)


def _grid_scales(blocks: np.ndarray) -> np.ndarray:
    """One for each block that lies on a grid, and 0 for the others."""
    ordered = np.sort(blocks, axis=-1)
    lowest, highest = ordered[..., 0], ordered[..., -1]
    largest = np.maximum(np.abs(lowest), np.abs(highest))
    apart = np.diff(ordered, axis=-1)
    apart[apart <= largest[..., None] * 1e-4] = np.inf  # the same number, but for its rounding
    step = apart.min(axis=-1)
    known = np.isfinite(step)
    step = np.where(known, step, 1)
    levels = (highest - lowest) / step
    step = np.where(known, (highest - lowest) / np.maximum(np.rint(levels), 1), 1)
    places = (ordered - lowest[..., None]) / step[..., None]
    known &= np.abs(places - np.rint(places)).max(axis=-1) < _NEAR
    known &= levels < _MOST_LEVELS + 0.5
    offset = lowest / step
    best, least = np.zeros_like(step), np.full_like(step, np.inf)
    for parts in range(1, _MOST_LEVELS + 1):
        fits = (np.rint(offset * parts) >= _LOWEST) & (np.rint(highest / step * parts) <= _HIGHEST)
        if not (fits & known).any():
            break
        moved = np.abs(offset * parts - np.rint(offset * parts)) / parts
        nearer = fits & (moved < least)
        best, least = np.where(nearer, step / parts, best), np.where(nearer, moved, least)
    return np.where(known, best, 0).astype(np.float32)
