"""Draws attention maps: one as a picture, all heads in small, or a file to keep.

Where things lie in a picture is plain arithmetic, in inches from the top left, so that a click on
it can be turned back into a cell. It is drawn with matplotlib's object interface: no pyplot,
nothing global; no other file draws with matplotlib. Queries are rows, keys are columns; more ink is
more attention, in one hue that only darkens (on a dark page, lightens): it can be read without
colour vision and in a black-and-white print. Names stand as plain text instead of ticks:
matplotlib's ticks take longer to build than all the rest.

The small pictures, a tile per head and one per layer for the mean, are a mask: its alpha channel
says how much ink a pixel gets, the page's own colours say which, so that it fits a light and a dark
page. All of them go to the page in the answer itself, and never into a file of the server.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from io import BytesIO
from threading import Lock
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import Image

from explorer.inference.tokens import Token
from explorer.maps.maps import Axis, Maps
from explorer.maps.view import MapView, renormalised

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

    def cell(self, x: float, y: float, rows: int, columns: int) -> tuple[int, int] | None:
        """The row and column under a pixel of the PNG; None beside the map."""
        row = (y / DOTS_PER_INCH - self.top) / self.map_height
        column = (x / DOTS_PER_INCH - self.left) / self.map_width
        if not (0 <= row < 1 and 0 <= column < 1):
            return None
        return int(row * rows), int(column * columns)

    def rectangle(self, left: float, width: float) -> tuple[float, float, float, float]:
        """One as high as the map, as matplotlib takes it: left, bottom, width and height as shares
        of the picture."""
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


# gradio switches matplotlib's backend around every call; from agg to agg that does nothing.
matplotlib.use("agg")


# Its caches of fonts and texts are not made for several threads, and two things here may draw.
_ONE_AT_A_TIME = Lock()


def draw(view: MapView, format: Literal["png", "svg"] = "png", palette: Palette = LIGHT) -> bytes:
    """A map as the bytes of a picture. Safe between threads."""
    with _ONE_AT_A_TIME:
        buffer = BytesIO()
        _figure(view, palette).savefig(buffer, format=format)
        return buffer.getvalue()


def _figure(view: MapView, palette: Palette) -> Figure:
    rows, columns = axis_labels(view.queries), axis_labels(view.keys)
    box = map_geometry(rows, columns)
    figure = Figure(figsize=(box.width, box.height), dpi=DOTS_PER_INCH, facecolor=palette.paper)
    FigureCanvasAgg(figure)
    axes = figure.add_axes(box.rectangle(box.left, box.map_width))
    norm = PowerNorm(0.5, vmin=0, vmax=scale_top(view.weights, of_one_text=view.of_one_text))
    weights = view.weights if view.weights.size else np.zeros((1, 1))
    axes.imshow(weights, cmap=palette.colormap, norm=norm, aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(palette.line)
    _name_tokens(axes, rows, columns, box, palette)
    _divide_segments(axes, view, palette)
    beside = box.rectangle(box.left + box.map_width + 0.15, 0.12)
    _draw_scale(figure.add_axes(beside), view, palette)
    _write_titles(figure, view, box, palette)
    return figure


def scale_top(weights: NDArray[np.float32], *, of_one_text: bool = True) -> float:
    """The weight at which the ink of a map, shape (query, key), is full.

    It is the largest of the map. In a long text that an encoder reads, though, [CLS] and [SEP]
    draw a hundred times what any word does and would leave the map white: there the scale ends
    below the strongest cells, as many as two columns have, and the picture writes ≥ at that end.
    The strongest cells of a written text are its alignment with the source, and stay apart.
    """
    crowded = of_one_text and weights.shape[-1] > MAX_NAMED
    top = np.quantile(weights, 1 - 2 / weights.shape[-1]) if crowded else weights.max(initial=0)
    return max(float(top), 1e-3)  # a map of zeros must not divide by zero


def _name_tokens(
    axes: Axes, rows: list[str], columns: list[str], box: Geometry, palette: Palette
) -> None:
    """Writes the tokens' names beside the rows and above the columns."""
    # $ begins no formula
    write = partial(axes.text, parse_math=False, family=FAMILIES, color=palette.text)
    beside, above = 0.06 / box.map_width * len(columns), 0.06 / box.map_height * len(rows)
    for place, size in _named(rows, box.map_height):
        write(-0.5 - beside, place, rows[place], fontsize=size, ha="right", va="center_baseline")
    for place, size in _named(columns, box.map_width):
        name = columns[place]
        write(place, -0.5 - above, name, fontsize=size, ha="center", va="bottom", rotation=90)


def _named(labels: list[str], extent: float) -> list[tuple[int, float]]:
    """The places whose names are written, each with the size of its letters."""
    step = label_step(len(labels))
    size = min(FONT_POINTS, 72 * extent / max(len(labels) // step, 1) * 0.85)
    return [(place, size) for place in range(0, len(labels), step)]


def _divide_segments(axes: Axes, view: MapView, palette: Palette) -> None:
    """A line between text A and text B."""
    for axis, draw_line in ((view.queries, axes.axhline), (view.keys, axes.axvline)):
        for place in range(1, len(axis.tokens)):
            if axis.tokens[place].segment != axis.tokens[place - 1].segment:
                draw_line(place - 0.5, color=palette.line, linewidth=1)


def _draw_scale(axes: Axes, view: MapView, palette: Palette) -> None:
    """The colours' legend. Ink grows with the square root of the weight, so that the many small
    weights of a row can be told from none."""
    axes.imshow(np.linspace(1, 0, 256)[:, None], cmap=palette.colormap, aspect="auto")
    axes.set_axis_off()
    top = scale_top(view.weights, of_one_text=view.of_one_text)
    decimals = 0 if top >= 0.2 else 1 if top >= 0.02 else 2
    for part in (0, 0.25, 0.5, 0.75, 1):
        weight = top * part**2
        text = f"{weight:.{decimals}%}"
        if part == 1 and top < view.weights.max(initial=0):
            text = f"≥ {text}"
        axes.text(
            1.4, part, text, transform=axes.transAxes, color=palette.text, fontsize=9.5, va="center"
        )


def _write_titles(figure: Figure, view: MapView, box: Geometry, palette: Palette) -> None:
    inches = figure.dpi_scale_trans
    write = partial(figure.text, transform=inches, color=palette.text, va="center")
    write(box.left, box.height - 0.2, view.name, fontsize=13, weight="bold")
    write(box.left, box.height - 0.45, ", ".join(view.sides), fontsize=8.5)


TILE = 48
"""Pixels of a tile's side. A map of more tokens shows the strongest of the cells in a pixel."""


def tiles(weights: NDArray[np.float32], maps: Maps) -> NDArray[np.uint8]:
    """One layer's row of tiles: ink, shape (TILE, (heads + 1) * TILE).

    Args:
        weights: of the layer, from `maps.of_layer`. One at a time: all layers would double a long
            text's memory.
    """
    mean = weights.mean(axis=0, keepdims=True)
    shown, _ = renormalised(np.concatenate([weights, mean]), maps.queries, maps.keys)
    return np.concatenate([_tile(one, of_one_text=maps.of_one_text) for one in shown], axis=1)


def picture(rows: Sequence[NDArray[np.uint8]]) -> str:
    """The picture as a data URI: a row of tiles per layer, a column per head, the mean last."""
    alpha = Image.fromarray(np.concatenate(rows, axis=0))
    both = Image.merge("LA", (Image.new("L", alpha.size), alpha))
    buffer = BytesIO()
    both.save(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _tile(weights: NDArray[np.float32], *, of_one_text: bool) -> NDArray[np.uint8]:
    """One map as ink, shape (TILE, TILE); the same square root as in the large picture."""
    top = scale_top(weights, of_one_text=of_one_text)
    ink = np.sqrt(np.clip(weights / top, 0, 1))
    if not ink.size:
        return np.zeros((TILE, TILE), np.uint8)
    for axis, count in enumerate(ink.shape):
        edges = np.arange(TILE) * count // TILE
        # Neighbouring edges are equal where a cell has several pixels: reduceat then repeats it.
        ink = np.maximum.reduceat(ink, edges, axis=axis)
    return (ink * 255).astype(np.uint8)


def shown_picture(view: MapView, *, dark: bool) -> dict[str, Any]:
    """The value of gradio's image component, on the paper of a light page or a dark one."""
    content = _encoded(draw(view, "png", DARK if dark else LIGHT))
    return {"path": None, "url": f"data:image/png;base64,{content}", "orig_name": None}


def kept_picture(view: MapView, format: Literal["png", "svg"]) -> dict[str, str]:
    """A file to keep, on white paper, as `web/save.js` saves it."""
    return {
        "name": f"{view.file_name}.{format}",
        "type": {"png": "image/png", "svg": "image/svg+xml"}[format],
        "content": _encoded(draw(view, format, LIGHT)),
    }


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
