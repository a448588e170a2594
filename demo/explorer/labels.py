"""Tokens as names along the axes of a picture."""

from collections.abc import Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from explorer.axis import Axis
from explorer.reading import Token

FAMILIES = ["DejaVu Sans Mono", "DejaVu Sans"]
"""Both come with matplotlib, so that a picture looks the same on every machine."""

MAX_LENGTH = 14

MAX_NAMED = 48
"""Up to so many tokens, each has its name on both axes; of more, every second, third, ... has."""


def axis_labels(axis: Axis) -> list[str]:
    """A label per token. One that the fonts cannot draw (Chinese, emoji) is named by its place,
    `#7`, which the list of tokens beside the picture shows too."""
    return [
        shorten(token.label) if can_draw(token.label) else f"#{index + 1}"
        for token, index in zip(axis.tokens, axis.indexes.tolist(), strict=True)
    ]


def cannot_draw(tokens: Sequence[Token]) -> int:
    """How many of the tokens have a number instead of their name in the picture."""
    return sum(not can_draw(token.label) for token in tokens)


def can_draw(text: str) -> bool:
    """Whether matplotlib's own fonts have a glyph for each of the characters."""
    return all(any(font.get_char_index(ord(c)) for font in _fonts()) for c in text)


def shorten(text: str) -> str:
    """Long words end in an ellipsis; a picture has no room for more."""
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"


def label_step(count: int) -> int:
    """Of `count` tokens, every how-manieth has its name on the axes."""
    return max(-(-count // MAX_NAMED), 1)


@cache
def _fonts() -> tuple[FT2Font, ...]:
    return tuple(FT2Font(font_manager.findfont(family)) for family in FAMILIES)
