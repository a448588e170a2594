"""The sides of a map: tokens, or the words that they make up, of which some may be hidden; and
which layer and head a map is of, or what joins several.

What a word receives is the sum over its pieces, and what it gives is their mean, so that rows still
sum to 1 (Clark et al. 2019, "What Does BERT Look At?", section 4.1). Layers and heads count from 0
in code, from 1 for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explorer.inference.tokens import Token, Word, group_words


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


def place_of(axis: Axis, token: int) -> int:
    """Which of an axis's words, or tokens, holds a token of its text; both by place from 0."""
    if axis.words is None:
        return token
    return next(place for place, word in enumerate(axis.words) if token in word.places)


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
