"""The sides of a map: tokens, or the words that they make up, of which some may be hidden."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explorer.reading import Token
from explorer.words import Word, group_words


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
