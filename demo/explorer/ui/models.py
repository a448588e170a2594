"""The models behind a page, and what its controls mean: the page and its endpoints ask here."""

from collections.abc import Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from explorer.bundle import Bundle, Decoder
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import GivenText, Reading
from explorer.inference.reading_cache import LEAST_BYTES, ReadingCache
from explorer.maps.maps import Maps
from explorer.maps.view import MapView, encoder_maps, generation_maps, map_view
from explorer.ui.checks import (
    MAX_TOKENS,
    check_ablated,
    check_head,
    check_ids,
    check_layer,
    check_looks_at,
    check_settings,
    check_switches,
    check_texts,
)
from explorer.ui.events import while_awaited
from explorer.ui.wording import NO_NORMS
from explorer.writing.generation import SELF, SOURCE, Generation
from explorer.writing.generator import TextGenerator
from explorer.writing.prompt import PromptModel
from explorer.writing.settings import Settings


class TargetText(NamedTuple):
    """A written text that a program asks about."""

    generation: Generation
    left_out: int
    """How many tokens of a given one had no room."""
    settings: Settings | None
    """How it was written; None of one that was given."""


@dataclass(frozen=True, kw_only=True)
class MapControls:
    """What shows a map, as the widget of a tab asks for it: unchecked, since whoever can speak HTTP
    can send anything."""

    shown: Any
    """What the maps are of. In the reading tab the text last read: an object with `bundle`,
    `text`, `text_pair`, `without`, the ablated heads as pairs of layer and head that count from 1,
    and `place`, the word or mask that is asked about, from 1. In the Write tab the text that was
    generated: an object with `bundle`, `text` (the source), `ids`, and in `corrupted` how the
    source came about."""
    layer: Any
    head: Any
    special_tokens: Any
    words: Any
    """Whether the pieces of a word are shown as one."""
    by_norms: Any
    """Whether weights are multiplied by the norms of what they let through."""
    looks_at: Any = SOURCE
    """What a generated text attends to, the source or itself; or what the source does: itself."""

    def switches(self) -> dict[str, bool]:
        """How maps are made of what is shown, checked. Raises RequestError."""
        return check_switches(
            special_tokens=self.special_tokens, words=self.words, by_norms=self.by_norms
        )

    def view_of(self, maps: Maps, model: Bundle | Decoder) -> MapView:
        """The map of the layer and head. Raises RequestError."""
        return map_view(maps, check_layer(self.layer, model), check_head(self.head, model))


Model = EncoderModel | PromptModel
"""What reads texts, or is given prompts to go on from."""


@dataclass(frozen=True, kw_only=True)
class MapSelection:
    """A map that a tab shows, checked, and what it is of."""

    model: Model
    reading: GivenText
    maps: Maps
    view: MapView

    looks_at: str = SELF
    """What is attended to: the text itself, or what a generated text looks at."""
    ids: tuple[int, ...] = ()
    """Of a generated text, whose source is `reading`."""


_LACKS = {
    "classify": "does not classify: it has no classifier",
    "tag": "does not tag: it has no labels for words",
    "answer": "does not answer questions",
    "fill": "does not fill masks",
    "embed": "does not embed texts",
    "explain": "does not classify: it has no classifier",
    "write": "does not write: it has no decoder",
    "read": "is a decoder alone, which goes on from a prompt and gives no answer",
    "source": "does not write for a source",
    "prompt": "does not go on from a prompt",
}


class PageModels:
    """The models behind a page, and what its visitors had them read and write of late."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.by_title = {model.bundle.title: model for model in models}
        assert len(self.by_title) == len(models), "see told_apart"
        self._generators = {
            title: TextGenerator(model)
            for title, model in self.by_title.items()
            if model.bundle.writes
        }
        self.cache = ReadingCache(
            max([LEAST_BYTES, *(one.reading_bytes(one.bundle.most_shown) for one in models)])
        )

    @property
    def bundles(self) -> list[Bundle]:
        """Those of the models, in their order."""
        return [model.bundle for model in self.by_title.values()]

    def model(self, title: object) -> Model:
        """The model of that title. Raises RequestError if there is none."""
        if not isinstance(title, str) or title not in self.by_title:
            raise RequestError(
                f"There is no bundle {title!r:.60}; this page has: {', '.join(self.by_title)}."
            )
        return self.by_title[title]

    def generator(self, title: object) -> TextGenerator:
        """The decoder of the model of that title. Raises RequestError if it has none."""
        model = self.model(title)
        self.check_task(model, "write")
        return self._generators[model.bundle.title]

    def first(self, task: str) -> str:
        """The title of the first model that does a task: see `Bundle.does`."""
        return next(
            (title for title, one in self.by_title.items() if one.bundle.does(task)),
            next(iter(self.by_title)),
        )

    def check_task(self, model: Model, task: str) -> None:
        """Raises RequestError: the model does not do a task: see `Bundle.does`."""
        if model.bundle.does(task):
            return
        able = [title for title, one in self.by_title.items() if one.bundle.does(task)]
        advice = f"Choose one that does: {', '.join(able)}" if able else "No other one here does"
        raise RequestError(f"{model.bundle.title} {_LACKS[task]}. {advice}.")

    def answer(
        self, title: object, text: object, text_pair: object, without: object = None
    ) -> tuple[EncoderModel, Reading]:
        """As `read`, by a model that can be asked what its answer hangs on."""
        self.check_task(self.model(title), "explain")
        return self.read(title, text, text_pair, without)

    def read(
        self,
        title: object,
        text: object,
        text_pair: object,
        without: object = None,
        language: str = "",
    ) -> tuple[EncoderModel, Reading]:
        """Reads a text after checking it. Raises RequestError with a sentence for the reader.

        Args:
            without: the heads to ablate, as in `MapControls.shown`.
            language: of a text to translate: see `Settings`.
        """
        model = self.model(title)
        self.check_task(model, "read")
        assert isinstance(model, EncoderModel), "it reads"
        texts = check_texts(text, text_pair)
        return model, self.cache.read(model, *texts, check_ablated(without, model), language)

    def shown(self, shown: object) -> tuple[EncoderModel, Reading]:
        """The text that the reading tab shows, by `MapControls.shown`. Raises RequestError."""
        if not isinstance(shown, dict):
            raise RequestError("Nothing was read yet. Write a sentence, and press Analyze.")
        texts = shown.get("text"), shown.get("text_pair", "")
        return self.read(shown.get("bundle"), *texts, shown.get("without"))

    def select(self, controls: MapControls) -> MapSelection:
        """The map that the widget of the reading tab means. Raises RequestError."""
        model, reading = self.shown(controls.shown)
        maps = encoder_maps(reading, **controls.switches())
        view = controls.view_of(maps, model.bundle)
        return MapSelection(model=model, reading=reading, maps=maps, view=view)

    def settings(self, title: object, said: object = None, **more: object) -> Settings:
        """How a text is to be written: as somebody says, and where they say nothing as the bundle
        has it. Raises RequestError: see `check_settings`.

        Args:
            said: settings by their names, from a browser.
            more: the same, from a program; None says nothing.
        """
        decoder = self.generator(title).decoder
        given = {name: value for name, value in more.items() if value is not None}
        return check_settings(given or said, decoder)

    def given(self, title: object, text: object, settings: Settings | None = None) -> GivenText:
        """A source that is read, or a prompt, in the chat template or not. Raises RequestError."""
        model, settings = self.model(title), settings or self.settings(title)
        if isinstance(model, PromptModel):
            return model.read(check_texts(text)[0], chat=settings.chat)
        return self.read(title, text, "", language=settings.source_language)[1]

    def write(
        self, title: object, text: object, settings: Settings
    ) -> Generator[Generation, None, None]:
        """Checks and reads the source, or the prompt, then gives the text so far after every step.

        Raises:
            RequestError: before the first step.
        """
        generator, source = self.generator(title), self.given(title, text, settings)
        return self._kept(title, generator, source, settings)

    def written(self, title: object, text: object, settings: Settings | None = None) -> Generation:
        """The whole text that the decoder writes by itself. Raises RequestError."""
        settings = settings or self.settings(title)
        *_, generation = while_awaited(self.write(title, text, settings))
        return generation

    def follow(
        self, title: object, text: object, ids: object, settings: Settings | None = None
    ) -> tuple[TextGenerator, Generation]:
        """A text that was written, or might have been: from memory, or run again."""
        settings = settings or self.settings(title)
        generator, source = self.generator(title), self.given(title, text, settings)
        checked, language = check_ids(ids, generator.decoder), settings.target_language
        key = _key(title, source, generator.ids_before(source, language), checked)
        found = self.cache.find(key)
        return generator, found or self.cache.keep(key, generator.follow(source, checked, language))

    def target(self, title: object, text: object, target: object, **said: object) -> "TargetText":
        """A text that is given, or one that the decoder writes. Raises RequestError.

        Args:
            said: the settings that a program says.
        """
        settings = self.settings(title, **said)
        if target is None or target == "":
            return TargetText(self.written(title, text, settings), 0, settings)
        generator, source = self.generator(title), self.given(title, text, settings)
        own, _ = check_texts(target)
        ids, left_out = generator.target_ids(source, own, MAX_TOKENS, settings.target_language)
        if len(ids) <= len(generator.decoder.settings.ends[:1]) - left_out:
            raise RequestError("The target has no token that this model knows.")
        return TargetText(self.follow(title, text, ids, settings)[1], left_out, None)

    def shown_generation(self, shown: object) -> tuple[Model, TextGenerator, Generation]:
        """The text that the Write tab shows, by `MapControls.shown`. Raises RequestError."""
        if not isinstance(shown, dict):
            raise RequestError("Nothing was written yet. Give a sentence, and press Write.")
        title = shown.get("bundle")
        settings = self.settings(title, shown.get("settings"))
        generator, generation = self.follow(title, shown.get("text"), shown.get("ids"), settings)
        return self.model(title), generator, generation

    def select_generation(self, controls: MapControls) -> MapSelection:
        """The map that the widget of the Write tab means. Raises RequestError."""
        model, generator, generation = self.shown_generation(controls.shown)
        looks_at, switches = check_looks_at(controls.looks_at), controls.switches()
        if looks_at not in generation.looks_at:
            raise RequestError(f"{model.bundle.title} has no source to look at.")
        if switches["by_norms"] and generation.value_norms(looks_at) is None:
            raise RequestError(NO_NORMS)
        maps = generation_maps(generation, looks_at, **switches)
        whose = model.bundle if looks_at == SELF else generator.decoder
        return MapSelection(
            model=model,
            reading=generation.source,
            maps=maps,
            view=controls.view_of(maps, whose),
            looks_at=looks_at,
            ids=tuple(generation.ids),
        )

    def _kept(
        self, title: object, generator: TextGenerator, source: GivenText, settings: Settings
    ) -> Generator[Generation, None, None]:
        """Remembers how far it came, also when the reader leaves in the middle."""
        generation = None
        try:
            for generation in generator.write(source, settings):
                yield generation
        finally:
            if generation:
                before = generation.given_ids
                self.cache.keep(_key(title, source, before, generation.ids), generation)


def _key(title: object, source: GivenText, before: Sequence[int], ids: Sequence[int]) -> Hashable:
    """What a written text is kept by. A prompt has other ids in the chat template, and a source in
    another language."""
    return title, source.text, tuple(source.encoded.ids), tuple(before), tuple(ids)
