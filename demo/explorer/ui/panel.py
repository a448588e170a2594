"""One analysis on the page: what a panel needs to know of it, its options, its price, its buttons,
its result.

Whoever speaks HTTP can call its events with anything; `ask` and the analysis check what they are
given.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from explorer.bundle.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progress, Progressive
from explorer.inference.encoder import EncoderModel, Reading
from explorer.inference.generator import Generation, TextGenerator
from explorer.ui.models import Screen
from explorer.ui.widgets import ANALYSIS, waits_on, widget


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an analysis is asked about: the text that the page shows, and the panel's options."""

    model: EncoderModel
    reading: Reading
    """In the Write tab the source."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Unchecked: as the browser sent them."""
    screen: Screen | None = None
    """All models of the page, for what compares one with another."""
    generator: TextGenerator | None = None
    generation: Generation | None = None
    """In the Write tab what was written."""

    @property
    def models(self) -> Screen:
        """Those of the page, for a panel of the Classify tab."""
        assert self.screen is not None, "asked in the Classify tab"
        return self.screen

    @property
    def written(self) -> tuple[TextGenerator, Generation]:
        """What was written, and by which model, for a panel of the Write tab."""
        assert self.generator is not None, "asked in the Write tab"
        assert self.generation is not None, "asked in the Write tab"
        return self.generator, self.generation


def no_options(bundle: Bundle) -> dict[str, Component]:
    return {}


def no_updates(asked: Asked) -> dict[str, Any]:
    return {}


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
    lay_out_options: Callable[[Bundle], dict[str, Component]] = no_options
    """Makes its controls, inside the row that is open; they keep the order of this dict."""
    line: Mapping[str, Any] = field(default_factory=lambda: ANALYSIS)
    """What it waits in: see `widgets.py`."""
    ablates_heads: bool = False
    """Its widget may have heads left out, by an event `leave_out` with all of them as `without`. It
    has a property of that name, and what it shows stays when others are left out."""
    refresh_options: Callable[[Asked], dict[str, Any]] = no_updates
    """New values of controls once another text or model is there, by their names."""


class Panel(NamedTuple):
    """The components of one analysis."""

    analysis: Analysis
    options: dict[str, Component]
    start: gr.Button
    stop: gr.Button
    cost: gr.HTML
    """What it will take, or how far it is."""
    result: gr.HTML


class Group(NamedTuple):
    """Analyses that stand together under one name."""

    title: str
    name: str
    """Of its tab's element."""
    analyses: tuple[Analysis, ...]
    note: str = ""
    """What holds of all of them, said once above the first; Markdown."""


def lay_out_groups(groups: tuple[Group, ...], bundle: Bundle) -> list[Panel]:
    """A tab for each group, inside the Tabs that are open."""
    panels = []
    for group in groups:
        with gr.Tab(group.title, id=group.name, elem_id=f"{group.name}_tab"):
            if group.note:
                gr.Markdown(group.note, elem_classes="look-for")
            panels += [_lay_out(analysis, bundle) for analysis in group.analyses]
    return panels


def _lay_out(analysis: Analysis, bundle: Bundle) -> Panel:
    name = analysis.name
    with gr.Column(elem_id=f"{name}_panel"):
        gr.Markdown(analysis.look_for, elem_classes="look-for")
        with gr.Row(elem_classes="panel-options"):
            options = analysis.lay_out_options(bundle)
            start = gr.Button(
                analysis.button, variant="primary", elem_id=f"{name}_start", min_width=110
            )
            stop = gr.Button("Stop", interactive=False, elem_id=f"{name}_stop", min_width=80)
        cost = widget("price", f"{name}_price")
        known: dict[str, list] = {"without": []} if analysis.ablates_heads else {}
        result = widget(analysis.widget, f"{name}_result", **known)
    return Panel(analysis, options, start, stop, cost, result)


_PAUSE = 0.1
"""Seconds between two tellings of the progress: more often, nobody sees."""


class Asking(Protocol):
    """Finds what the page shows; unchecked values in. Raises RequestError."""

    def __call__(self, shown: Any, options: dict[str, Any]) -> Asked: ...


class PanelEvents:
    """The handlers of one panel."""

    def __init__(self, panel: Panel, ask: Asking) -> None:
        self._analysis: Analysis = panel.analysis
        self._names = list(panel.options)
        self._ask = ask

    def prepare(self, shown: Any, *values: Any) -> list:
        """Another text is there. Gives: price, result, and the options in their order."""
        unchanged = [gr.skip() for _ in self._names]
        if not shown:
            return [{"text": ""}, {}, *unchanged]
        try:
            asked = self._asked(shown, values)
            updates = self._analysis.refresh_options(asked)
        except RequestError as error:
            return [{"error": str(error)}, {}, *unchanged]
        current = [
            updates.get(name, {}).get("value", value)
            for name, value in zip(self._names, values, strict=True)
        ]
        options = [updates.get(name, gr.skip()) for name in self._names]
        return [self.cost(shown, *current), self._result(asked, value={}), *options]

    def follow_heads(self, shown: Any, *values: Any) -> list:
        """Other heads are left out of the same text. Gives what `prepare` gives; the options stay,
        and the result where its analysis says so."""
        unchanged = [gr.skip() for _ in self._names]
        try:
            result = self._result(self._asked(shown, values))
        except RequestError as error:
            return [{"error": str(error)}, {}, *unchanged]
        return [self.cost(shown, *values), result, *unchanged]

    def cost(self, shown: Any, *values: Any) -> dict[str, Any]:
        """An option has changed, or the text. Gives what the analysis would take now."""
        if not shown:
            return {"text": ""}
        return _or_error(lambda: {"text": describe_cost(self._cost(shown, values))})

    def run(self, shown: Any, *values: Any) -> Iterator[tuple]:
        """The analysis is to run. Gives, again and again: price, result, stop."""
        yield {"text": "It begins.", "share": 0}, gr.skip(), gr.update(interactive=True)
        try:
            asked = self._asked(shown, values)
            result = yield from self._follow(asked)
            cost = {"text": describe_cost(self._analysis.cost(asked))}
        except RequestError as error:
            yield {"error": str(error)}, gr.skip(), gr.update(interactive=False)
            return
        yield cost, result, gr.update(interactive=False)

    def settle(self, shown: Any, *values: Any) -> tuple:
        """It was stopped. Gives: price, stop."""
        return self.cost(shown, *values), gr.update(interactive=False)

    def _follow(self, asked: Asked) -> Generator[tuple, None, dict[str, Any]]:
        started, told = time.monotonic(), 0.0
        # Whoever leaves or stops closes this generator, and with it the analysis.
        with closing(self._analysis.run(asked)) as running:
            while True:
                try:
                    progress = next(running)
                except StopIteration as end:
                    return end.value
                now = time.monotonic()
                if now - told >= _PAUSE:
                    told = now
                    yield _how_far(progress, now - started), gr.skip(), gr.skip()

    def _result(self, asked: Asked, **changes: Any) -> Any:
        if not self._analysis.ablates_heads:
            return {}
        return gr.update(without=asked.reading.ablated, **changes)

    def _asked(self, shown: Any, values: tuple) -> Asked:
        if not shown:
            raise RequestError("Nothing was read yet. Write a sentence, and press Read.")
        return self._ask(shown, dict(zip(self._names, values, strict=True)))

    def _cost(self, shown: Any, values: tuple) -> Cost:
        return self._analysis.cost(self._asked(shown, values))


def describe_cost(cost: Cost) -> str:
    """What an analysis will take, for the reader who may start it."""
    many = f"{cost.texts:,} changed text{'' if cost.texts == 1 else 's'}"
    return f"Reads {many}, {_seconds(cost.seconds)}."


def _how_far(progress: Progress, seconds: float) -> dict[str, Any]:
    left = seconds / max(progress.done, 1) * (progress.total - progress.done)
    return {
        "text": f"{progress.done:,} of {progress.total:,} texts read, {_seconds(left)} left",
        "share": progress.done / max(progress.total, 1),
    }


def _seconds(seconds: float) -> str:
    if seconds < 0.1:
        return "a moment"
    return f"about {seconds:.1f} s" if seconds < 10 else f"about {seconds:.0f} s"


def _or_error(tell: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return tell()
    except RequestError as error:
        return {"error": str(error)}


# What the browser does by itself, at once: who waits for their turn may give up too.
_HERE: dict[str, Any] = {"queue": False, "api_visibility": "private"}
_MAY_STOP = '() => ({ __type__: "update", interactive: true })'
_HAS_STOPPED = '() => ({ __type__: "update", interactive: false })'


def wire_panels(
    panels: Sequence[Panel],
    ask: Asking,
    shown: Component,
    answered: Sequence[Dependency],
    leaving: Sequence[Callable],
    private: dict[str, Any],
    other_heads: Sequence[Dependency] = (),
) -> None:
    """Wires the panels of one tab.

    Args:
        shown: holds what the page shows.
        answered: the events after which it shows another text, or the same one read otherwise.
        leaving: what a reader does to get there; it stops what still runs for the text before.
        private: how a handler runs that is for the page alone.
        other_heads: the events after which the same text was read with other heads left out.
    """
    if not panels:
        return
    handlers = [PanelEvents(panel, ask) for panel in panels]
    options = [list(panel.options.values()) for panel in panels]
    runs = [
        _wire(panel, events, shown, private) for panel, events in zip(panels, handlers, strict=True)
    ]
    for leave in leaving:
        leave(None, cancels=runs, **_HERE)
    # One call for all of them: a text is read more often than analysed.
    asking = [shown, *(option for those in options for option in those)]
    filled = [
        part
        for panel, those in zip(panels, options, strict=True)
        for part in (panel.cost, panel.result, *those)
    ]
    counts = [len(those) for those in options]
    for event in answered:
        prepare = _all_of([one.prepare for one in handlers], counts)
        event.then(prepare, asking, filled, **private)
    for event in other_heads:
        follow = _all_of([one.follow_heads for one in handlers], counts)
        event.then(follow, asking, filled, **private)


def _all_of(handlers: Sequence[Callable[..., list]], counts: Sequence[int]) -> Callable[..., tuple]:
    """One handler for one of each panel, with so many options."""

    def handle(shown: Any, *values: Any) -> tuple:
        rest = iter(values)
        given = [[next(rest) for _ in range(count)] for count in counts]
        parts = [one(shown, *those) for one, those in zip(handlers, given, strict=True)]
        return tuple(part for those in parts for part in those)

    return handle


def _wire(
    panel: Panel, events: PanelEvents, shown: Component, private: dict[str, Any]
) -> Dependency:
    """Wires one panel; gives the event that runs its analysis."""
    options = list(panel.options.values())
    asking = [shown, *options]
    changed = [option.input for option in options if hasattr(option, "input")]
    if changed:
        gr.on(changed, events.cost, asking, panel.cost, **private)
    panel.start.click(None, None, panel.stop, js=_MAY_STOP, **_HERE)
    waits = waits_on(panel.cost, {**private, **panel.analysis.line})
    run = panel.start.click(events.run, asking, [panel.cost, panel.result, panel.stop], **waits)
    stopped = panel.stop.click(None, None, panel.stop, js=_HAS_STOPPED, cancels=run, **_HERE)
    stopped.then(events.settle, asking, [panel.cost, panel.stop], **private)
    return run
