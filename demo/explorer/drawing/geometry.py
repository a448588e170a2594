"""Where things lie in the picture of a map, and what its axes name. Plain arithmetic, in inches
from the top left, so that a click on the picture can be turned back into a cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from explorer.inference.tokens import Token
from explorer.maps.axes import Axis

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


DOTS_PER_INCH = 150
FONT_POINTS = 11

_SIDE = (3.6, 6.4)
_LEAST = 1.2  # of the shorter side: the scale's numbers stand beside it
_TITLE = 5.0  # what the title and the line under it need
_CELL = 0.28
_NAMED_CELL = 0.18  # a narrower one would shrink its token's name
_CHARACTER = 0.602 * FONT_POINTS / 72  # every character of DejaVu Sans Mono is so wide


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """The rectangle of the map inside its picture, and the picture's own size."""

    left: float
    top: float
    map_width: float
    map_height: float
    width: float
    height: float

    @property
    def map_rectangle(self) -> tuple[float, float, float, float]:
        """Left, bottom, width and height as shares of the picture: matplotlib's way."""
        return self._rectangle(self.left, self.map_width)

    @property
    def scale_rectangle(self) -> tuple[float, float, float, float]:
        return self._rectangle(self.left + self.map_width + 0.15, 0.12)

    def cell(self, x: float, y: float, rows: int, columns: int) -> tuple[int, int] | None:
        """The row and column under a pixel of the PNG; None beside the map."""
        row = (y / DOTS_PER_INCH - self.top) / self.map_height
        column = (x / DOTS_PER_INCH - self.left) / self.map_width
        if not (0 <= row < 1 and 0 <= column < 1):
            return None
        return int(row * rows), int(column * columns)

    def _rectangle(self, left: float, width: float) -> tuple[float, float, float, float]:
        bottom = self.height - self.top - self.map_height
        return (
            left / self.width,
            bottom / self.height,
            width / self.width,
            self.map_height / self.height,
        )


def map_geometry(queries: Sequence[str], keys: Sequence[str]) -> Geometry:
    """The size of a map's picture follows from its labels: how many, and how long."""
    left, top = _longest(queries) + 0.2, _longest(keys) + 0.75
    width, height = _extent(len(keys)), _extent(len(queries))
    if len(queries) != len(keys):  # cells as square as the room and the names allow
        cell = min(width / max(len(keys), 1), height / max(len(queries), 1))
        width, height = (
            max(cell * len(side), min(_NAMED_CELL * len(side), extent), _LEAST)
            for side, extent in ((keys, width), (queries, height))
        )
    return Geometry(
        left=left,
        top=top,
        map_width=width,
        map_height=height,
        width=max(left + width + 0.9, _TITLE),
        height=top + height + 0.2,
    )


def _extent(count: int) -> float:
    return float(np.clip(count * _CELL, *_SIDE))


def _longest(labels: Sequence[str]) -> float:
    """The room that the longest of the names needs which are written."""
    return max(map(len, labels[:: label_step(len(labels))]), default=1) * _CHARACTER
