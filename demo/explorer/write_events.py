"""What happens in the Write tab; a sibling of `events.py`, with the same caution: whoever speaks
HTTP can call these with anything."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from zlib import crc32

import gradio as gr

from explorer import payloads, sentences, write_payloads
from explorer.bundle import Bundle
from explorer.clicks import clicked_row, sent_with
from explorer.corruption import corrupt
from explorer.edge import answer_or_message
from explorer.events import head_name
from explorer.overview import draw_overview
from explorer.request import RequestError, check_texts
from explorer.write_request import check_settings
from explorer.write_screen import WriteChosen, WriteScreen, WriteSelected
from explorer.writing_view import telling_cross_head, writing_axes

SETTINGS = (
    "strategy", "temperature", "top_k", "top_p", "beams", "repetition_penalty", "no_repeat_ngram",
    "max_tokens", "seed",
)  # fmt: skip
"""In the order in which the tab's controls give them."""

_PAUSE = 0.05
"""Seconds between two pictures of a growing text: more often, nobody sees."""

NO_NOTICE: dict[str, Any] = {"error": False, "lines": []}


class WriteEvents:
    """The handlers of one page's Write tab."""

    def __init__(self, screen: WriteScreen) -> None:
        self._screen = screen

    def begin(self, title: Any) -> tuple:
        """The page is opened, or another model chosen. Gives: source, corrupt, layer, head, shown,
        notice, written, heads, picture, notes."""
        bundle = answer_or_message(self._screen.screen.runner, title).bundle
        decoder = bundle.decoder
        if decoder is None:
            return *[gr.skip()] * 4, None, NO_NOTICE, None, *[gr.skip()] * 3
        return (
            self._first_source(bundle),
            gr.update(visible=decoder.restores),
            gr.Dropdown(choices=payloads.layer_choices(decoder), value=decoder.layers),
            gr.Dropdown(choices=payloads.head_choices(decoder), value="mean"),
            None,
            NO_NOTICE,
            None,
            gr.update(value=None),
            gr.update(value=None),
            "",
        )

    def tabs(self, title: Any) -> tuple:
        """Which of the two tabs a model has. Gives: Classify, Write."""
        bundle = answer_or_message(self._screen.screen.runner, title).bundle
        return gr.update(visible=bundle.classifies), gr.update(visible=bundle.writes)

    def write(self, title: Any, text: Any, *values: Any) -> Iterator[tuple]:
        """A text is to be written. Gives, again and again: shown, notice, written, stop."""
        settings = dict(zip(SETTINGS, values[: len(SETTINGS)], strict=True))
        controls = values[len(SETTINGS) :]
        try:
            steps = self._screen.write(title, text, settings)
            yield gr.skip(), NO_NOTICE, gr.skip(), gr.update(interactive=True)
            with closing(steps):
                yield from self._stream(steps, title, controls)
        except RequestError as error:
            notice = {"error": True, "lines": [str(error)]}
            yield gr.skip(), notice, gr.skip(), gr.update(interactive=False)

    def _stream(self, steps: Iterator, title: Any, controls: tuple) -> Iterator[tuple]:
        shown_at = 0.0
        latest = None
        for latest in steps:
            if time.monotonic() - shown_at < _PAUSE:
                continue
            shown_at = time.monotonic()
            yield self._progress(latest, title, controls, busy=True)
        if latest:
            yield self._progress(latest, title, controls, busy=False)

    def _progress(self, writing: Any, title: Any, controls: tuple, *, busy: bool) -> tuple:
        shown = {"bundle": title, "text": writing.source.text, "ids": writing.ids}
        self._screen.screen.cache.keep((title, writing.source.text, tuple(writing.ids)), writing)
        selected = self._screen.select(WriteChosen(shown, *controls))
        notices = sentences.notices(writing.source, self._screen.screen.runner(title).bundle)
        return (
            shown,
            {"error": False, "lines": notices},
            write_payloads.written(writing, selected.looks_at, selected.view, busy=busy),
            gr.update(interactive=busy),
        )

    def finish(self, *controls: Any) -> tuple:
        """The writing came to an end, or was stopped. Gives: stop, layer, head, and the map.

        A reader who still looks at the mean is shown the head that follows the source best.
        """
        chosen = WriteChosen(*controls)
        if not chosen.shown:
            return gr.update(interactive=False), *[gr.skip()] * 8
        if chosen.head == "mean":
            layer, head = telling_cross_head(self._select(chosen).writing)
            chosen = chosen._replace(layer=layer + 1, head=head + 1)
        drawn = self._map(self._select(chosen), chosen, overview=True)
        return gr.update(interactive=False), chosen.layer, chosen.head, *drawn

    def draw(self, *controls: Any) -> tuple:
        """Another map, layer or head was chosen by a control. Gives the map."""
        chosen = WriteChosen(*controls)
        return self._map(self._select(chosen), chosen, overview=True)

    def choose_head(self, event: gr.EventData, *controls: Any) -> tuple:
        """A tile was chosen among all heads. Gives layer, head, and the map."""
        layer, head = (sent_with(event).get(name) for name in ("layer", "head"))
        chosen = WriteChosen(*controls)._replace(layer=layer, head=head)
        return layer, head, *self._map(self._select(chosen), chosen)

    def choose_row(self, event: gr.SelectData, *controls: Any) -> dict[str, Any]:
        """The map's picture was clicked. Gives the written tokens, with that row's one chosen."""
        selected = self._select(WriteChosen(*controls))
        row = clicked_row(event, selected.view)
        return write_payloads.written(
            selected.writing, selected.looks_at, selected.view, chosen=row
        )

    def corrupt(self, title: Any, text: Any, seed: Any) -> str:
        """The source with two words spoiled; again, and two more are."""
        source = answer_or_message(check_texts, text).text
        checked = answer_or_message(check_settings, {"seed": seed})
        answer_or_message(self._screen.writer, title)
        return corrupt(source, checked.seed + crc32(source.encode()))

    def files(self, *controls: Any) -> tuple:
        """The map as files to keep, on white paper. Gives a PNG and an SVG."""
        if not WriteChosen(*controls).shown:
            return gr.skip(), gr.skip()
        view = self._select(WriteChosen(*controls)).view
        picture = self._screen.screen.picture
        paths = picture(view), picture(view, format="svg")
        return tuple(gr.update(value=path, interactive=True) for path in paths)

    def _select(self, chosen: WriteChosen) -> WriteSelected:
        return answer_or_message(self._screen.select, chosen)

    def _first_source(self, bundle: Bundle) -> str:
        text = bundle.examples[0].text if bundle.examples else ""
        assert bundle.decoder, "only bundles that write have a source"
        return corrupt(text, crc32(text.encode())) if bundle.decoder.restores else text

    def _map(
        self, selected: WriteSelected, chosen: WriteChosen, *, overview: bool = False
    ) -> tuple:
        """All heads with the chosen one marked, the picture, the tokens, notes, the two files."""
        writing, view = selected.writing, selected.view
        heads: dict[str, Any] = {"chosen": [view.layer + 1, head_name(view)]}
        if overview:
            axes = writing_axes(writing, selected.looks_at, special_tokens=not view.hides_tokens)
            picture = draw_overview(writing.weights(selected.looks_at), *axes)
            heads["value"] = payloads.heads(selected.writer.decoder, picture)
        drawn = self._screen.screen.picture(view, dark=bool(chosen.dark))
        return (
            gr.update(**heads),
            gr.update(value=drawn, alt_text=sentences.map_description(view)),
            write_payloads.written(writing, selected.looks_at, view),
            sentences.writing_notes(view, writing),
            gr.update(interactive=False),
            gr.update(interactive=False),
        )
