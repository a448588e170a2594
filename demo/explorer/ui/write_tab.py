"""The Write tab: a source or a prompt, how it is written, the generated text, and beside its maps
the analyses.

Whoever speaks HTTP can call the handlers with anything, so each value is checked again.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import gradio as gr
from gradio.events import Dependency

from explorer.errors import RequestError
from explorer.maps.packed import SMALL
from explorer.maps.view import first_written_head
from explorer.ui import payloads, wording
from explorer.ui.checks import (
    check_settings,
    check_texts,
    first_settings,
    unusual_settings,
)
from explorer.ui.events import WRITING, Update, in_browser, on
from explorer.ui.map_viewer import Begins, MapViewer, beginning_with, maps_of_generation
from explorer.ui.models import Model, PageModels
from explorer.ui.panel import MAY_NOT_STOP, MAY_STOP, Asked, Group, Panels, lay_out_groups
from explorer.ui.panels.decoding import LABELS, chosen_settings, lay_out_settings, shown_settings
from explorer.ui.panels.generated_text import (
    DECODER_HEADS,
    PROMPT_EFFECTS,
    SOURCE_ATTRIBUTION,
)
from explorer.ui.sharing.kept_page import KeptText
from explorer.ui.sources.offered import Source, corrupt_again, offered_sources, source_of
from explorer.ui.sources.source_form import SourceForm
from explorer.ui.widgets import Frame, widget
from explorer.writing.generation import Generation
from explorer.writing.settings import Settings

ANALYSES: tuple[Group, ...] = (
    Group("Source", "source", (SOURCE_ATTRIBUTION,)),
    Group("Prompt", "prompt", (PROMPT_EFFECTS,)),
    Group("Heads", "write_which_heads", (DECODER_HEADS,)),
)
"""Below the generated text, beside its maps."""

VIEWS = ["write_maps", *(group.name for group in ANALYSES)]

_PAUSE = 0.05
"""Seconds between two pictures of a growing text: more often, nobody sees."""
_NO_NOTICE: dict[str, Any] = {"error": False, "lines": []}

# What was chosen in another tab is written when a reader comes here.
_OPENED = "() => true"
_IF_LINKED = '(link) => link?.tab === "write"'
_IF_OPEN = '() => !!document.querySelector("#write_tab")?.offsetParent'
# What was wrong with the text before is not wrong with this one.
_NO_FAULT = "(notice) => (notice?.error ? { error: false, lines: [] } : notice)"


class WriteTab:
    """The components of the tab, and what they do. At least one of the models writes.

    Args:
        frame: the parts of the page around its tabs.
        tabs: those of the page, which are open.
    """

    def __init__(self, models: PageModels, frame: Frame, tabs: gr.Tabs) -> None:
        self._models = models
        self._frame = frame
        self._tabs = tabs
        first = models.model(models.first("write"))
        with gr.Tab("Write", id="write", elem_id="write_tab") as self.tab:
            with gr.Row(equal_height=False):
                with gr.Column(scale=3, min_width=320):
                    self.form = SourceForm(models, first)
                with gr.Column(scale=2, min_width=300):
                    self.settings = lay_out_settings()
            self.notice, self.written = widget("notice", "write_notice"), widget("written")
            with gr.Tabs(selected="write_maps", elem_id="write_maps") as self.views:
                with gr.Tab("Maps", id="write_maps", elem_id="write_maps_tab"):
                    self.viewer = MapViewer("write_map_view")
                panels = lay_out_groups(ANALYSES, first.bundle)
            self.shown = gr.JSON(visible=False)
            self.is_open = gr.Checkbox(visible=False)
        self.panels = Panels(panels, self._ask, self.shown)

    def wire(self, begun: Dependency, changed: Dependency, restored: Dependency) -> Dependency:
        """Wires it; gives the event after which the first model has its source here.

        Args:
            begun, changed: the events after which a model is there, or another one.
            restored: the event after which the other tab has what a link says.
        """
        title, link = {"title": self._frame.bundle}, {"link": self._frame.restored}
        blocks = [panel.block for panel in self.panels]
        model = [*self.form.of_model, *self.settings.values(), *blocks]
        cleared = [self.shown, self.notice, self.written, self.viewer.maps, self._tabs, self.views]
        begun = on(begun.then, self.begin_page, title, model)
        changed = on(changed.then, self.change, title, [*model, *cleared])
        restored = on(restored.success, self.restore, link, [*model, *cleared])
        opens = self._wire_opening(changed, restored)
        answered = [*opens, *self._wire_writing(self._wire_source())]
        self.viewer.wire(self._models.select_generation, self._text_of, self.shown)
        leaving = [self.form.write.click, self.form.text.submit, self.form.examples.choose]
        other = [self._frame.bundle.select, self._frame.link.restore]
        self.panels.wire(answered, [*leaving, *other])
        return begun

    def _wire_opening(self, changed: Dependency, restored: Dependency) -> list[Dependency]:
        """What writes the tab's first text: a reader who comes to it, another model, a link. Gives
        the events after which it is written."""
        asked = {
            "title": self._frame.bundle, "is_open": self.is_open, "text": self.form.text,
            "corrupted": self.form.corrupted, "shown": self.shown, "link": self._frame.restored,
        }  # fmt: skip
        return [
            on(
                in_browser(trigger, script, [self._frame.restored], [self.is_open]).then,
                self.open,
                asked,
                [self.shown, self.notice, self.written, self.viewer.maps],
                waits_on=self.form.text,
                line=WRITING,
            )
            for trigger, script in (
                (self.tab.select, _OPENED),
                (changed.then, _IF_OPEN),
                (restored.then, _IF_LINKED),
            )
        ]

    def _wire_source(self) -> Dependency:
        """What changes the source, and clears what was wrong with it. Gives the event after which
        an example stands there."""
        form = self.form
        given = {
            "title": self._frame.bundle, "text": form.text, "corrupted": form.corrupted,
            "shown": self.shown,
        }  # fmt: skip
        on(form.corrupt.click, self.corrupt, given, [*form.source, self.notice])
        in_browser(form.text.change, _NO_FAULT, [self.notice], [self.notice])
        return form.wire(self._frame.bundle)

    def _wire_writing(self, chosen: Dependency) -> list[Dependency]:
        """What writes: a button, the Enter key, or an example that was `chosen`. Gives the events
        after which a text is written."""
        asked = {
            "title": self._frame.bundle, "text": self.form.text,
            "corrupted": self.form.corrupted, **self.settings, "shown": self.shown,
        }  # fmt: skip
        stop = self.form.stop
        growing = [self.shown, self.notice, self.written, self.viewer.maps, stop]
        begins = [self.form.write.click, self.form.text.submit]
        in_browser(begins, MAY_STOP, outputs=[stop])
        writes = [
            on(trigger, self.write, asked, growing, waits_on=self.form.text, line=WRITING)
            for trigger in (begins, chosen.then)
        ]
        stopped = in_browser(stop.click, MAY_NOT_STOP, outputs=[stop], cancels=writes)
        for leaving in (self._frame.bundle.select, self._frame.link.restore):
            in_browser(leaving, cancels=writes)
        # In the line of what is written: beside it, the end of one text would come over the next.
        ended = [stop, self.written, self.viewer.maps]
        return [
            on(event.then, self.finish, {"shown": self.shown}, ended, line=WRITING)
            for event in (*writes, stopped)
        ]

    def begin(self, title: Any) -> Update:
        """A model is there, the first or another: its first source stands there."""
        model = self._models.model(title)
        begun, decoder = self.form.begin(model), model.bundle.decoder
        if decoder is None:
            return begun
        for panel in self.panels:
            begun |= panel.show_for(model.bundle)
        return begun | self._set(first_settings(decoder), model)

    def begin_page(self, title: Any) -> Update:
        """The page is opened. Its source is there from the start: who already writes keeps it."""
        texts = self.form.source
        begun = {part: new for part, new in self.begin(title).items() if part not in texts}
        return begun or {self.form.examples: gr.skip()}

    def _set(self, settings: Settings, model: Model) -> Update:
        """The controls of how a text is written."""
        shown = shown_settings(settings, model)
        return {component: shown[name] for name, component in self.settings.items()}

    def change(self, title: Any) -> Update:
        """Another model was chosen: what the one before wrote goes, and where it has but one of the
        page's tabs, that one is opened."""
        bundle = self._models.model(title).bundle
        cleared = self._cleared
        reads = bundle.does("explain")
        if not (reads and bundle.writes):
            only = "classify" if reads else "write"
            cleared[self._tabs] = gr.update(selected=only)
        cleared[self.views] = gr.update(selected=VIEWS[0])  # which others there are may change
        return {**self.begin(title), **cleared}

    @property
    def _cleared(self) -> Update:
        """Before anything is written: what was goes."""
        return {
            self.shown: None, self.notice: _NO_NOTICE, self.written: None, self.viewer.maps: {}
        }  # fmt: skip

    def restore(self, link: Any) -> Update:
        """A link was opened. Its source stands there, and `open` has it written from; one to the
        other tab leaves this one as it is, unless the model is another."""
        asked = link if isinstance(link, dict) else {}
        model = self._models.model(asked.get("title"))
        update = self.change(model.bundle.title) if asked.get("changed") else {}
        update[self._tabs] = gr.update(selected=asked.get("tab"))
        if asked.get("tab") == "write" and model.bundle.writes:
            text, _ = check_texts(asked.get("text"))
            source = source_of(text, None, model) or Source(text, text)
            info = update.get(self.form.text, gr.update())
            update |= {**self._cleared, **self.form.put(source, model)}
            update |= {self.form.text: {**info, "value": text}}
            update[self.views] = gr.update(selected=asked.get("view"))
            settings = self._models.settings(model.bundle.title, asked.get("settings"))
            update |= self._set(settings, model)
        return update

    def open(
        self, title: Any, is_open: Any, text: Any, corrupted: Any, shown: Any, link: Any = None
    ) -> Update:
        """The tab is opened, or has another model: where nothing was written yet, the model writes
        from the source that stands there, or will. Not where it does not write, or nobody has the
        tab before them."""
        if not is_open or shown or not self._models.model(title).bundle.writes:
            return {self.shown: gr.skip()}
        model = self._models.model(title)
        sources = offered_sources(model)
        if not text and sources:
            text, corrupted = sources[0].text, sources[0]._asdict()
        if not text:
            return {self.shown: gr.skip()}
        linked = isinstance(link, dict) and (link.get("title"), link.get("text")) == (title, text)
        settings = self._models.settings(title, link.get("settings") if linked else None)
        generation = self._models.written(title, text, settings)
        source = source_of(text, corrupted, model)
        begins = link.get("state") if linked else first_written_head(generation)
        return {
            self.shown: _shown(model, source, generation, settings),
            **self._said(model, generation, settings.max_tokens),
            **self._written(model, generation, source, settings, begins=begins),
        }

    def corrupt(self, title: Any, text: Any, corrupted: Any, shown: Any = None) -> Update:
        """Two words are to be corrupted."""
        model = self._models.model(title)
        try:
            source = corrupt_again(text, corrupted, model)
        except RequestError as error:
            return {self.notice: _fault(error, shown)}
        return self.form.put(source, model, asked=True)

    def write(
        self, title: Any, text: Any, corrupted: Any, shown: Any, **settings: Any
    ) -> Iterator[Update]:
        """A text is to be written: it is given again and again as it grows. `finish` comes after
        it, however it ends."""
        try:
            decoder = self._models.generator(title).decoder
            checked = check_settings(chosen_settings(settings), decoder, LABELS)
            generations = self._models.write(title, text, checked)
            yield {self.notice: _NO_NOTICE, self.form.stop: gr.update(interactive=True)}
            model = self._models.model(title)
            source = source_of(text, corrupted, model)
            # Later, the reader has chosen what to look at.
            begins = None if shown else first_written_head
            with closing(generations):
                for generation, last in _paced(generations):
                    yield {
                        self.shown: _shown(model, source, generation, checked),
                        **self._said(model, generation, checked.max_tokens),
                        **self._written(
                            model,
                            generation,
                            source,
                            checked,
                            busy=True,
                            begins=begins(generation) if begins and last else None,
                        ),
                    }
        except RequestError as error:
            yield {self.notice: _fault(error, shown), self.form.stop: gr.update(interactive=False)}

    def finish(self, shown: Any) -> Update:
        """The generation came to an end, or was stopped."""
        stop: Update = {self.form.stop: gr.update(interactive=False)}
        if not shown:
            return stop
        model, _, generation = self._models.shown_generation(shown)
        source = source_of(generation.source.text, shown.get("corrupted"), model)
        settings = self._models.settings(shown.get("bundle"), shown.get("settings"))
        return {**stop, **self._written(model, generation, source, settings)}

    def _said(self, model: Model, generation: Generation, most: int) -> Update:
        """What a reader should know of the source or prompt; `most` tokens were to be written."""
        lines = wording.write_notices(generation, model.bundle, most)
        return {self.notice: {"error": False, "lines": lines}}

    def _written(
        self,
        model: Model,
        generation: Generation,
        source: Source | None,
        settings: Settings,
        *,
        busy: bool = False,
        begins: Begins = None,
    ) -> Update:
        """A text as far as it came, and its maps; `begins` as in the Classify tab."""
        generator = self._models.generator(model.bundle.title)
        maps = maps_of_generation(model, generation, busy=busy)
        maps["of"]["settings"] = unusual_settings(settings, generator.decoder)  # for a link
        return {
            self.written: payloads.written(
                model, generator, generation, source, settings, busy=busy
            ),
            self.viewer.maps: beginning_with(begins, maps),
        }

    def _ask(self, shown: Any) -> Asked:
        """What the panels ask about: what the tab shows."""
        model, generator, generation = self._models.shown_generation(shown)
        return Asked(
            of=model,
            text=generation.source,
            models=self._models,
            generator=generator,
            generation=generation,
        )

    def _text_of(self, shown: Any) -> KeptText:
        """What the tab shows, for a page of its own."""
        model, generator, generation = self._models.shown_generation(shown)
        text = generation.source.text
        source = source_of(text, shown.get("corrupted"), model)
        settings = self._models.settings(model.bundle.title, shown.get("settings"))
        return KeptText(
            bundle=model.bundle,
            texts={"Source" if generation.has_source else "Prompt": text},
            notes=wording.write_notices(generation, model.bundle, settings.max_tokens),
            answers={"written": payloads.written(model, generator, generation, source, settings)},
            maps=maps_of_generation(model, generation, largest=SMALL),
        )


def _paced(generations: Iterable[Generation]) -> Iterator[tuple[Generation, bool]]:
    """A growing text as often as somebody sees it change, and whether it is the whole one."""
    shown_at, latest = 0.0, None
    for latest in generations:
        if time.monotonic() - shown_at >= _PAUSE:
            shown_at = time.monotonic()
            yield latest, False
    if latest is not None:
        yield latest, True


def _fault(error: RequestError, shown: Any) -> dict[str, Any]:
    """What is wrong with a source, as a notice."""
    lines = [str(error), *(["What stands below was written before."] if shown else [])]
    return {"error": True, "lines": lines}


def _shown(
    model: Model, corrupted: Source | None, generation: Generation, settings: Settings
) -> dict[str, Any]:
    """What `MapControls.shown` holds, and how it was written."""
    shown = {
        "bundle": model.bundle.title,
        "text": generation.source.text,
        "ids": generation.ids,
        "settings": unusual_settings(settings, model.bundle.decoder),
    }
    return {**shown, "corrupted": corrupted._asdict()} if corrupted else shown
