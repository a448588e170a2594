"""A map as a file to keep: a picture on white paper, lines that can be drawn at any size, a table,
or numpy's arrays. Nothing is drawn before somebody asks for it.

Where things lie in a picture is plain arithmetic, in inches from the top left. It is drawn with
matplotlib's object interface: no pyplot, nothing global; no other file draws with matplotlib.
Queries are rows, keys are columns; more ink is more attention, in one hue that only darkens: it can
be read without colour vision and in a black-and-white print. Names stand as plain text instead of
ticks: matplotlib's ticks take longer to build than all the rest.
"""

import base64
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from threading import Lock
from typing import Any, Literal

from explorer.fonts import FAMILIES, can_draw, load_fonts

load_fonts()  # before anything else imports matplotlib

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from explorer.maps.maps import Axis, one_based
from explorer.maps.packed import DECADES, ink_of, scale_top
from explorer.maps.view import MapView

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


def shorten(text: str) -> str:
    """Long words end in an ellipsis; a picture has no room for more."""
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"


def label_step(count: int) -> int:
    """Of `count` tokens, every how-manieth has its name on the axes."""
    return max(-(-count // MAX_NAMED), 1)


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


PAPER, TEXT, LINE = "#ffffff", "#27272a", "#a1a1aa"
INK = LinearSegmentedColormap.from_list(
    "ink", ["#f7f8fe", "#c7d2fe", "#818cf8", "#4338ca", "#1e1b4b"]
)
"""From no attention to the most."""


# Its caches of fonts and texts are not made for several threads, and two things here may draw.
_ONE_AT_A_TIME = Lock()


def draw(view: MapView, format: Literal["png", "svg"] = "png", *, log_scale: bool = False) -> bytes:
    """A map as the bytes of a picture. Safe between threads.

    Args:
        log_scale: ink follows the weight's order of size instead of its square root.
    """
    with _ONE_AT_A_TIME:
        buffer = BytesIO()
        _figure(view, log_scale).savefig(buffer, format=format)
        return buffer.getvalue()


def _figure(view: MapView, log_scale: bool) -> Figure:
    rows, columns = axis_labels(view.queries), axis_labels(view.keys)
    box = map_geometry(rows, columns)
    figure = Figure(figsize=(box.width, box.height), dpi=DOTS_PER_INCH, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes(box.rectangle(box.left, box.map_width))
    top = scale_top(view.weights, of_one_text=view.of_one_text)
    weights = view.weights if view.weights.size else np.zeros((1, 1), np.float32)
    ink = ink_of(weights / top, log_scale=log_scale)
    axes.imshow(ink, cmap=INK, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(LINE)
    _name_tokens(axes, rows, columns, box)
    _divide_segments(axes, view)
    beside = box.rectangle(box.left + box.map_width + 0.15, 0.12)
    _draw_scale(figure.add_axes(beside), view, top, log_scale)
    _write_titles(figure, view, box)
    return figure


def _name_tokens(axes: Axes, rows: list[str], columns: list[str], box: Geometry) -> None:
    """Writes the tokens' names beside the rows and above the columns."""
    # $ begins no formula
    write = partial(axes.text, parse_math=False, family=FAMILIES, color=TEXT)
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


def _divide_segments(axes: Axes, view: MapView) -> None:
    """A line between text A and text B."""
    for axis, draw_line in ((view.queries, axes.axhline), (view.keys, axes.axvline)):
        for place in range(1, len(axis.tokens)):
            if axis.tokens[place].segment != axis.tokens[place - 1].segment:
                draw_line(place - 0.5, color=LINE, linewidth=1)


def _draw_scale(axes: Axes, view: MapView, top: float, log_scale: bool) -> None:
    """The colours' legend."""
    axes.imshow(np.linspace(1, 0, 256)[:, None], cmap=INK, aspect="auto")
    axes.set_axis_off()
    decimals = 0 if top >= 0.2 else 1 if top >= 0.02 else 2
    for part in (0, 0.25, 0.5, 0.75, 1):
        weight = top * (10 ** (DECADES * (part - 1)) if log_scale else part**2)
        text = f"{weight:.2g}" if log_scale else f"{weight:.{decimals}%}"
        if part == 1 and top < view.weights.max(initial=0):
            text = f"≥ {text}"
        if part == 0 and log_scale:
            text = f"≤ {text}"
        axes.text(1.4, part, text, transform=axes.transAxes, color=TEXT, fontsize=9.5, va="center")


def _write_titles(figure: Figure, view: MapView, box: Geometry) -> None:
    inches = figure.dpi_scale_trans
    write = partial(figure.text, transform=inches, color=TEXT, va="center")
    write(box.left, box.height - 0.2, view.name, fontsize=13, weight="bold")
    write(box.left, box.height - 0.45, ", ".join(view.sides), fontsize=8.5)


def kept_map(view: MapView, kind: str, *, log_scale: bool = False) -> dict[str, str]:
    """A map as `web/save.js` saves it.

    Args:
        kind: one of `KINDS`.
        log_scale: of the ink in a picture.
    """
    media_type, write = KINDS[kind]
    content = base64.b64encode(write(view, log_scale)).decode("ascii")
    return {"name": f"{view.file_name}.{kind}", "type": media_type, "content": content}


def _csv(view: MapView, _: bool) -> bytes:
    """A row for each query, a column for each key, both with their names."""
    text = StringIO()
    rows = csv.writer(text)
    rows.writerow(["", *(_no_formula(token.label) for token in view.keys.tokens)])
    for token, weights in zip(view.queries.tokens, view.weights.tolist(), strict=True):
        rows.writerow([_no_formula(token.label), *weights])
    return text.getvalue().encode("utf-8-sig")  # so that spreadsheets know the encoding


def _no_formula(text: str) -> str:
    """A spreadsheet takes a text that begins like one for a formula, and runs it."""
    return f"'{text}" if text.lstrip(" ")[:1] in tuple("=+-@\t\r\n") else text


def _npz(view: MapView, _: bool) -> bytes:
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays_of(view))
    return buffer.getvalue()


def arrays_of(view: MapView) -> dict[str, Any]:
    """What a file of numpy's arrays holds: `weights`, shape (query, key), the names of its rows and
    columns, the share `removed` from each row, and what it is a map of."""
    return {
        "weights": view.weights,
        "queries": np.array([token.label for token in view.queries.tokens], np.str_),
        "keys": np.array([token.label for token in view.keys.tokens], np.str_),
        "removed": view.removed,
        "layer": np.array(one_based(view.layer)),
        "head": np.array(one_based(view.head)),
        "words": np.array(view.queries.words is not None),
        "special_tokens": np.array(not view.hides_tokens),
        "by_norms": np.array(view.by_norms),
        "name": np.array(view.name),
    }


KINDS: dict[str, tuple[str, Callable[[MapView, bool], bytes]]] = {
    "png": ("image/png", lambda view, log_scale: draw(view, "png", log_scale=log_scale)),
    "svg": ("image/svg+xml", lambda view, log_scale: draw(view, "svg", log_scale=log_scale)),
    "csv": ("text/csv", _csv),
    "npz": ("application/octet-stream", _npz),
}
"""By the ending of a file's name."""
