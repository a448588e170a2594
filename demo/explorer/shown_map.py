"""New values for the parts of the page that show a map; both tabs have the same four."""

from typing import Any, Literal

import gradio as gr

from explorer import head_sentences, payloads, sentences
from explorer.analysis.head_types import HeadType, head_types
from explorer.bundle import Bundle
from explorer.bundle_decoder import Decoder
from explorer.map_choice import said
from explorer.maps import Maps
from explorer.overview import picture, tiles
from explorer.pictures import shown_picture
from explorer.typed_heads import measure_of
from explorer.view import MapView

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
    chosen = [said(view.layer), said(view.head)]
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
    measure, rows, types = measure_of(maps), [], []
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
