"""Colours of the pictures, one set for a light page and for paper, one for a dark page.

Ink is one hue that only darkens (on a dark page, lightens): it can be read without colour vision
and in a black-and-white print.
"""

from dataclasses import dataclass
from functools import cached_property

from matplotlib.colors import LinearSegmentedColormap


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours of one kind of page, as hexadecimal RGB."""

    paper: str
    text: str
    line: str
    ink: tuple[str, ...]
    """From no attention to the most."""

    @cached_property
    def colormap(self) -> LinearSegmentedColormap:
        return LinearSegmentedColormap.from_list("ink", self.ink)


LIGHT = Palette(
    paper="#ffffff",
    text="#27272a",
    line="#a1a1aa",
    ink=("#f7f8fe", "#c7d2fe", "#818cf8", "#4338ca", "#1e1b4b"),
)
DARK = Palette(
    paper="#18181b",
    text="#e4e4e7",
    line="#71717a",
    ink=("#1d1d25", "#312e81", "#4f46e5", "#a5b4fc", "#f5f6ff"),
)
