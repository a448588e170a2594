"""One analysis on the page: what a panel needs to know of it, its options, its cost, its buttons,
its result.

Whoever speaks HTTP can call its events with anything; `ask` and the analysis check what they are
given.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.events import Dependency

from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progress, Progressive
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import GivenText, Reading
from explorer.ui.events import ANALYSIS, Trigger, Update, in_browser, on
from explorer.ui.models import Model, PageModels
from explorer.ui.widgets import widget
from explorer.writing.generation import Generation
from explorer.writing.generator import TextGenerator


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an analysis is asked about: the text that the page shows, and the panel's options."""

    of: Model
    text: GivenText
    """In the Write tab the source, or the prompt."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Unchecked: as the browser sent them."""
    place: int | None = None
    """Which word or mask is asked about, from 1; None where it is the whole text."""
    models: PageModels | None = None
    """All models of the page, for what compares one with another."""
    generator: TextGenerator | None = None
    generation: Generation | None = None
    """In the Write tab what was written."""

    @property
    def model(self) -> EncoderModel:
        """What read the text, for a panel of the reading tab."""
        return cast(EncoderModel, self.of)

    @property
    def reading(self) -> Reading:
        """The text, for a panel of the reading tab."""
        return cast(Reading, self.text)

    @property
    def others(self) -> PageModels:
        """The models of the page."""
        assert self.models is not None, "asked on a page"
        return self.models

    @property
    def written(self) -> tuple[TextGenerator, Generation]:
        """What was written, and by which model, for a panel of the Write tab."""
        assert self.generator is not None, "asked in the Write tab"
        assert self.generation is not None, "asked in the Write tab"
        return self.generator, self.generation


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """An analysis as the page offers it."""

    name: str
    """Of the panel's elements: `<name>_start`, `<name>_result` and so on."""
    button: str
    """What stands on the button that starts it."""
    look_for: str
    """What to look for in the result, in a sentence or two; Markdown."""
    widget: str
    """`web/<widget>.js` draws the result."""
    cost: Callable[[Asked], Cost]
    """What it will take. Raises RequestError where it cannot be asked of this text."""
    run: Callable[[Asked], Progressive[dict[str, Any]]]
    """Runs it; gives plain data for the widget. Raises RequestError."""
    lay_out_options: Callable[[Bundle], dict[str, Component]] = lambda bundle: {}
    """Makes its controls, inside the row that is open; they keep the order of this dict."""
    line: Mapping[str, Any] = field(default_factory=lambda: ANALYSIS)
    """What it waits in: see `events.py`."""
    ablates_heads: bool = False
    """Its widget may have heads ablated, by an event `ablate` with all of them as `without`. It
    has a property of that name, and what it shows stays when others are ablated."""
    refresh_options: Callable[[Asked], dict[str, Any]] = lambda asked: {}
    """New values of controls once another text or model is there, by their names."""
    makes_sense: Callable[[Bundle], bool] = lambda bundle: True
    """Whether it is there for a model."""
    at_once: bool = False
    """Run as soon as its tab is opened, and for another text while it is; for what takes one
    reading."""


_NO_TEXT = "What it takes is told once there is a text."
_PAUSE = 0.1
"""Seconds between two tellings of the progress: more often, nobody sees."""

# What the browser does by itself, at once: who waits for their turn may give up too.
MAY_STOP = '() => ({ __type__: "update", interactive: true })'
_PRESS_IF_SEEN = """() => {
    const button = document.getElementById("%s");
    if (button?.offsetParent) button.click();
}"""
MAY_NOT_STOP = '() => ({ __type__: "update", interactive: false })'

Ask = Callable[[Any], Asked]
"""Finds what a tab shows, by what the browser holds of it. Raises RequestError."""


class Group(NamedTuple):
    """Analyses that stand together under one name."""

    title: str
    name: str
    """Of its tab's element."""
    analyses: tuple[Analysis, ...]
    note: str = ""
    """What holds of all of them, said once above the first; Markdown."""


class Panel:
    """The components of one analysis, and what they do."""

    def __init__(self, analysis: Analysis, bundle: Bundle, tab: gr.Tab) -> None:
        self.analysis = analysis
        self._tab = tab
        name = analysis.name
        there = analysis.makes_sense(bundle)
        with gr.Column(elem_id=f"{name}_panel", visible=there) as self.block:
            gr.Markdown(analysis.look_for, elem_classes="look-for")
            with gr.Row(elem_classes="panel-options"):
                self.options = analysis.lay_out_options(bundle)
                self.start = gr.Button(
                    analysis.button, variant="primary", elem_id=f"{name}_start", min_width=110
                )
                self.stop = gr.Button(
                    "Stop", interactive=False, elem_id=f"{name}_stop", min_width=80
                )
            self.cost = widget("cost", f"{name}_cost", value={"text": _NO_TEXT})
            """What it will take, or how far it is."""
            known: dict[str, list] = {"without": []} if analysis.ablates_heads else {}
            self.result = widget(analysis.widget, f"{name}_result", **known)

    def wire(self, ask: Ask, shown: Component) -> Dependency:
        """Wires it; gives the event that runs its analysis."""
        self._ask = ask
        inputs = {"shown": shown, **self.options}
        changed = [option.input for option in self.options.values() if hasattr(option, "input")]
        if changed:
            on(changed, self.tell_cost, inputs, [self.cost])
        in_browser(self.start.click, MAY_STOP, outputs=[self.stop])
        told, line = [self.cost, self.result, self.stop], self.analysis.line
        starts = [self.start.click, *([self._tab.select] if self.analysis.at_once else [])]
        run = on(starts, self.run, inputs, told, line=line, waits_on=self.cost)
        stopped = in_browser(self.stop.click, MAY_NOT_STOP, outputs=[self.stop], cancels=[run])
        on(stopped.then, self.settle, inputs, [self.cost, self.stop])
        return run

    def prepare(self, asked: Asked) -> Update:
        """Another text is there: its cost, no result, and new options."""
        try:
            updates = self.analysis.refresh_options(asked)
        except RequestError as error:
            return self.refuse(str(error))
        current = {
            name: updates.get(name, {}).get("value", value) for name, value in asked.options.items()
        }
        return {
            self.cost: self._described(replace(asked, options=current)),
            self.result: self._result(asked, value={}),
            **{self.options[name]: update for name, update in updates.items()},
        }

    def show_for(self, bundle: Bundle) -> Update:
        """The panel is there for a model, or not."""
        return {self.block: gr.update(visible=self.analysis.makes_sense(bundle))}

    def follow_heads(self, asked: Asked) -> Update:
        """Other heads are ablated in the same text: the options stay, and the result where its
        analysis says so."""
        return {self.cost: self._described(asked), self.result: self._result(asked)}

    def refuse(self, sentence: str) -> Update:
        """Nothing can be asked, and why; no result."""
        return {self.cost: {"error": sentence} if sentence else {"text": _NO_TEXT}, self.result: {}}

    def tell_cost(self, shown: Any, **options: Any) -> Update:
        """An option has changed: what the analysis would take now."""
        if not shown:
            return {self.cost: {"text": _NO_TEXT}}
        try:
            return {self.cost: self._described(self._asked(shown, options))}
        except RequestError as error:
            return {self.cost: {"error": str(error)}}

    def run(self, shown: Any, **options: Any) -> Iterator[Update]:
        """The analysis is to run: how far it is, again and again, and its result."""
        yield {self.cost: {"text": "Starting.", "share": 0}, self.stop: _stop(may=True)}
        try:
            asked = self._asked(shown, options)
            result = yield from self._follow(asked)
            cost = {"text": describe_cost(self.analysis.cost(asked))}
        except RequestError as error:
            yield {self.cost: {"error": str(error)}, self.stop: _stop(may=False)}
            return
        yield {self.cost: cost, self.result: result, self.stop: _stop(may=False)}

    def settle(self, shown: Any, **options: Any) -> Update:
        """It was stopped."""
        return {**self.tell_cost(shown, **options), self.stop: _stop(may=False)}

    def _follow(self, asked: Asked) -> Generator[Update, None, dict[str, Any]]:
        started, told = time.monotonic(), 0.0
        # Whoever leaves or stops closes this generator, and with it the analysis.
        with closing(self.analysis.run(asked)) as steps:
            while True:
                try:
                    progress = next(steps)
                except StopIteration as end:
                    return end.value
                now = time.monotonic()
                if now - told >= _PAUSE:
                    told = now
                    yield {self.cost: _progress(progress, now - started)}

    def _result(self, asked: Asked, **changes: Any) -> Any:
        if not self.analysis.ablates_heads:
            return {}
        return gr.update(without=asked.text.ablated, **changes)

    def _asked(self, shown: Any, options: dict[str, Any]) -> Asked:
        if not shown:
            raise RequestError("Nothing was read yet. Write a sentence, and press Analyze.")
        return replace(self._ask(shown), options=options)

    def _described(self, asked: Asked) -> dict[str, Any]:
        try:
            return {"text": describe_cost(self.analysis.cost(asked))}
        except RequestError as error:
            return {"error": str(error)}


class Panels:
    """All panels of a tab: what a tab shows is found once for all of them, since a text is read
    more often than analysed."""

    def __init__(self, panels: Sequence[Panel], ask: Ask, shown: Component) -> None:
        self._panels = panels
        self._ask = ask
        self._shown = shown

    def __iter__(self) -> Iterator[Panel]:
        return iter(self._panels)

    def wire(
        self,
        answered: Sequence[Dependency],
        leaving: Sequence[Trigger],
        other_heads: Sequence[Dependency] = (),
    ) -> None:
        """Wires them.

        Args:
            answered: the events after which the tab shows another text, or the same one read
                otherwise.
            leaving: what a reader does to get there; it stops what still runs for the text before.
            other_heads: the events after which the same text was read with other heads ablated.
        """
        runs = [panel.wire(self._ask, self._shown) for panel in self._panels]
        for leave in leaving:
            in_browser(leave, cancels=runs)
        inputs = {"shown": self._shown}
        filled: list[Block] = []
        for panel in self._panels:
            options = {_called(panel, name): option for name, option in panel.options.items()}
            inputs |= options
            filled += [panel.block, panel.cost, panel.result, panel.stop, *options.values()]
        at_once = [panel for panel in self._panels if panel.analysis.at_once]
        for event in answered:
            prepared = on(event.then, self.prepare, inputs, filled)
            for panel in at_once:
                in_browser(prepared.then, _PRESS_IF_SEEN % panel.start.elem_id)
        for event in other_heads:
            on(event.then, self.follow_heads, inputs, filled)

    def prepare(self, shown: Any, **options: Any) -> Update:
        """Another text is there."""
        return self._each(Panel.prepare, shown, options)

    def follow_heads(self, shown: Any, **options: Any) -> Update:
        """Other heads are ablated in the same text."""
        return self._each(Panel.follow_heads, shown, options)

    def _each(
        self, what: Callable[[Panel, Asked], Update], shown: Any, options: dict[str, Any]
    ) -> Update:
        changed: Update = {}
        try:
            asked = self._ask(shown) if shown else None
            refused = ""
        except RequestError as error:
            asked, refused = None, str(error)
        for panel in self._panels:
            own = {name: options[_called(panel, name)] for name in panel.options}
            changed |= (
                panel.refuse(refused) if asked is None else what(panel, replace(asked, options=own))
            )
            changed[panel.stop] = _stop(may=False)  # what ran for the text before was cancelled
        return changed


def _called(panel: Panel, option: str) -> str:
    """The name of an option among those of all panels."""
    return f"{panel.analysis.name}_{option}"


def lay_out_groups(groups: tuple[Group, ...], bundle: Bundle) -> list[Panel]:
    """A tab for each group, inside the Tabs that are open."""
    panels = []
    for group in groups:
        with gr.Tab(group.title, id=group.name, elem_id=f"{group.name}_tab") as tab:
            if group.note:
                gr.Markdown(group.note, elem_classes="look-for")
            panels += [Panel(analysis, bundle, tab) for analysis in group.analyses]
    return panels


def describe_cost(cost: Cost) -> str:
    """What an analysis will take, for the reader who may start it."""
    many = f"{cost.texts:,} changed text{'' if cost.texts == 1 else 's'}"
    return f"Reads {many}, {_seconds(cost.seconds)}."


def _progress(progress: Progress, seconds: float) -> dict[str, Any]:
    left = seconds / max(progress.done, 1) * (progress.total - progress.done)
    return {
        "text": f"{progress.done:,} of {progress.total:,} texts read, {_seconds(left)} left",
        "share": progress.done / max(progress.total, 1),
    }


def _seconds(seconds: float) -> str:
    if seconds < 0.1:
        return "a moment"
    return f"about {seconds:.1f} s" if seconds < 10 else f"about {seconds:.0f} s"


def _stop(*, may: bool) -> dict[str, Any]:
    return gr.update(interactive=may)
