"""Which tokens make up a word of the reader's text."""

from collections.abc import Sequence
from typing import NamedTuple

from explorer.reading import Token


class Word(NamedTuple):
    """A word as it was typed, or a special token by itself."""

    places: tuple[int, ...]
    """Its tokens, by their places from 0, in order."""
    text: str
    """The reader's characters; a special token's piece, and what stands for a lone space."""
    special: bool
    segment: int


def group_words(tokens: Sequence[Token]) -> list[Word]:
    """The words of a text in reading order: a token, and those after it that continue it."""
    groups: list[list[int]] = []
    for place, token in enumerate(tokens):
        if token.continues and groups:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [_word(tokens, places) for places in groups]


def _word(tokens: Sequence[Token], places: list[int]) -> Word:
    first = tokens[places[0]]
    text = "".join(tokens[place].text for place in places)
    return Word(tuple(places), text or first.name, first.special, first.segment)
