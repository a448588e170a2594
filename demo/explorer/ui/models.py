"""The models behind a page, and what its controls mean. The page and the API both ask here."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

from explorer.errors import RequestError
from explorer.inference.cache import LEAST_BYTES, ReadingCache
from explorer.inference.encoder import EncoderModel, Reading
from explorer.inference.generator import SOURCE, Generation, TextGenerator
from explorer.inference.logits import Settings
from explorer.maps.maps import Maps
from explorer.maps.view import MapView, encoder_maps, generation_maps, map_view
from explorer.ui import write_sentences
from explorer.ui.checks import (
    MAX_TOKENS,
    check_ablated,
    check_head,
    check_ids,
    check_layer,
    check_looks_at,
    check_switch,
    check_texts,
    while_awaited,
)
from explorer.ui.write_sources import Source, source_of


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

    model: EncoderModel
    reading: Reading
    maps: Maps
    view: MapView


_LACKS = {
    "classifies": "does not classify: it has no classifier",
    "writes": "does not write: it has no decoder",
}


class Screen:
    """The models behind a page, and the readings that its visitors look at."""

    def __init__(self, models: Sequence[EncoderModel]) -> None:
        self.by_title = {model.bundle.title: model for model in models}
        assert len(self.by_title) == len(models), "see told_apart"
        self.cache = ReadingCache(max([LEAST_BYTES, *(one.most_bytes for one in models)]))

    def model(self, title: object) -> EncoderModel:
        """The model of that title. Raises RequestError if there is none."""
        if not isinstance(title, str) or title not in self.by_title:
            raise RequestError(
                f"There is no bundle {title!r:.60}; this page has: {', '.join(self.by_title)}."
            )
        return self.by_title[title]

    def first(self, task: str) -> str:
        """The title of the first model that does a task: `classifies` or `writes`."""
        return next(
            (title for title, one in self.by_title.items() if getattr(one.bundle, task)),
            next(iter(self.by_title)),
        )

    def check_task(self, model: EncoderModel, task: str) -> None:
        """Raises RequestError: the model does not do a task, `classifies` or `writes`."""
        if getattr(model.bundle, task):
            return
        able = [title for title, one in self.by_title.items() if getattr(one.bundle, task)]
        advice = f"Choose one that does: {', '.join(able)}" if able else "No other one here does"
        raise RequestError(f"{model.bundle.title} {_LACKS[task]}. {advice}.")

    def answer(
        self, title: object, text: object, text_pair: object, ablated: object = None
    ) -> tuple[EncoderModel, Reading]:
        """As `read`, by a model that classifies."""
        self.check_task(self.model(title), "classifies")
        return self.read(title, text, text_pair, ablated)

    def read(
        self, title: object, text: object, text_pair: object, ablated: object = None
    ) -> tuple[EncoderModel, Reading]:
        """Reads a text after checking it. Raises RequestError with a sentence for the reader.

        Args:
            without: the heads to leave out, as in `Chosen.shown`.
        """
        model = self.model(title)
        texts = check_texts(text, text_pair)
        heads = check_ablated(ablated, model)
        return model, self.cache.read(model, texts.text, texts.text_pair, heads)

    def shown(self, shown: object) -> tuple[EncoderModel, Reading]:
        """The text that the page shows, by the object in `Chosen.shown`. Raises RequestError."""
        if not isinstance(shown, dict):
            raise RequestError("Nothing was read yet. Write a sentence, and press Read.")
        texts = shown.get("text"), shown.get("text_pair", "")
        return self.read(shown.get("bundle"), *texts, shown.get("without"))

    def select(self, chosen: Chosen) -> Selected:
        """The map that the page's controls mean. Raises RequestError."""
        model, reading = self.shown(chosen.shown)
        maps = encoder_maps(
            reading,
            special_tokens=check_switch(chosen.special_tokens, "special_tokens"),
            words=check_switch(chosen.words, "words"),
            by_norms=check_switch(chosen.by_norms, "by_norms"),
        )
        layer, head = (
            check_layer(chosen.layer, model.bundle),
            check_head(chosen.head, model.bundle),
        )
        return Selected(model, reading, maps, map_view(maps, layer, head))


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

    model: EncoderModel
    generator: TextGenerator
    generation: Generation
    looks_at: str
    maps: Maps
    view: MapView
    spoiled: Source | None
    """How the source came about, where it was spoiled on the page."""


class WriteScreen:
    """The models that write, and the texts that visitors look at."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._generators = {
            title: TextGenerator(model)
            for title, model in screen.by_title.items()
            if model.bundle.writes
        }

    def generator(self, title: object) -> TextGenerator:
        """The decoder of the model of that title. Raises RequestError if it has none."""
        model = self.screen.model(title)
        self.screen.check_task(model, "writes")
        return self._generators[model.bundle.title]

    def write(
        self, title: object, text: object, settings: Settings
    ) -> Generator[Generation, None, None]:
        """Checks and reads the source, then gives the text so far after every step.

        Raises:
            RequestError: before the first step.
        """
        generator, reading = self._source(title, text)
        return self._kept(title, generator, reading, settings)

    def written(self, title: object, text: object) -> Generation:
        """The whole text that the decoder writes by itself. Raises RequestError."""
        *_, generation = while_awaited(self.write(title, text, Settings()))
        return generation

    def follow(self, title: object, text: object, ids: object) -> tuple[TextGenerator, Generation]:
        """A text that was written, or might have been: from memory, or run again."""
        generator, reading = self._source(title, text)
        checked = check_ids(ids, generator.decoder)
        key = (title, reading.text, tuple(checked))
        cache = self.screen.cache
        return generator, cache.find(key) or cache.keep(key, generator.follow(reading, checked))

    def target(self, title: object, text: object, target: object) -> tuple[Generation, int]:
        """A text that is given, or one that the decoder writes, and how many of the given one's
        tokens had no room. Raises RequestError."""
        if target is None or target == "":
            return self.written(title, text), 0
        given = check_texts(target).text
        ids, left_out = self.generator(title).target_ids(given, MAX_TOKENS)
        if len(ids) < 2:
            raise RequestError("The target has no token that this model knows.")
        return self.follow(title, text, ids)[1], left_out

    def shown(self, shown: object) -> tuple[EncoderModel, TextGenerator, Generation]:
        """The text that the tab shows, by what `WriteChosen.shown` holds. Raises RequestError."""
        if not isinstance(shown, dict):
            raise RequestError("Nothing was written yet. Give a sentence, and press Write.")
        title = shown.get("bundle")
        generator, generation = self.follow(title, shown.get("text"), shown.get("ids"))
        return self.screen.model(title), generator, generation

    def select(self, chosen: WriteChosen, generation: Generation | None = None) -> WriteSelected:
        """The map that the tab's controls mean. Raises RequestError.

        Args:
            writing: what is shown, where it is at hand; `shown` then is the page's own.
        """
        if generation is None:
            model, generator, generation = self.shown(chosen.shown)
        else:
            model = self.screen.model(chosen.shown["bundle"])
            generator = self.generator(chosen.shown["bundle"])
        looks_at = check_looks_at(chosen.looks_at)
        by_norms = check_switch(chosen.by_norms, "by_norms")
        if by_norms and looks_at != SOURCE:
            raise RequestError(write_sentences.NO_NORMS)
        maps = generation_maps(
            generation,
            looks_at,
            special_tokens=check_switch(chosen.special_tokens, "special_tokens"),
            words=check_switch(chosen.words, "words"),
            by_norms=by_norms,
        )
        layer, head = (
            check_layer(chosen.layer, generator.decoder),
            check_head(chosen.head, generator.decoder),
        )
        view = map_view(maps, layer, head)
        spoiled = source_of(generation.source.text, chosen.shown.get("spoiled"), model.mask)
        return WriteSelected(model, generator, generation, looks_at, maps, view, spoiled)

    def _source(self, title: object, text: object) -> tuple[TextGenerator, Reading]:
        generator = self.generator(title)
        _, reading = self.screen.read(title, text, "")
        return generator, reading

    def _kept(
        self, title: object, generator: TextGenerator, reading: Reading, settings: Settings
    ) -> Generator[Generation, None, None]:
        """Remembers how far it came, also when the reader leaves in the middle."""
        generation = None
        try:
            for generation in generator.write(reading, settings):
                yield generation
        finally:
            if generation:
                self.screen.cache.keep((title, reading.text, tuple(generation.ids)), generation)
