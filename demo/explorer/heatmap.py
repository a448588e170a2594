"""Draws one attention map with matplotlib's object interface: no pyplot, nothing global.

Queries are rows, keys are columns; more ink is more attention. Names stand as plain text instead
of ticks: matplotlib's ticks take longer to build than all the rest of the picture.
"""

from io import BytesIO
from threading import Lock
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from explorer.geometry import DOTS_PER_INCH, FONT_POINTS, Geometry, map_geometry
from explorer.labels import FAMILIES, MAX_NAMED, axis_labels, label_step
from explorer.palette import LIGHT, Palette
from explorer.view import MapView

# gradio switches matplotlib's backend around every call; from agg to agg that does nothing.
matplotlib.use("agg")


# Its caches of fonts and texts are not made for several threads, and two things here may draw.
_ONE_AT_A_TIME = Lock()


def draw(view: MapView, format: Literal["png", "svg"] = "png", palette: Palette = LIGHT) -> bytes:
    """A map as the bytes of a picture. Safe between threads."""
    with _ONE_AT_A_TIME:
        return _save(_figure(view, palette), format)


def _figure(view: MapView, palette: Palette) -> Figure:
    rows, columns = axis_labels(view.queries), axis_labels(view.keys)
    box = map_geometry(rows, columns)
    figure = Figure(figsize=(box.width, box.height), dpi=DOTS_PER_INCH, facecolor=palette.paper)
    FigureCanvasAgg(figure)
    axes = figure.add_axes(box.map_rectangle)
    norm = PowerNorm(0.5, vmin=0, vmax=scale_top(view.weights, of_one_text=view.of_one_text))
    weights = view.weights if view.weights.size else np.zeros((1, 1))
    axes.imshow(weights, cmap=palette.colormap, norm=norm, aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(palette.line)
    _name_tokens(axes, rows, columns, box, palette)
    _divide_segments(axes, view, palette)
    _draw_scale(figure.add_axes(box.scale_rectangle), view, palette)
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
    style: dict[str, Any] = {
        "parse_math": False,
        "family": FAMILIES,
        "color": palette.text,
    }  # $ is no formula
    beside, above = 0.06 / box.map_width * len(columns), 0.06 / box.map_height * len(rows)
    for place, size in _named(rows, box.map_height):
        axes.text(
            -0.5 - beside,
            place,
            rows[place],
            fontsize=size,
            ha="right",
            va="center_baseline",
            **style,
        )
    for place, size in _named(columns, box.map_width):
        axes.text(
            place, -0.5 - above, columns[place], fontsize=size, ha="center", va="bottom",
            rotation=90, **style,
        )  # fmt: skip


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
    style: dict[str, Any] = {
        "transform": figure.dpi_scale_trans,
        "color": palette.text,
        "va": "center",
    }
    figure.text(box.left, box.height - 0.2, view.name, fontsize=13, weight="bold", **style)
    figure.text(box.left, box.height - 0.45, ", ".join(view.sides), fontsize=8.5, **style)


def _save(figure: Figure, format: Literal["png", "svg"]) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format=format)
    return buffer.getvalue()
