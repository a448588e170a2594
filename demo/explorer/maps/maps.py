"""All maps of a text, before one is chosen: between tokens as the graph gave them, or words; as the
weights are, or weighted by what they carry: a large weight on a short vector moves little.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explorer.maps.axes import Axis, merge_keys, merge_queries
from explorer.maps.head_types import (
    HeadType,
    Measure,
    encoder_targets,
    head_types,
    measure_by,
    written_targets,
)


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


@dataclass(frozen=True, kw_only=True)
class Maps:
    """What attends to what in each head. Layers and heads count from 0.

    Weights are first multiplied by norms, where that is asked for, and then merged to words.
    Only what is asked for is computed: all maps of 512 tokens are 75 MB.
    """

    weights: NDArray[np.float32]
    """Between tokens, shape (layers, heads, query, key)."""
    norms: NDArray[np.float32] | None = None
    """By which keys count, shape (layers, heads, key): see `norm_weighted`. None: as they are."""
    queries: Axis
    keys: Axis
    """Of an encoder's maps the queries again."""
    kind: str = ""
    """Which attention it is, where a model has several: "Cross-attention"."""
    sides: tuple[str, str] = ("each row attends (query)", "its columns are attended to (keys)")
    """What rows and columns are, in words."""
    kept: NDArray[np.bool_] | None = None
    """Which heads a mean or a maximum is of, shape (layers, heads); None: all."""
    looks_back: bool = False
    """Whether a query only sees what was written before it."""

    @property
    def of_one_text(self) -> bool:
        """Whether the text attends to itself, as in an encoder's maps."""
        return self.queries is self.keys

    def of_layer(self, layer: int) -> NDArray[np.float32]:
        """A layer's maps between all of the two sides, hidden ones too: (heads, query, key)."""
        weights = self.weights[layer]
        return self._merged(
            weights if self.norms is None else norm_weighted(weights, self.norms[layer])
        )

    def of_head(self, layer: int, head: int) -> NDArray[np.float32]:
        """One of them, shape (query, key)."""
        weights = self.weights[layer, head]
        return self._merged(
            weights if self.norms is None else norm_weighted(weights, self.norms[layer, head])
        )

    def mean_of_layer(self, layer: int) -> NDArray[np.float32]:
        """The mean over a layer's heads, but those ablated; 0 if none is left."""
        kept = self._kept(layer)
        if not kept.any():
            return self._merged(np.zeros(self.weights.shape[2:], np.float32))
        if self.norms is not None:
            return self.of_layer(layer)[kept].mean(axis=0)
        weights = self.weights[layer] if kept.all() else self.weights[layer, kept]
        return self._merged(weights.mean(axis=0))  # merging is linear

    def max_of_layer(self, layer: int) -> NDArray[np.float32]:
        """The maximum over a layer's heads, but those ablated; 0 if none is left."""
        return self.of_layer(layer)[self._kept(layer)].max(axis=0, initial=0)

    def layers_left(self) -> int:
        """How many layers have a head that is not ablated."""
        return sum(bool(self._kept(layer).any()) for layer in range(len(self.weights)))

    def _kept(self, layer: int) -> NDArray[np.bool_]:
        return np.ones(self.weights.shape[1], np.bool_) if self.kept is None else self.kept[layer]

    @cached_property
    def measure(self) -> Measure:
        """What its heads are measured by, for their types."""
        if self.of_one_text:
            targets = encoder_targets(self.queries.whole)
        else:
            sides = self.queries.whole, self.keys.whole
            targets = written_targets(*sides, looks_back=self.looks_back)
        return measure_by(targets, self.even())

    def head_type(self, layer: int | str, head: int | str) -> HeadType | None:
        """The type of one head; None where a map joins several."""
        if not isinstance(layer, int) or not isinstance(head, int):
            return None
        return head_types(self.of_head(layer, head)[None], self.measure)[0]

    def even(self) -> NDArray[np.float32]:
        """A map that prefers no token to another, shape (query, key)."""
        weights = np.ones(self.weights.shape[2:], np.float32)
        if self.looks_back:
            weights = np.tril(weights)
        return self._merged(weights / weights.sum(axis=-1, keepdims=True))

    def _merged(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        for side, merge in ((self.keys, merge_keys), (self.queries, merge_queries)):
            if side.words is not None and any(len(word.places) > 1 for word in side.words):
                weights = merge(weights, side.words)
        return weights
