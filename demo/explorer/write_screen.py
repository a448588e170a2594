"""The models behind the Write tab, and what its controls mean; a sibling of `screen.py`."""

from collections.abc import Generator
from typing import Any, NamedTuple

from explorer import write_sentences
from explorer.decoding.settings import Settings
from explorer.edge import while_awaited
from explorer.maps import Maps
from explorer.reading import Reading
from explorer.request import RequestError, check_head, check_layer, check_switch, check_texts
from explorer.runner import Runner
from explorer.screen import Screen
from explorer.view import MapView, map_view
from explorer.write_request import MAX_TOKENS, check_ids, check_looks_at
from explorer.write_sources import Source, source_of
from explorer.writer import Writer
from explorer.writing import SOURCE, Writing
from explorer.writing_view import writing_maps


class WriteChosen(NamedTuple):
    """What the tab shows at the moment, as its components hold it: unchecked."""

    shown: Any
    """The text that was written: an object with `bundle`, `text` (the source), `ids`, and in
    `spoiled` how the source came about."""
    looks_at: Any
    layer: Any
    head: Any
    special_tokens: Any
    words: Any
    by_norms: Any
    dark: Any


class WriteSelected(NamedTuple):
    """What the tab shows at the moment, checked."""

    runner: Runner
    writer: Writer
    writing: Writing
    looks_at: str
    maps: Maps
    view: MapView
    spoiled: Source | None
    """How the source came about, where it was spoiled on the page."""


class WriteScreen:
    """The models that write, and the texts that visitors look at."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._writers = {
            title: Writer(runner)
            for title, runner in screen.runners.items()
            if runner.bundle.writes
        }

    def writer(self, title: object) -> Writer:
        """The decoder of the model of that title. Raises RequestError if it has none."""
        runner = self.screen.runner(title)
        self.screen.check_task(runner, "writes")
        return self._writers[runner.bundle.title]

    def write(
        self, title: object, text: object, settings: Settings
    ) -> Generator[Writing, None, None]:
        """Checks and reads the source, then gives the text so far after every step.

        Raises:
            RequestError: before the first step.
        """
        writer, reading = self._source(title, text)
        return self._kept(title, writer, reading, settings)

    def written(self, title: object, text: object) -> Writing:
        """The whole text that the decoder writes by itself. Raises RequestError."""
        *_, writing = while_awaited(self.write(title, text, Settings()))
        return writing

    def follow(self, title: object, text: object, ids: object) -> tuple[Writer, Writing]:
        """A text that was written, or might have been: from memory, or run again."""
        writer, reading = self._source(title, text)
        checked = check_ids(ids, writer.decoder)
        key = (title, reading.text, tuple(checked))
        cache = self.screen.cache
        return writer, cache.find(key) or cache.keep(key, writer.follow(reading, checked))

    def target(self, title: object, text: object, target: object) -> tuple[Writing, int]:
        """A text that is given, or one that the decoder writes, and how many of the given one's
        tokens had no room. Raises RequestError."""
        if target is None or target == "":
            return self.written(title, text), 0
        given = check_texts(target).text
        ids, left_out = self.writer(title).target_ids(given, MAX_TOKENS)
        if len(ids) < 2:
            raise RequestError("The target has no token that this model knows.")
        return self.follow(title, text, ids)[1], left_out

    def shown(self, shown: object) -> tuple[Runner, Writer, Writing]:
        """The text that the tab shows, by what `WriteChosen.shown` holds. Raises RequestError."""
        if not isinstance(shown, dict):
            raise RequestError("Nothing was written yet. Give a sentence, and press Write.")
        title = shown.get("bundle")
        writer, writing = self.follow(title, shown.get("text"), shown.get("ids"))
        return self.screen.runner(title), writer, writing

    def select(self, chosen: WriteChosen, writing: Writing | None = None) -> WriteSelected:
        """The map that the tab's controls mean. Raises RequestError.

        Args:
            writing: what is shown, where it is at hand; `shown` then is the page's own.
        """
        if writing is None:
            runner, writer, writing = self.shown(chosen.shown)
        else:
            runner = self.screen.runner(chosen.shown["bundle"])
            writer = self.writer(chosen.shown["bundle"])
        looks_at = check_looks_at(chosen.looks_at)
        by_norms = check_switch(chosen.by_norms, "by_norms")
        if by_norms and looks_at != SOURCE:
            raise RequestError(write_sentences.NO_NORMS)
        maps = writing_maps(
            writing,
            looks_at,
            special_tokens=check_switch(chosen.special_tokens, "special_tokens"),
            words=check_switch(chosen.words, "words"),
            by_norms=by_norms,
        )
        layer, head = (
            check_layer(chosen.layer, writer.decoder),
            check_head(chosen.head, writer.decoder),
        )
        view = map_view(maps, layer, head)
        spoiled = source_of(writing.source.text, chosen.shown.get("spoiled"), runner.mask)
        return WriteSelected(runner, writer, writing, looks_at, maps, view, spoiled)

    def _source(self, title: object, text: object) -> tuple[Writer, Reading]:
        writer = self.writer(title)
        _, reading = self.screen.read(title, text, "")
        return writer, reading

    def _kept(
        self, title: object, writer: Writer, reading: Reading, settings: Settings
    ) -> Generator[Writing, None, None]:
        """Remembers how far it came, also when the reader leaves in the middle."""
        writing = None
        try:
            for writing in writer.write(reading, settings):
                yield writing
        finally:
            if writing:
                self.screen.cache.keep((title, reading.text, tuple(writing.ids)), writing)
