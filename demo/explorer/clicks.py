"""What a click on a picture or a widget means. Whoever speaks HTTP can forge one."""

from collections.abc import Sequence
from typing import Any, TypeVar

import gradio as gr

from explorer.edge import toast
from explorer.geometry import map_geometry
from explorer.labels import axis_labels
from explorer.view import MapView

T = TypeVar("T")


def sent_with(event: gr.EventData) -> dict[str, Any]:
    """What a widget's script sent with its event; empty if that is no object."""
    return event._data if isinstance(event._data, dict) else {}


def chosen_example(event: gr.EventData, examples: Sequence[T]) -> T:
    """The one that was chosen among the examples of a bundle."""
    index = sent_with(event).get("index")
    if type(index) is not int or not 0 <= index < len(examples):
        raise toast(f"There is no example {index!r:.30}; this bundle has {len(examples)}.")
    return examples[index]


def clicked_row(event: gr.EventData, view: MapView) -> int | None:
    """The token, by its place in its text, whose row of a map's picture was clicked."""
    x, y = _coordinates(sent_with(event).get("index"))
    box = map_geometry(axis_labels(view.queries), axis_labels(view.keys))
    cell = box.cell(x, y, len(view.queries.tokens), len(view.keys.tokens))
    return None if cell is None else int(view.queries.indexes[cell[0]])


def _coordinates(place: Any) -> tuple[float, float]:
    try:
        x, y = place
        return float(x), float(y)
    except (TypeError, ValueError, OverflowError):  # an integer beyond all floats
        raise toast("A click has two coordinates, x and y.") from None
