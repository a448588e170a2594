"""What happens when someone uses the Write tab. Whoever speaks HTTP can call it with anything."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import gradio as gr

from explorer.bundle.bundle import Bundle
from explorer.bundle.schema import Example
from explorer.drawing.heatmap import kept_picture
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.generator import SOURCE, Generation
from explorer.inference.logits import Settings
from explorer.maps.axes import MEAN
from explorer.maps.view import first_cross_head
from explorer.ui import payloads, write_sentences
from explorer.ui import payloads as write_payloads
from explorer.ui.checks import answer_or_toast, check_settings
from explorer.ui.map_viewer import (
    MAP_VALUES,
    all_heads,
    chosen_example,
    clicked_row,
    head_choice,
    map_values,
    sent_with,
    skip,
)
from explorer.ui.models import WriteChosen, WriteScreen, WriteSelected
from explorer.ui.write_layout import LABELS
from explorer.ui.write_sources import Source, offered_sources, source_of, spoil_again


class WriteMapEvents:
    """The handlers of the map in one page's Write tab."""

    def __init__(self, screen: WriteScreen) -> None:
        self._screen = screen

    def finish(self, *controls: Any) -> tuple:
        """The writing came to an end, or was stopped. Gives: stop, and the map."""
        chosen = WriteChosen(*controls)
        if not chosen.shown:
            return gr.update(interactive=False), *skip(MAP_VALUES)
        return gr.update(interactive=False), *self.redraw(*controls)

    def look_elsewhere(self, *controls: Any) -> tuple:
        """The source is to be looked at, or the text itself. Gives: by_norms, and the map, all
        heads drawn anew."""
        chosen = WriteChosen(*controls)
        if chosen.looks_at == SOURCE:
            switch = gr.update(interactive=True, info="")
            return switch, *self.redraw(*controls)
        switch = gr.update(value=False, interactive=False, info=write_sentences.NO_NORMS)
        return switch, *self.redraw(*chosen._replace(by_norms=False))

    def redraw(self, *controls: Any) -> tuple:
        """What is shown of maps changed. Gives the map, all heads drawn anew."""
        chosen = WriteChosen(*controls)
        return written_map(self._select(chosen), chosen, overview=True)

    def draw(self, *controls: Any) -> tuple:
        """Another layer or head was chosen by a control. Gives the map."""
        chosen = WriteChosen(*controls)
        return written_map(self._select(chosen), chosen)

    def choose_head(self, event: gr.EventData, *controls: Any) -> tuple:
        """A tile was chosen among all heads. Gives layer, head, and the map."""
        layer, head = (sent_with(event).get(name) for name in ("layer", "head"))
        return layer, head, *self.draw(*WriteChosen(*controls)._replace(layer=layer, head=head))

    def choose_row(self, event: gr.EventData, *controls: Any) -> dict[str, Any]:
        """The map's picture was clicked. Gives the written tokens, with that row's one chosen."""
        selected = self._select(WriteChosen(*controls))
        row = clicked_row(event, selected.view)
        return write_payloads.written(selected, chosen=row)

    def keep_png(self, *controls: Any) -> dict[str, str]:
        """The map is to be kept. Gives the file."""
        return kept_picture(self._select(WriteChosen(*controls)).view, "png")

    def keep_svg(self, *controls: Any) -> dict[str, str]:
        """The same, as lines that can be drawn at any size."""
        return kept_picture(self._select(WriteChosen(*controls)).view, "svg")

    def _select(self, chosen: WriteChosen) -> WriteSelected:
        return answer_or_toast(self._screen.select, chosen)


def written_map(selected: WriteSelected, chosen: WriteChosen, *, overview: bool = False) -> tuple:
    """The values of `shown_map` for a written text."""
    view = selected.view
    return map_values(
        view,
        dark=chosen.dark,
        tokens=write_payloads.written(selected),
        notes=write_sentences.map_notes(view, selected.maps.head_type(view.layer, view.head)),
        overview=all_heads(selected.maps) if overview else None,
    )


SETTINGS = (
    "strategy", "temperature", "top_k", "top_p", "beams", "repetition_penalty", "no_repeat_ngram",
    "max_tokens", "seed",
)  # fmt: skip
"""In the order in which the tab's controls give them."""

_PAUSE = 0.05
"""Seconds between two pictures of a growing text: more often, nobody sees."""

NO_NOTICE: dict[str, Any] = {"error": False, "lines": []}


class WriteEvents:
    """The handlers of what stands above the map in one page's Write tab."""

    def __init__(self, screen: WriteScreen) -> None:
        self._screen = screen

    def begin(self, title: Any) -> tuple:
        """A model is there, the first or another. Gives: source, spoiled, mark, examples, and
        corrupt."""
        model = answer_or_toast(self._screen.screen.model, title)
        decoder = model.bundle.decoder
        if decoder is None:
            return tuple(skip(5))
        sources = offered_sources(model.bundle, model.mask)
        first = sources[0] if sources else Source("", "")
        return (
            gr.update(value=first.text, info=write_sentences.asked(decoder)),
            first._asdict(),
            write_payloads.mark(first, model.mask),
            payloads.examples([Example(text=source.text) for source in sources]),
            gr.update(visible=decoder.restores),
        )

    def change(self, title: Any) -> tuple:
        """Another model was chosen: what the one before wrote goes. Gives what `begin` gives, then
        shown, notice, written, and which of the page's tabs is open."""
        bundle = answer_or_toast(self._screen.screen.model, title).bundle
        both = bundle.classifies and bundle.writes
        opened = gr.skip() if both else gr.update(selected=_only(bundle))
        return *self.begin(title), None, NO_NOTICE, None, opened

    def open(self, title: Any, text: Any, spoiled: Any, *controls: Any) -> tuple:
        """The tab is opened, or has another model: where nothing was written yet, the model writes
        from the source that stands there, or will; not where it does not write, or nobody has the
        tab before them and so `title` is None. Gives: shown, notice, layer, head, and the map."""
        chosen = WriteChosen(*controls)
        if title is None or chosen.shown or not self._writes(title):
            return tuple(skip(4 + MAP_VALUES))
        decoder = answer_or_toast(self._screen.generator, title).decoder
        model = self._screen.screen.model(title)
        if not text:
            text, spoiled = _first_source(model)
        if not text:
            return *skip(2), *head_choice(decoder, decoder.layers, MEAN), *skip(MAP_VALUES)
        generation = answer_or_toast(self._screen.written, title, text)
        shown = _shown(title, source_of(text, spoiled, model.mask), generation)
        chosen = _best_view(chosen, generation)._replace(shown=shown)
        selected = answer_or_toast(self._screen.select, chosen)
        notices = write_sentences.notices(generation, selected.model.bundle, Settings().max_tokens)
        return (
            chosen.shown,
            {"error": False, "lines": notices},
            *head_choice(decoder, chosen.layer, chosen.head),
            *written_map(selected, chosen, overview=True),
        )

    def choose_example(self, event: gr.EventData, title: Any) -> tuple:
        """An example was chosen. Gives: source, spoiled, mark."""
        model = answer_or_toast(self._screen.screen.model, title)
        source = chosen_example(event, offered_sources(model.bundle, model.mask))
        return source.text, source._asdict(), write_payloads.mark(source, model.mask)

    def spoil(self, title: Any, text: Any, spoiled: Any) -> tuple:
        """Two words are to be spoiled. Gives: source, spoiled, mark."""
        model = answer_or_toast(self._screen.screen.model, title)
        new = answer_or_toast(spoil_again, text, spoiled, model.mask)
        return new.text, new._asdict(), write_payloads.mark(new, model.mask, asked=True)

    def write(self, title: Any, text: Any, spoiled: Any, *values: Any) -> Iterator[tuple]:
        """A text is to be written. Gives, again and again: shown, notice, written, stop, layer,
        head. `WriteMapEvents.finish` comes after it, however it ends."""
        chosen = WriteChosen(*values[len(SETTINGS) :])
        rests = gr.update(interactive=False)
        try:
            settings = check_settings(dict(zip(SETTINGS, values, strict=False)), LABELS)
            generations = self._screen.write(title, text, settings)
            may_stop = gr.update(interactive=True)
            yield gr.skip(), NO_NOTICE, gr.skip(), may_stop, *skip(2)
            mask = self._screen.screen.model(title).mask
            show = partial(_shown, title, source_of(text, spoiled, mask))
            with closing(generations):
                yield from self._stream(generations, show, chosen, settings.max_tokens)
        except RequestError as error:
            lines = [str(error)]
            if chosen.shown:
                lines.append("What stands below was written before.")
            yield gr.skip(), {"error": True, "lines": lines}, gr.skip(), rests, *skip(2)

    def _writes(self, title: Any) -> bool:
        return answer_or_toast(self._screen.screen.model, title).bundle.writes

    def _stream(
        self,
        generations: Generator[Generation, None, None],
        show: Callable[[Generation], dict],
        chosen: WriteChosen,
        most: int,
    ) -> Iterator[tuple]:
        shown_at, latest = 0.0, None
        for latest in generations:
            if time.monotonic() - shown_at >= _PAUSE:
                shown_at = time.monotonic()
                yield *self._grown(latest, show(latest), chosen, most), *skip(3)
        if latest is None:
            return
        view = skip(2)
        if not chosen.shown:  # later, the reader has chosen what to look at
            chosen = _best_view(chosen, latest)
            view = [chosen.layer, chosen.head]
        yield *self._grown(latest, show(latest), chosen, most), gr.skip(), *view

    def _grown(self, generation: Generation, shown: dict, chosen: WriteChosen, most: int) -> tuple:
        """Gives: shown, notice, written."""
        selected = self._screen.select(chosen._replace(shown=shown), generation)
        lines = write_sentences.notices(generation, selected.model.bundle, most)
        return (
            shown,
            {"error": False, "lines": lines},
            write_payloads.written(selected, busy=True),
        )


def _only(bundle: Bundle) -> str:
    """The tab of a bundle that has one."""
    return "classify" if bundle.classifies else "write"


def _first_source(model: EncoderModel) -> tuple[str, dict[str, Any] | None]:
    """The text that is offered first, and how it came about."""
    sources = offered_sources(model.bundle, model.mask)
    return (sources[0].text, sources[0]._asdict()) if sources else ("", None)


def _shown(title: Any, spoiled: Source | None, generation: Generation) -> dict[str, Any]:
    """What `WriteChosen.shown` holds."""
    shown = {"bundle": title, "text": generation.source.text, "ids": generation.ids}
    return {**shown, "spoiled": spoiled._asdict()} if spoiled else shown


def _best_view(chosen: WriteChosen, generation: Generation) -> WriteChosen:
    layer, head = first_cross_head(generation)
    return chosen._replace(layer=layer + 1, head=head + 1)
