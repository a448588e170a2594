"""What happens when someone writes in the Write tab; a sibling of `events.py`, with the same
caution: whoever speaks HTTP can call these with anything."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import gradio as gr

from explorer import payloads, write_payloads, write_sentences
from explorer.bundle import Bundle
from explorer.bundle_schema import Example
from explorer.clicks import chosen_example
from explorer.decoding.settings import Settings
from explorer.edge import answer_or_toast
from explorer.map_choice import MEAN
from explorer.request import RequestError
from explorer.runner import Runner
from explorer.shown_map import MAP_VALUES, head_choice, skip
from explorer.write_map_events import written_map
from explorer.write_request import check_settings
from explorer.write_screen import WriteChosen, WriteScreen
from explorer.write_settings import LABELS
from explorer.write_sources import Source, offered_sources, source_of, spoil_again
from explorer.writing import Writing
from explorer.writing_view import telling_cross_head

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
        runner = answer_or_toast(self._screen.screen.runner, title)
        decoder = runner.bundle.decoder
        if decoder is None:
            return tuple(skip(5))
        sources = offered_sources(runner.bundle, runner.mask)
        first = sources[0] if sources else Source("", "")
        return (
            gr.update(value=first.text, info=write_sentences.asked(decoder)),
            first._asdict(),
            write_payloads.mark(first, runner.mask),
            payloads.examples([Example(text=source.text) for source in sources]),
            gr.update(visible=decoder.restores),
        )

    def change(self, title: Any) -> tuple:
        """Another model was chosen: what the one before wrote goes. Gives what `begin` gives, then
        shown, notice, written, and which of the page's tabs is open."""
        bundle = answer_or_toast(self._screen.screen.runner, title).bundle
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
        decoder = answer_or_toast(self._screen.writer, title).decoder
        runner = self._screen.screen.runner(title)
        if not text:
            text, spoiled = _first_source(runner)
        if not text:
            return *skip(2), *head_choice(decoder, decoder.layers, MEAN), *skip(MAP_VALUES)
        writing = answer_or_toast(self._screen.written, title, text)
        shown = _shown(title, source_of(text, spoiled, runner.mask), writing)
        chosen = _best_view(chosen, writing)._replace(shown=shown)
        selected = answer_or_toast(self._screen.select, chosen)
        notices = write_sentences.notices(writing, selected.runner.bundle, Settings().max_tokens)
        return (
            chosen.shown,
            {"error": False, "lines": notices},
            *head_choice(decoder, chosen.layer, chosen.head),
            *written_map(selected, chosen, overview=True),
        )

    def choose_example(self, event: gr.EventData, title: Any) -> tuple:
        """An example was chosen. Gives: source, spoiled, mark."""
        runner = answer_or_toast(self._screen.screen.runner, title)
        source = chosen_example(event, offered_sources(runner.bundle, runner.mask))
        return source.text, source._asdict(), write_payloads.mark(source, runner.mask)

    def spoil(self, title: Any, text: Any, spoiled: Any) -> tuple:
        """Two words are to be spoiled. Gives: source, spoiled, mark."""
        runner = answer_or_toast(self._screen.screen.runner, title)
        new = answer_or_toast(spoil_again, text, spoiled, runner.mask)
        return new.text, new._asdict(), write_payloads.mark(new, runner.mask, asked=True)

    def write(self, title: Any, text: Any, spoiled: Any, *values: Any) -> Iterator[tuple]:
        """A text is to be written. Gives, again and again: shown, notice, written, stop, layer,
        head. `WriteMapEvents.finish` comes after it, however it ends."""
        chosen = WriteChosen(*values[len(SETTINGS) :])
        rests = gr.update(interactive=False)
        try:
            settings = check_settings(dict(zip(SETTINGS, values, strict=False)), LABELS)
            writings = self._screen.write(title, text, settings)
            may_stop = gr.update(interactive=True)
            yield gr.skip(), NO_NOTICE, gr.skip(), may_stop, *skip(2)
            mask = self._screen.screen.runner(title).mask
            show = partial(_shown, title, source_of(text, spoiled, mask))
            with closing(writings):
                yield from self._stream(writings, show, chosen, settings.max_tokens)
        except RequestError as error:
            lines = [str(error)]
            if chosen.shown:
                lines.append("What stands below was written before.")
            yield gr.skip(), {"error": True, "lines": lines}, gr.skip(), rests, *skip(2)

    def _writes(self, title: Any) -> bool:
        return answer_or_toast(self._screen.screen.runner, title).bundle.writes

    def _stream(
        self,
        writings: Generator[Writing, None, None],
        show: Callable[[Writing], dict],
        chosen: WriteChosen,
        most: int,
    ) -> Iterator[tuple]:
        shown_at, latest = 0.0, None
        for latest in writings:
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

    def _grown(self, writing: Writing, shown: dict, chosen: WriteChosen, most: int) -> tuple:
        """Gives: shown, notice, written."""
        selected = self._screen.select(chosen._replace(shown=shown), writing)
        lines = write_sentences.notices(writing, selected.runner.bundle, most)
        return (
            shown,
            {"error": False, "lines": lines},
            write_payloads.written(selected, busy=True),
        )


def _only(bundle: Bundle) -> str:
    """The tab of a bundle that has one."""
    return "classify" if bundle.classifies else "write"


def _first_source(runner: Runner) -> tuple[str, dict[str, Any] | None]:
    """The text that is offered first, and how it came about."""
    sources = offered_sources(runner.bundle, runner.mask)
    return (sources[0].text, sources[0]._asdict()) if sources else ("", None)


def _shown(title: Any, spoiled: Source | None, writing: Writing) -> dict[str, Any]:
    """What `WriteChosen.shown` holds."""
    shown = {"bundle": title, "text": writing.source.text, "ids": writing.ids}
    return {**shown, "spoiled": spoiled._asdict()} if spoiled else shown


def _best_view(chosen: WriteChosen, writing: Writing) -> WriteChosen:
    layer, head = telling_cross_head(writing)
    return chosen._replace(layer=layer + 1, head=head + 1)
