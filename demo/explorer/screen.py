"""The models behind a page, and what its controls mean. The page and the API both ask here."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from explorer.cache import LEAST_BYTES, ReadingCache
from explorer.maps import Maps
from explorer.reading import Reading
from explorer.request import (
    RequestError,
    check_head,
    check_layer,
    check_switch,
    check_texts,
    check_without,
)
from explorer.runner import Runner
from explorer.view import MapView, encoder_maps, map_view


class Chosen(NamedTuple):
    """What the page shows at the moment, as its components hold it: unchecked, since whoever can
    speak HTTP can send anything."""

    shown: Any
    """The text last read: an object with `bundle`, `text`, `text_pair` and `without`, the heads
    that were left out as pairs of layer and head that count from 1."""
    layer: Any
    head: Any
    special_tokens: Any
    words: Any
    """Whether the pieces of a word are shown as one."""
    by_norms: Any
    """Whether weights are multiplied by the norms of what they let through."""
    dark: Any


class Selected(NamedTuple):
    """What the page shows at the moment, checked."""

    runner: Runner
    reading: Reading
    maps: Maps
    view: MapView


_LACKS = {
    "classifies": "does not classify: it has no classifier",
    "writes": "does not write: it has no decoder",
}


class Screen:
    """The models behind a page, and the readings that its visitors look at."""

    def __init__(self, runners: Sequence[Runner]) -> None:
        self.runners = {runner.bundle.title: runner for runner in runners}
        assert len(self.runners) == len(runners), "see bundle_titles.py"
        self.cache = ReadingCache(max([LEAST_BYTES, *(one.most_bytes for one in runners)]))

    def runner(self, title: object) -> Runner:
        """The model of that title. Raises RequestError if there is none."""
        if not isinstance(title, str) or title not in self.runners:
            raise RequestError(
                f"There is no bundle {title!r:.60}; this page has: {', '.join(self.runners)}."
            )
        return self.runners[title]

    def first(self, task: str) -> str:
        """The title of the first model that does a task: `classifies` or `writes`."""
        return next(
            (title for title, one in self.runners.items() if getattr(one.bundle, task)),
            next(iter(self.runners)),
        )

    def check_task(self, runner: Runner, task: str) -> None:
        """Raises RequestError: the model does not do a task, `classifies` or `writes`."""
        if getattr(runner.bundle, task):
            return
        able = [title for title, one in self.runners.items() if getattr(one.bundle, task)]
        advice = f"Choose one that does: {', '.join(able)}" if able else "No other one here does"
        raise RequestError(f"{runner.bundle.title} {_LACKS[task]}. {advice}.")

    def answer(
        self, title: object, text: object, text_pair: object, without: object = None
    ) -> tuple[Runner, Reading]:
        """As `read`, by a model that classifies."""
        self.check_task(self.runner(title), "classifies")
        return self.read(title, text, text_pair, without)

    def read(
        self, title: object, text: object, text_pair: object, without: object = None
    ) -> tuple[Runner, Reading]:
        """Reads a text after checking it. Raises RequestError with a sentence for the reader.

        Args:
            without: the heads to leave out, as in `Chosen.shown`.
        """
        runner = self.runner(title)
        texts = check_texts(text, text_pair)
        heads = check_without(without, runner)
        return runner, self.cache.read(runner, texts.text, texts.text_pair, heads)

    def shown(self, shown: object) -> tuple[Runner, Reading]:
        """The text that the page shows, by the object in `Chosen.shown`. Raises RequestError."""
        if not isinstance(shown, dict):
            raise RequestError("Nothing was read yet. Write a sentence, and press Read.")
        texts = shown.get("text"), shown.get("text_pair", "")
        return self.read(shown.get("bundle"), *texts, shown.get("without"))

    def select(self, chosen: Chosen) -> Selected:
        """The map that the page's controls mean. Raises RequestError."""
        runner, reading = self.shown(chosen.shown)
        maps = encoder_maps(
            reading,
            special_tokens=check_switch(chosen.special_tokens, "special_tokens"),
            words=check_switch(chosen.words, "words"),
            by_norms=check_switch(chosen.by_norms, "by_norms"),
        )
        layer, head = (
            check_layer(chosen.layer, runner.bundle),
            check_head(chosen.head, runner.bundle),
        )
        return Selected(runner, reading, maps, map_view(maps, layer, head))
