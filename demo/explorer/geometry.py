"""Where things lie in the picture of a map. Plain arithmetic, in inches from the top left, so
that a click on the picture can be turned back into a cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.labels import label_step

DOTS_PER_INCH = 150
FONT_POINTS = 11

_SIDE = (3.6, 6.4)
_CELL = 0.28
_CHARACTER = 0.602 * FONT_POINTS / 72  # every character of DejaVu Sans Mono is so wide


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """The square of the map inside its picture, and the picture's own size."""

    left: float
    top: float
    side: float
    width: float
    height: float

    @property
    def map_rectangle(self) -> tuple[float, float, float, float]:
        """Left, bottom, width and height as shares of the picture: matplotlib's way."""
        return self._rectangle(self.left, self.side)

    @property
    def scale_rectangle(self) -> tuple[float, float, float, float]:
        return self._rectangle(self.left + self.side + 0.15, 0.12)

    def cell(self, x: float, y: float, count: int) -> tuple[int, int] | None:
        """The row and column under a pixel of the PNG; None beside the map."""
        row = (y / DOTS_PER_INCH - self.top) / self.side
        column = (x / DOTS_PER_INCH - self.left) / self.side
        if not (0 <= row < 1 and 0 <= column < 1):
            return None
        return int(row * count), int(column * count)

    def _rectangle(self, left: float, width: float) -> tuple[float, float, float, float]:
        bottom = self.height - self.top - self.side
        return (
            left / self.width,
            bottom / self.height,
            width / self.width,
            self.side / self.height,
        )


def map_geometry(labels: Sequence[str]) -> Geometry:
    """The size of a map's picture follows from its labels: how many, and how long."""
    named = labels[:: label_step(len(labels))]
    longest = max(map(len, named), default=1) * _CHARACTER
    side = float(np.clip(len(labels) * _CELL, *_SIDE))
    left, top = longest + 0.2, longest + 0.75
    return Geometry(left=left, top=top, side=side, width=left + side + 0.9, height=top + side + 0.2)
