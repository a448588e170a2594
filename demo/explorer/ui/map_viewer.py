"""The maps of a tab: what the widget of `web/maps` receives, what it asks for, and files to keep.

The widget shows a text's maps by itself: its numbers come along once, where they are not too many.
Of a long text all heads come in small, and what is chosen when it is chosen. Whoever speaks HTTP
can forge what the widget asks for.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import gradio as gr
from gradio.components import Component

from explorer.bundle import Bundle, Decoder
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import GivenText, Reading
from explorer.inference.tokens import Token
from explorer.maps.maps import Maps
from explorer.maps.packed import (
    FINE,
    packed_heads,
    packed_joined,
    packed_norms,
    packed_tiles,
    packed_weights,
)
from explorer.maps.view import (
    encoder_maps,
    first_step,
    generation_maps,
    last_row,
    rollout_row,
)
from explorer.ui import wording
from explorer.ui.events import Update, in_browser, on, sent_with
from explorer.ui.models import MapControls, MapSelection, Model
from explorer.ui.payloads import chip
from explorer.ui.sharing.kept_page import KeptText, kept_page
from explorer.ui.widgets import WEB, widget
from explorer.writing.generation import SELF, SOURCE, WRITTEN, Generation

_DELIVER = """(part) => document.querySelector("#%s").dispatchEvent(
    new CustomEvent("maps-part", { detail: part })
)"""

MOST_TOKENS = 128
"""Of a text whose maps all come along."""

MESSAGE = 4_000_000
"""Characters of maps in one answer, at most."""

GROWING_CELLS = 100_000
"""While a text grows, its maps come along up to so many cells: they are sent again and again."""

PAGE = "page"
"""The kind of file that holds the text, not one map."""

_ASKED = ("layer", "head", "special_tokens", "words", "by_norms", "looks_at")


Select = Callable[[MapControls], MapSelection]
"""Finds the map that a widget means. Raises RequestError."""


class MapViewer:
    """The widget of a tab's maps, and what it asks for.

    Args:
        name: of its element.
    """

    def __init__(self, name: str) -> None:
        self.maps = widget("maps", name)
        self._name = name
        # What a page does not draw costs it nothing: a widget's values are compared at each change.
        self._part, self._file = gr.JSON(visible=False), gr.JSON(visible=False)

    def wire(self, select: Select, text_of: Callable[[Any], KeptText], shown: Component) -> None:
        """Wires it.

        Args:
            text_of: makes of what the maps are of what a page of its own shows.
            shown: holds what the maps are of.
        """
        self._select, self._text_of = select, text_of
        inputs = {"shown": shown}
        # Each says what it wants; of deferred ones gradio sends the first one's data.
        all_of_them: dict[str, Any] = {"trigger_mode": "multiple"}
        asked = on(self.maps.ask, self.ask, inputs, [self._part], **all_of_them)
        in_browser(asked.success, _DELIVER % self._name, [self._part], **all_of_them)
        # Until somebody clicks, nobody draws a file. Then the browser saves it.
        save = (WEB / "save.js").read_text(encoding="utf-8")
        kept = on(self.maps.keep, self.keep, inputs, [self._file], **all_of_them)
        in_browser(kept.success, save, [self._file], **all_of_them)

    def ask(self, event: gr.EventData, shown: Any) -> Update:
        """A part of a long text's maps is to be seen."""
        asked = sent_with(event)
        controls = _controls(shown, asked)
        return {self._part: _named_part(self._select(controls), controls, asked.get("part"))}

    def keep(self, event: gr.EventData, shown: Any) -> Update:
        """The map is to be kept as a file, or its text as a page."""
        from explorer.drawing import KINDS, kept_map  # matplotlib takes half a second to load

        asked = sent_with(event)
        kind = asked.get("kind")
        if not isinstance(kind, str) or kind not in (*KINDS, PAGE):
            kinds = ", ".join((*KINDS, PAGE))
            raise RequestError(f"There is no kind of file {kind!r:.30}; there are {kinds}.")
        controls = _controls(shown, asked)
        selection = self._select(controls)
        if kind == PAGE:
            return {self._file: self._page(selection, controls, asked)}
        log_scale = asked.get("log_scale") is True
        return {self._file: kept_map(selection.view, kind, log_scale=log_scale)}

    def _page(
        self, selection: MapSelection, controls: MapControls, asked: Mapping[str, Any]
    ) -> dict[str, str]:
        """The text as a page, as `web/save.js` saves it."""
        text = self._text_of(controls.shown)
        parts = list(self._parts_for_page(selection, controls, text.maps))
        if parts:
            text = replace(text, notes=[*text.notes, wording.kept_in_part(MOST_TOKENS)])
        # Whatever else the state says, `fittingState` puts right.
        state = {name: asked.get(name) for name in (*_ASKED, "log_scale", "direction", "chosen")}
        name = f"attention-{text.maps['reading']}.html"
        return {"name": name, "type": "text/html", "text": kept_page(text, state, parts)}

    def _parts_for_page(
        self, selection: MapSelection, controls: MapControls, maps: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Of maps that do not come with their text, what fits: the one that is chosen, all heads in
        small, and the other heads of its layer."""
        room = MESSAGE - sum(len(one["weights"] or "") for one in maps["attentions"])
        for one in maps["attentions"]:
            if one["weights"] is not None:
                continue
            if one["looks_at"] != selection.looks_at:
                controls = _fitting(controls, one, maps)
            for name in ("map", "tiles", "layer"):
                found = _named_part(self._select(controls), controls, name)
                size = len(json.dumps(found))
                if size <= room:
                    room -= size
                    yield found


def maps_of_reading(
    model: EncoderModel, reading: Reading, place: int | None = None, *, largest: int = FINE
) -> dict[str, Any]:
    """What the widget receives of a text that an encoder read.

    Args:
        place: which word or mask is asked about, from 1, for a link to it.
        largest: see `packed.py`.
    """
    maps = encoder_maps(reading, by_norms=True)
    itself = {"looks_at": SELF, "label": "", "queries": 0, "keys": 0}
    of_class = model.bundle.task in ("classify", None)  # read from the token that rollout is of
    both = (rollout_row, last_row) if of_class and model.bundle.has_all_maps else ()
    rows = [one(reading.weights, reading.kept_heads, reading.cls).tolist() for one in both]
    about = _about(identity(model, reading), model, reading)
    return {
        **about,
        **_sizes(maps, model.bundle),
        "of": about["of"] | ({} if place is None else {"place": place}),
        "pair": bool(reading.text_pair),
        "left_out": reading.tokens_left_out,
        "without": reading.ablated if model.can_ablate else False,
        "first": None if of_class or len(reading.read_from) > 2 else reading.read_from[0],
        "sides": [{"name": "", "tokens": _chips(reading.tokens)}],
        "attentions": _attentions([(itself, maps)], largest),
        "rollout": {"query": reading.cls, "rows": rows} if rows else None,
    }


def maps_of_generation(
    model: Model, generation: Generation, *, busy: bool = False, largest: int = FINE
) -> dict[str, Any]:
    """The same of a generated text.

    Args:
        busy: more is to come.
    """
    source, decoder = generation.source, model.bundle.decoder
    assert decoder, "it wrote"
    found, cells = list[tuple[dict[str, Any], Maps]](), 0
    for looks_at in generation.looks_at:
        maps = generation_maps(generation, looks_at)
        maps = replace(maps, norms=generation.value_norms(looks_at))
        own = _sizes(maps, model.bundle) if looks_at == SELF else {}
        found.append(({**_KINDS[looks_at], **own}, maps))
        cells += 0 if looks_at == SELF else maps.weights.size
    # Those of the source are the same at each step: they come with the last.
    growing = generation.looks_at if cells > GROWING_CELLS else (SELF,)
    return {
        **_about(identity(model, source, generation.ids), model, source),
        **_sizes(found[0][1], decoder),
        "busy": busy,
        "first": len(generation.tokens) - 1 if busy else first_step(generation),
        "sides": [
            {"name": "Generated", "tokens": _chips(generation.tokens)},
            {"name": "The source", "tokens": _chips(source.tokens)},
            {"name": "What was there before each of them", "tokens": _chips(generation.before)},
        ],
        "attentions": _attentions(found, largest, growing if busy else ()),
    }


_KINDS: dict[str, dict[str, Any]] = {
    SOURCE: {
        "looks_at": SOURCE, "label": "Generated text to the source (cross-attention)",
        "queries": 0, "keys": 1,
    },
    WRITTEN: {
        "looks_at": WRITTEN, "label": "Generated text to itself (self-attention)",
        "queries": 0, "keys": 2,
    },
    SELF: {
        "looks_at": SELF, "label": "Source to itself (the encoder's self-attention)",
        "queries": 1, "keys": 1,
    },
}  # fmt: skip


def identity(model: Model, reading: GivenText, ids: Sequence[int] = ()) -> str:
    """Tells one text's maps from another's, and from its own without some heads."""
    texts = [reading.text, reading.text_pair, reading.encoded.ids]
    known = [model.bundle.title, *texts, reading.ablated, list(ids)]
    return f"{crc32(json.dumps(known).encode()):x}"


def _sizes(maps: Maps, of: Bundle | Decoder) -> dict[str, Any]:
    """The layers and heads that have maps."""
    layers = [layer + 1 for layer in maps.layers]
    return {"layers": layers, "heads": of.heads, "all_layers": len(layers) == of.layers}


def _about(reading_id: str, model: Model, reading: GivenText) -> dict[str, Any]:
    text = f"{crc32(json.dumps([reading.text, reading.text_pair]).encode()):x}"
    return {
        "reading": reading_id, "text": text, "busy": False,
        "of": {"model": model.bundle.title, "text": reading.text, "text_pair": reading.text_pair},
        "pair": False, "left_out": 0, "without": False, "rollout": None,
    }  # fmt: skip


def _chips(tokens: Sequence[Token]) -> list[dict[str, Any]]:
    return [chip(token, place) for place, token in enumerate(tokens)]


def _attentions(
    found: Sequence[tuple[dict[str, Any], Maps]], largest: int, without: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Each attention with all its maps, as long as there is room for them in one answer.

    Args:
        without: those that come later, by what they look at.
    """
    given, room = [], MESSAGE
    for about, maps in found:
        weights, wanted = None, about["looks_at"] not in without
        if wanted and max(maps.weights.shape[2:]) <= MOST_TOKENS and maps.weights.size <= room:
            weights = packed_weights(maps.weights, largest)
            room -= len(weights)
        norms = None if maps.norms is None else packed_norms(maps.norms)
        given_before = maps.given if maps.looks_back else 0
        more = {"kind": maps.kind, "given": given_before, "has_norms": norms is not None}
        given.append({**about, **more, "weights": weights, "norms": norms})
    return given


Begins = tuple[int, int] | Mapping[str, Any] | None
"""What maps begin with: a layer and a head, from 0, or a part of the widget's state."""


def beginning_with(begins: Begins, maps: dict[str, Any]) -> dict[str, Any]:
    """The maps, with what the widget is to show first; None leaves it to the widget."""
    if begins is None:
        return maps
    if isinstance(begins, tuple):
        begins = {"layer": begins[0] + 1, "head": begins[1] + 1}
    return {**maps, "begins": begins}


def _fitting(
    controls: MapControls, attention: Mapping[str, Any], maps: Mapping[str, Any]
) -> MapControls:
    """What is chosen, for another attention, which may have fewer layers or heads."""
    sizes = {**maps, **attention}
    layer, head = controls.layer, controls.head
    if layer not in sizes["layers"] and not (sizes["all_layers"] and isinstance(layer, str)):
        layer = sizes["layers"][0]
    if isinstance(head, int) and head > sizes["heads"]:
        head = 1
    looks_at = attention["looks_at"]
    return replace(controls, layer=layer, head=head, looks_at=looks_at, by_norms=False)


def _controls(shown: Any, asked: dict[str, Any]) -> MapControls:
    return MapControls(shown=shown, **{name: asked.get(name) for name in _ASKED})


def _named_part(selection: MapSelection, controls: MapControls, name: Any) -> dict[str, Any]:
    """A part of the maps, and whose they are."""
    belongs_to = {
        "reading": identity(selection.model, selection.reading, selection.ids),
        "looks_at": selection.looks_at,
    }
    return {**belongs_to, **_part(selection, controls, name)}


def _part(selection: MapSelection, controls: MapControls, name: Any) -> dict[str, Any]:
    """The map that is chosen; the other heads of its layer, if there is room for them in an answer;
    or all heads in small."""
    view, maps = selection.view, selection.maps
    switches = {name: getattr(controls, name) for name in ("words", "special_tokens", "by_norms")}
    if name == "tiles":
        return {"small": {**packed_tiles(maps), **switches}}
    if not (isinstance(view.layer, int) and isinstance(view.head, int)):
        return {"joined": {**packed_joined(maps, view.layer, view.head), **switches}}
    heads = range(maps.weights.shape[1]) if name == "layer" else [view.head]
    found = packed_heads(maps, view.layer, heads)
    return {"maps": [found] if len(found["weights"]) <= MESSAGE else []}
