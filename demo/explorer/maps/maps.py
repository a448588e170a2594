"""All maps of a text, before one is chosen: between tokens as the graph gave them, or the words
that they make up; as the weights are, or weighted by what they carry: a large weight on a short
vector moves little.

What a word receives is the sum over its pieces, and what it gives is their mean, so that rows still
sum to 1 (Clark et al. 2019, "What Does BERT Look At?", section 4.1). Layers and heads count from 0
in code, from 1 for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explorer.inference.tokens import Token, Word, group_words
from explorer.maps.head_types import (
    Measure,
    encoder_targets,
    measure_by,
    written_targets,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One side of a map."""

    whole: tuple[Token, ...]
    """All tokens of the text in its order, or all words, each as a token of its own."""
    indexes: NDArray[np.intp]
    """Which of them are shown, by their places from 0, shape (shown,)."""
    words: tuple[Word, ...] | None = None
    """The pieces that make up each of `whole`; None where those are the pieces themselves."""

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Those of `whole` that are shown."""
        return tuple(self.whole[index] for index in self.indexes.tolist())

    @property
    def special(self) -> NDArray[np.bool_]:
        """Which of `whole` the tokenizer put there, shape (whole,)."""
        return np.array([token.special for token in self.whole], bool)

    @property
    def unit(self) -> str:
        """What one of `whole` is called."""
        return "token" if self.words is None else "word"


def text_axis(tokens: Sequence[Token], *, special_tokens: bool = True, words: bool = False) -> Axis:
    """All tokens or words of a text, or all but the special ones."""
    groups = tuple(group_words(tokens)) if words else None
    whole = tuple(tokens) if groups is None else tuple(_as_token(tokens, one) for one in groups)
    indexes = [place for place, token in enumerate(whole) if special_tokens or not token.special]
    return Axis(whole=whole, indexes=np.array(indexes, np.intp), words=groups)


def _as_token(tokens: Sequence[Token], word: Word) -> Token:
    first = tokens[word.places[0]]
    if len(word.places) == 1:
        return first
    parts = [tokens[place] for place in word.places]
    return replace(
        first,
        piece=" ".join(part.piece for part in parts),
        text=word.text,
        readable=" ".join(part.entry for part in parts),
    )


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


MEAN, MAX = "mean", "max"
"""In place of a layer or a head: the mean, or the largest weight, over all of them."""

_NAMES = {MEAN: "mean", MAX: "maximum"}


def one_based(choice: int | str) -> int | str:
    """A layer or a head as people count; `MEAN` and `MAX` stay."""
    return choice + 1 if isinstance(choice, int) else choice


def describe(layer: int | str, head: int | str) -> str:
    """A choice in words: "layer 2, mean over heads"."""
    heads = f"head {head + 1}" if isinstance(head, int) else f"{_NAMES[head]} over heads"
    if isinstance(layer, int):
        return f"layer {layer + 1}, {heads}"
    if layer == head:
        return f"{_NAMES[layer]} over all layers and heads"
    return f"{heads}, {_NAMES[layer]} over layers"


def file_part(layer: int | str, head: int | str) -> str:
    """A choice as a part of a file's name."""
    layers = f"layer{layer + 1}" if isinstance(layer, int) else f"layers-{layer}"
    return f"{layers}-{f'head{head + 1}' if isinstance(head, int) else head}"


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
    """What attends to what in each head. Layers and heads count from 0; a layer is called by its
    number in the model, also where others have no maps.

    Weights are first multiplied by norms, where that is asked for, and then merged to words.
    Only what is asked for is computed: all maps of 512 tokens are 75 MB.
    """

    weights: NDArray[np.float32]
    """Between tokens, shape (layers, heads, query, key)."""
    layers: tuple[int, ...]
    """The numbers of these layers."""
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
    given: int = 1
    """Where it does, how many tokens were there before the first of them."""

    @property
    def of_one_text(self) -> bool:
        """Whether the text attends to itself, as in an encoder's maps."""
        return self.queries is self.keys

    def of_layer(self, layer: int) -> NDArray[np.float32]:
        """A layer's maps between all of the two sides, hidden ones too: (heads, query, key)."""
        return self._at(self.place_of(layer))

    def of_head(self, layer: int, head: int) -> NDArray[np.float32]:
        """One of them, shape (query, key)."""
        return self._at((self.place_of(layer), head))

    def place_of(self, layer: int) -> int:
        """Where a layer's maps are in `weights`."""
        return self.layers.index(layer)

    def mean_of_layer(self, layer: int) -> NDArray[np.float32]:
        """The mean over a layer's heads, but those ablated; 0 if none is left."""
        kept = self._kept(layer)
        if not kept.any():
            return self._merged(np.zeros(self.weights.shape[2:], np.float32))
        if self.norms is not None:
            return self.of_layer(layer)[kept].mean(axis=0)
        weights = self.weights[self.place_of(layer)]
        weights = weights if kept.all() else weights[kept]
        return self._merged(weights.mean(axis=0))  # merging is linear

    def max_of_layer(self, layer: int) -> NDArray[np.float32]:
        """The maximum over a layer's heads, but those ablated; 0 if none is left."""
        return self.of_layer(layer)[self._kept(layer)].max(axis=0, initial=0)

    def layers_left(self) -> int:
        """How many layers have a head that is not ablated."""
        return sum(bool(self._kept(layer).any()) for layer in self.layers)

    def _kept(self, layer: int) -> NDArray[np.bool_]:
        if self.kept is None:
            return np.ones(self.weights.shape[1], np.bool_)
        return self.kept[self.place_of(layer)]

    @cached_property
    def measure(self) -> Measure:
        """What its heads are measured by, for their types."""
        if self.of_one_text:
            targets = encoder_targets(self.queries.whole)
        else:
            sides = self.queries.whole, self.keys.whole
            targets = written_targets(*sides, given=self._given())
        return measure_by(targets, self.even())

    def even(self) -> NDArray[np.float32]:
        """A map that prefers no token to another, shape (query, key)."""
        weights = np.ones(self.weights.shape[2:], np.float32)
        if self.looks_back:
            weights = np.tril(weights, self.given - 1)
        return self._merged(weights / weights.sum(axis=-1, keepdims=True))

    def _given(self) -> int:
        """How many keys were there before the first query, if it looks back; else 0."""
        if not self.looks_back or self.keys.words is None:
            return self.given if self.looks_back else 0
        return sum(word.places[0] < self.given for word in self.keys.words)

    def _at(self, place: int | tuple[int, int]) -> NDArray[np.float32]:
        weights = self.weights[place]
        if self.norms is not None:
            weights = norm_weighted(weights, self.norms[place])
        return self._merged(weights)

    def _merged(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        for side, merge in ((self.keys, merge_keys), (self.queries, merge_queries)):
            if side.words is not None and any(len(word.places) > 1 for word in side.words):
                weights = merge(weights, side.words)
        return weights
