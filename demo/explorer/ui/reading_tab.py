"""The reading tab: a text, the model's answer, its tokens, and beside its maps the analyses. It is
one for all tasks; what each has of its own is in `ui/tasks/`.

Whoever speaks HTTP can call the handlers with anything, so each value is checked again.
"""

from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from bundle_format.schema import Example
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading
from explorer.maps.packed import FINE, SMALL
from explorer.maps.view import first_head
from explorer.ui import payloads, wording
from explorer.ui.checks import check_example
from explorer.ui.events import Trigger, Update, on, sent_with
from explorer.ui.map_viewer import Begins, MapViewer, beginning_with, maps_of_reading
from explorer.ui.models import PageModels
from explorer.ui.panel import Asked, Group, Panels, lay_out_groups
from explorer.ui.panels.compare import COMPARE
from explorer.ui.panels.heads import HEAD_EFFECTS, PRUNING
from explorer.ui.panels.trust import FAITHFULNESS
from explorer.ui.panels.words import OCCLUSION, PAIRS, SMALLEST_FLIP
from explorer.ui.sharing.kept_page import KeptText
from explorer.ui.sharing.link import read_link
from explorer.ui.tasks.known import ask, task_of
from explorer.ui.widgets import Frame, widget

ANALYSES: tuple[Group, ...] = (
    Group("Words", "mattered", (OCCLUSION, PAIRS, SMALLEST_FLIP, FAITHFULNESS), wording.LOG_ODDS),
    Group("Heads", "which_heads", (HEAD_EFFECTS, PRUNING), wording.LOG_ODDS),
    Group("Compare", "compare", (COMPARE,), wording.LOG_ODDS),
)
"""Below the answer, beside the maps."""

VIEWS = ["maps", *(group.name for group in ANALYSES)]


class ReadingTab:
    """The components of the tab, and what they do.

    Args:
        frame: the parts of the page around its tabs.
        tab: the one that is open, called by the task; None where the page has no tabs.
    """

    def __init__(self, models: PageModels, frame: Frame, tab: gr.Tab | None = None) -> None:
        self._models = models
        self._frame = frame
        self._tab = tab
        first = models.bundles[0]
        task, example = task_of(first), next(iter(first.examples), Example(text=""))
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self.text = gr.Textbox(
                    example.text,
                    label=task.text,
                    lines=1,
                    max_lines=8,
                    submit_btn="Analyze",
                    elem_id="text",
                )
                self.examples = widget("examples")
                with gr.Accordion(**_fold(first, example)) as self.second:
                    self.text_pair = gr.Textbox(
                        example.text_pair,
                        label=task.text_pair,
                        lines=1,
                        max_lines=8,
                        elem_id="text_pair",
                    )
            with gr.Column(scale=2, min_width=300):
                self.answer = widget("answer")
        self.notice, self.ablated = widget("notice"), widget("ablated")
        with gr.Tabs(selected="maps") as self.views:
            with gr.Tab("Maps", id="maps", elem_id="maps_tab"):
                self.viewer = MapViewer("map_view")
            asked = next((one for one in models.bundles if one.does("explain")), first)
            panels = lay_out_groups(ANALYSES, asked)
        self.shown = gr.JSON(visible=False)
        self.panels = Panels(panels, self._ask, self.shown)

    def wire(self, opened: Trigger) -> tuple[Dependency, Dependency, Dependency]:
        """Wires it; gives the events after which a model is there, or another one, or what a link
        says.

        Args:
            opened: the event of a page that is opened.
        """
        answers = self._wire_answers(opened)
        panels = [one.result for one in self.panels if one.analysis.ablates_heads]
        ablating = [part.ablate for part in (self.viewer.maps, self.ablated, *panels)]
        shown = {"shown": self.shown}
        # Every click tells what it wants out; of deferred ones gradio sends the first one's data.
        other_heads = [
            on(
                one,
                self.ablate,
                shown,
                self._answered,
                waits_on=self.text,
                trigger_mode="multiple",
            )
            for one in ablating
        ]
        self.viewer.wire(self._models.select, self._text_of, self.shown)
        submitted = [self.text.submit, self.text_pair.submit]
        other = [self._frame.bundle.select, self._frame.link.restore]
        leaving: list[Trigger] = [*other, self.examples.choose, *submitted]
        place = on(self.answer.choose, self.choose_place, shown, self._answered)
        leaving.append(self.answer.choose)
        self.panels.wire([*answers, place], [*leaving, *ablating], other_heads)
        return answers[0], answers[1], answers[-1]

    def _wire_answers(self, opened: Trigger) -> list[Dependency]:
        """What has a text read: the page that opens, another model, the Enter key, an example, a
        link."""
        title, shown = {"title": self._frame.bundle}, {"shown": self.shown}
        texts = self._texts_of_page
        tab = [self._tab] if self._tab else []
        around = [self._frame.facts, self._frame.tour, self._frame.about, *tab]
        blocks = [panel.block for panel in self.panels]
        begun = [*around, *blocks, self.examples, *texts, *self._answered]
        asked = {**title, "text": self.text, "text_pair": self.text_pair, **shown}
        submitted = [self.text.submit, self.text_pair.submit]
        chosen = [*texts, *self._answered]
        linked = [*begun, self.views, self._frame.bundle, self._frame.restored]
        return [
            on(trigger, handler, inputs, outputs, waits_on=self.text)
            for trigger, handler, inputs, outputs in (
                (opened, self.begin_page, title, begun),
                (self._frame.bundle.select, self.begin, title, begun),
                (submitted, self.read, asked, self._answered),
                (self.examples.choose, self.choose_example, {**title, **shown}, chosen),
                (self._frame.link.restore, self.restore, title, linked),
            )
        ]

    @property
    def _texts_of_page(self) -> list[Block]:
        return [self.text, self.text_pair, self.second]

    @property
    def _answered(self) -> list[gr.components.Component]:
        """What changes once a text was read."""
        return [self.shown, self.notice, self.answer, self.ablated, self.viewer.maps]

    def begin(self, title: Any) -> Update:
        """A model is there, the first or another: its first example is read."""
        model = self._models.model(title)
        bundle = model.bundle
        known: Update = {
            self._frame.facts: payloads.facts(bundle),
            self._frame.tour: payloads.tour(model),
            self._frame.about: wording.about(bundle),
        }
        if not bundle.does("explain"):
            return {**known, self.shown: None}
        if self._tab:
            known[self._tab] = gr.update(label=task_of(bundle).title)
        known[self.examples] = payloads.examples(bundle.examples)
        for panel in self.panels:
            known |= panel.show_for(bundle)
        if not bundle.examples:
            return {
                **known,
                **self._named_texts(Example(text=""), bundle),
                **self._no_answer(bundle),
            }
        example = bundle.examples[0]
        model, reading = self._models.read(title, example.text, example.text_pair)
        answer = self._answer(model, reading, begins=first_head(reading))
        return {**known, **self._named_texts(example, bundle), **answer}

    def begin_page(self, title: Any) -> Update:
        """The page is opened. Its texts stand there from the start: who already writes keeps it."""
        begun = self.begin(title)
        return {part: new for part, new in begun.items() if part not in self._texts_of_page}

    def read(
        self, title: Any, text: Any, text_pair: Any, shown: Any, begins: Begins = None
    ) -> Update:
        """A text is to be read. Heads that are ablated in a model stay so for its next text; the
        word or mask that is asked about stays for the same one."""
        before = shown if isinstance(shown, dict) and shown.get("bundle") == title else {}
        place = before.get("place") if before.get("text", text) == text else None
        try:
            read = self._models.read(title, text, text_pair, before.get("without"))
            return self._answer(*read, begins, place)
        except RequestError as error:
            lines = [str(error)]
            if shown:
                lines.append("What stands below is still the answer to the text before.")
            return {self.notice: {"error": True, "lines": lines}}

    def choose_example(self, event: gr.EventData, title: Any, shown: Any) -> Update:
        """An example was chosen."""
        bundle = self._models.model(title).bundle
        example = check_example(sent_with(event).get("index"), bundle.examples)
        answer = self.read(title, example.text, example.text_pair, shown)
        return {**self._texts(example, bundle), **answer}

    def choose_place(self, event: gr.EventData, shown: Any) -> Update:
        """Another word or mask of the text is asked about."""
        return self._answer(*self._models.shown(shown), place=sent_with(event).get("place"))

    def restore(self, event: gr.EventData, title: Any) -> Update:
        """A link was opened: its model is chosen, and its text read as if it had been typed. One to
        the other tab leaves this one as it is, unless the model is another."""
        link = read_link(sent_with(event).get("fragment"), self._models, self._frame.views)
        changed = link.title != title
        update = self.begin(link.title) if changed else {}
        if link.tab == "classify":
            before = {"bundle": link.title, "without": link.without, "place": link.place}
            answer = self.read(link.title, link.text, link.text_pair, before, link.state)
            linked = Example(text=link.text, text_pair=link.text_pair)
            texts = self._named_texts if changed else self._texts
            update |= {**texts(linked, self._models.model(link.title).bundle), **answer}
            update[self.views] = gr.update(selected=link.view)
        restored = {**link._asdict(), "changed": changed}
        return {**update, self._frame.bundle: link.title, self._frame.restored: restored}

    def ablate(self, event: gr.EventData, shown: Any) -> Update:
        """Heads are to be ablated, all that are named and no others."""
        model, reading = self._models.shown(shown)
        texts = model.bundle.title, reading.text, reading.text_pair
        other = self._models.read(*texts, sent_with(event).get("without"))
        return self._answer(*other, place=shown.get("place"))

    def _answer(
        self,
        model: EncoderModel,
        reading: Reading,
        begins: Begins = None,
        place: Any = None,
        largest: int = FINE,
    ) -> Update:
        """All that a reading changes.

        Args:
            begins: what the maps show first; None leaves them as they are.
            place: which word or mask is asked about, unchecked.
            largest: see `packed.py`.
        """
        bundle = model.bundle
        shown: dict[str, Any] = {
            "bundle": bundle.title, "text": reading.text, "text_pair": reading.text_pair,
            "without": reading.ablated,
        }  # fmt: skip
        lines = wording.notices(reading, bundle)
        try:
            self._models.check_task(model, "explain")
            asked = ask(model, reading, place)
            answer, maps = task_of(bundle).show(model, reading, asked), asked.reading
            shown |= {} if asked.place is None else {"place": asked.place}
        except RequestError as error:
            if place is not None:
                raise
            answer, maps, lines = {}, reading, [*lines, str(error)]
        return {
            self.shown: shown,
            self.notice: {"error": False, "lines": lines},
            self.answer: answer,
            self.ablated: {"without": reading.ablated, "heads": bundle.heads},
            self.viewer.maps: beginning_with(
                begins, maps_of_reading(model, maps, shown.get("place"), largest=largest)
            ),
        }

    def _no_answer(self, bundle: Bundle) -> Update:
        """Before there is a text: what another model said is gone."""
        return {
            self.shown: None,
            self.notice: {"error": False, "lines": []},
            self.answer: {},
            self.ablated: {"without": [], "heads": bundle.heads},
            self.viewer.maps: {},
        }

    def _texts(self, example: Example, bundle: Bundle) -> Update:
        """The two text boxes, and the fold that holds the second."""
        fold = _fold(bundle, example)
        return {
            self.text: example.text,
            self.text_pair: example.text_pair,
            self.second: gr.Accordion(open=fold["open"]),
        }

    def _named_texts(self, example: Example, bundle: Bundle) -> Update:
        """The same, called as the model's task calls them."""
        task = task_of(bundle)
        return {
            self.text: gr.update(value=example.text, label=task.text),
            self.text_pair: gr.update(value=example.text_pair, label=task.text_pair),
            self.second: gr.Accordion(**_fold(bundle, example)),
        }

    def _ask(self, shown: Any) -> Asked:
        """What the panels ask about: what the tab shows."""
        whole = self._models.shown(shown)
        self._models.check_task(whole[0], "explain")
        model, reading, place = ask(*whole, shown.get("place"))
        return Asked(of=model, text=reading, place=place, models=self._models)

    def _text_of(self, shown: Any) -> KeptText:
        """What the tab shows, for a page of its own."""
        model, reading = self._models.shown(shown)
        task = task_of(model.bundle)
        update = self._answer(model, reading, place=shown.get("place"), largest=SMALL)
        return KeptText(
            bundle=model.bundle,
            texts={task.text: reading.text, task.text_pair: reading.text_pair},
            notes=[*update[self.notice]["lines"], *wording.ablated(reading)],
            answers={"answer": update[self.answer]},
            maps=update[self.viewer.maps],
        )


def _fold(bundle: Bundle, example: Example) -> dict[str, Any]:
    """How the part of the page looks that holds the second text."""
    task = task_of(bundle)
    add = f"Add a {task.text_pair.lower()}"
    return {
        "label": task.text_pair if task.needs_pair else add,
        "open": task.needs_pair or bool(example.text_pair),
        "visible": bool(task.text_pair),
    }
