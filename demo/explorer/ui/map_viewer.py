"""The view of a map: all heads in small, the one that is chosen, how it is shown, notes, and files
to keep. Both tabs have one; whatever belongs to the view of a map stands here alone.

Whoever speaks HTTP can forge what a click says.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from explorer.bundle import Bundle, Decoder
from explorer.drawing import axis_labels, kept_picture, map_geometry, picture, shown_picture, tiles
from explorer.errors import RequestError
from explorer.inference.generator import SOURCE, WRITTEN
from explorer.maps.head_types import HeadType, head_types
from explorer.maps.maps import MAX, MEAN, Maps, one_based
from explorer.maps.view import MapView
from explorer.ui import wording
from explorer.ui.events import Update, in_browser, on, sent_with
from explorer.ui.models import MapControls, MapSelection
from explorer.ui.widgets import WEB, widget


class MapsOf(NamedTuple):
    """What the maps of a tab are of."""

    select: Callable[[MapControls], MapSelection]
    """Finds the map that is chosen. Raises RequestError."""
    tokens: Callable[[Any, int | None], dict[str, Any]]
    """What the widget of the tab's tokens receives for a selection; which one's row is shown."""
    notes: Callable[[Any, HeadType | None], wording.Notes]
    """What a reader should know about a selected map, given the type of its head."""


class MapViewer:
    """The components of one view of maps, and what they do.

    Args:
        model: whose layers and heads are offered; of a decoder, both things that it attends to.
        caution: how to read the map; Markdown.
        prefix: of its elements' names.
    """

    def __init__(self, model: Bundle | Decoder, caution: str, prefix: str = "") -> None:
        self.looks_at: gr.Radio | None = None
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                if isinstance(model, Decoder):
                    self.looks_at = _looks_at()
                self.heads = widget("heads", f"{prefix}heads", chosen=[1, 1], without=False)
                with gr.Row():
                    self.layer = _number("Layer", _choices(model.layers), prefix)
                    self.head = _number("Head", _choices(model.heads), prefix)
                with gr.Row(elem_classes="switches"):
                    self.words = _switch("Whole words", f"{prefix}words", on=True)
                    self.special_tokens = _switch(
                        "Show special tokens", f"{prefix}special", on=True
                    )
                    self.by_norms = _switch("Weight by value norms", f"{prefix}norms", on=False)
                self.notes = widget("notes", f"{prefix}notes")
                gr.Markdown(caution, elem_id=f"{prefix}caution")
            with gr.Column(scale=6, min_width=320):
                self.picture = gr.Image(
                    show_label=False,
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id=f"{prefix}map",
                )
                with gr.Row():
                    self.png, self.svg = (
                        gr.Button(f"Download {kind}", size="sm", elem_id=prefix + kind.lower())
                        for kind in ("PNG", "SVG")
                    )
        self._file = gr.JSON(visible=False)

    def join(self, of: MapsOf, shown: Component, tokens: Component, dark: Component) -> None:
        """Joins it to what its maps are of, and to the parts of the page beside it.

        Args:
            shown: holds what the maps are of.
            tokens: the widget of the tokens, which changes with the map.
        """
        self._of = of
        self._tokens = tokens
        looks_at = {"looks_at": self.looks_at} if self.looks_at else {}
        self.controls: dict[str, Component] = {
            "shown": shown,
            **looks_at,
            "layer": self.layer,
            "head": self.head,
            "special_tokens": self.special_tokens,
            "words": self.words,
            "by_norms": self.by_norms,
            "dark": dark,
        }
        """The inputs of a handler that makes `MapControls` of them."""
        self.parts: list[Component] = [self.heads, self.picture, tokens, self.notes]
        """What `show` gives values for."""

    def wire(self) -> Dependency:
        """Wires it; gives the event after which all maps are shown otherwise."""
        controls, parts = self.controls, self.parts
        numbered = [self.layer.input, self.head.input]
        switched = [one.input for one in (self.special_tokens, self.words, self.by_norms)]
        on(numbered, self.draw, controls, parts, waits_on=self.picture)
        chosen = [self.layer, self.head, *parts]
        on(self.heads.choose, self.choose_head, controls, chosen, waits_on=self.picture)
        on(self.picture.select, self.choose_row, controls, [self._tokens])
        if self.looks_at:
            filled = [self.by_norms, *parts]
            on(self.looks_at.input, self.look_elsewhere, controls, filled, waits_on=self.picture)
        # Until somebody clicks, nobody draws a file. Then the browser saves it.
        save = (WEB / "save.js").read_text(encoding="utf-8")
        for button, keep in (
            (self.png, partial(self.keep, "png")),
            (self.svg, partial(self.keep, "svg")),
        ):
            kept = on(button.click, keep, controls, [self._file])
            in_browser(kept.success, save, [self._file])
        return on(switched, self.redraw, controls, parts, waits_on=self.picture)

    def show(self, selection: MapSelection, dark: object, *, all_heads: bool = False) -> Update:
        """A map, and all that is said of it.

        Args:
            all_heads: their small pictures are new as well; else they stay as they are.
        """
        view, maps, of = selection.view, selection.maps, self._of
        heads: dict[str, Any] = {
            "chosen": [one_based(view.layer), one_based(view.head)],
            "without": selection.without,
        }
        if all_heads:
            heads["value"] = overview(maps)
        drawn = shown_picture(view, dark=bool(dark))
        found = maps.head_type(view.layer, view.head)
        return {
            self.heads: gr.update(**heads),
            self.picture: gr.update(value=drawn, alt_text=wording.map_description(view)),
            self._tokens: of.tokens(selection, None),
            self.notes: of.notes(selection, found),
        }

    def show_nothing(self) -> Update:
        """The view where there is no map."""
        return {
            self.heads: gr.update(value={}, chosen=[1, 1], without=False),
            self.picture: gr.update(value=None, alt_text=""),
            self._tokens: {},
            self.notes: [],
        }

    def offer(self, model: Bundle | Decoder, layer: int, head: int | str) -> Update:
        """The layers and heads of a model, with those that are chosen, from 1."""
        return {
            self.layer: gr.Dropdown(choices=_choices(model.layers), value=layer),
            self.head: gr.Dropdown(choices=_choices(model.heads), value=head),
        }

    def draw(self, **controls: Any) -> Update:
        """Another layer or head was chosen by a control."""
        return self.show(self._of.select(MapControls(**controls)), controls["dark"])

    def redraw(self, **controls: Any) -> Update:
        """Maps are to be shown otherwise: all heads are drawn anew."""
        selection = self._of.select(MapControls(**controls))
        return self.show(selection, controls["dark"], all_heads=True)

    def choose_head(self, event: gr.EventData, **controls: Any) -> Update:
        """A tile was chosen among all heads."""
        chosen = {name: sent_with(event).get(name) for name in ("layer", "head")}
        numbers: Update = {self.layer: chosen["layer"], self.head: chosen["head"]}
        return {**numbers, **self.draw(**{**controls, **chosen})}

    def choose_row(self, event: gr.EventData, **controls: Any) -> Update:
        """The picture was clicked: the token of that row is chosen."""
        selection = self._of.select(MapControls(**controls))
        return {self._tokens: self._of.tokens(selection, _clicked_row(event, selection.view))}

    def look_elsewhere(self, **controls: Any) -> Update:
        """What the generated text attends to in the source is to be shown, or in itself."""
        if controls["looks_at"] == SOURCE:
            return {self.by_norms: gr.update(interactive=True, info=""), **self.redraw(**controls)}
        switch = gr.update(value=False, interactive=False, info=wording.NO_NORMS)
        return {self.by_norms: switch, **self.redraw(**{**controls, "by_norms": False})}

    def keep(self, kind: Literal["png", "svg"], **controls: Any) -> Update:
        """The map is to be kept as a picture, or as lines that can be drawn at any size."""
        return {self._file: kept_picture(self._of.select(MapControls(**controls)).view, kind)}


def overview(maps: Maps) -> dict[str, Any]:
    """What the widget of all heads receives: all maps in small, and the type of each head."""
    measure, rows, types = maps.measure, [], []
    for layer in range(len(maps.weights)):
        weights = maps.of_layer(layer)
        rows.append(tiles(weights, maps))
        found = head_types(weights, measure)
        types.append([{"name": one.name, "text": wording.in_short(one)} for one in found])
    layers, heads = maps.weights.shape[:2]
    return {"layers": layers, "heads": heads, "picture": picture(rows), "types": types}


def _looks_at() -> gr.Radio:
    return gr.Radio(
        [("the source (cross-attention)", SOURCE), ("itself (self-attention)", WRITTEN)],
        value=SOURCE,
        label="The generated text attends to",
        elem_id="looks_at",
    )


def _number(name: str, choices: list[int | str], prefix: str) -> gr.Dropdown:
    return gr.Dropdown(choices, label=name, elem_id=prefix + name.lower(), min_width=100)


def _choices(count: int) -> list[int | str]:
    return [MEAN, MAX, *range(1, count + 1)]


def _switch(label: str, name: str, *, on: bool) -> gr.Checkbox:
    return gr.Checkbox(on, label=label, elem_id=name, min_width=120)


def _clicked_row(event: gr.EventData, view: MapView) -> int | None:
    """The token, by its place in its text, whose row of the picture was clicked."""
    x, y = _coordinates(sent_with(event).get("index"))
    box = map_geometry(axis_labels(view.queries), axis_labels(view.keys))
    cell = box.cell(x, y, len(view.queries.tokens), len(view.keys.tokens))
    return None if cell is None else int(view.queries.indexes[cell[0]])


def _coordinates(place: Any) -> tuple[float, float]:
    try:
        x, y = place
        return float(x), float(y)
    except (TypeError, ValueError, OverflowError):  # an integer beyond all floats
        raise RequestError("A click has two coordinates, x and y.") from None
