"""New values for the parts of the page that show a map, which are the same in both tabs, and what a
click on a picture or a widget means. Whoever speaks HTTP can forge one.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import gradio as gr

from explorer.bundle.bundle import Bundle, Decoder
from explorer.drawing.geometry import axis_labels, map_geometry
from explorer.drawing.heatmap import picture, shown_picture, tiles
from explorer.maps.axes import one_based
from explorer.maps.head_types import HeadType, head_types
from explorer.maps.maps import Maps
from explorer.maps.view import MapView
from explorer.ui import payloads, sentences
from explorer.ui import sentences as head_sentences
from explorer.ui.checks import toast

MAP_VALUES = 4
"""How many values `map_values` gives."""


def map_values(
    view: MapView,
    *,
    dark: object,
    tokens: dict[str, Any],
    notes: head_sentences.Notes,
    overview: dict[str, Any] | None,
    without: list[list[int]] | Literal[False] = False,
) -> tuple:
    """All heads with the chosen one marked, the picture, the tokens, notes.

    Args:
        overview: a new picture of all heads, from `all_heads`; None leaves it as it is.
        without: the heads that are left out, from 1; False where none can be.
    """
    chosen = [one_based(view.layer), one_based(view.head)]
    heads: dict[str, Any] = {"chosen": chosen, "without": without}
    if overview is not None:
        heads["value"] = overview
    drawn = shown_picture(view, dark=bool(dark))
    return (
        gr.update(**heads),
        gr.update(value=drawn, alt_text=sentences.map_description(view)),
        tokens,
        notes,
    )


def no_map() -> tuple:
    """In place of the values of `map_values`, where there is none."""
    heads = gr.update(value={}, chosen=[1, 1], without=False)
    return heads, gr.update(value=None, alt_text=""), {}, []


def all_heads(maps: Maps) -> dict[str, Any]:
    """What the widget of all heads receives: all maps in small, and the type of each head."""
    measure, rows, types = maps.measure, [], []
    for layer in range(len(maps.weights)):
        weights = maps.of_layer(layer)
        rows.append(tiles(weights, maps))
        types.append([_said(one) for one in head_types(weights, measure)])
    layers, heads = maps.weights.shape[:2]
    return {"layers": layers, "heads": heads, "picture": picture(rows), "types": types}


def _said(found: HeadType) -> dict[str, Any]:
    return {"name": found.name, "text": head_sentences.in_short(found)}


def head_choice(model: Bundle | Decoder, layer: int, head: int | str) -> tuple:
    """The controls of layer and head, offering those of a model."""
    return (
        gr.Dropdown(choices=payloads.layer_choices(model), value=layer),
        gr.Dropdown(choices=payloads.head_choices(model), value=head),
    )


def skip(count: int) -> list:
    """Values that leave so many components as they are."""
    return [gr.skip() for _ in range(count)]


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
