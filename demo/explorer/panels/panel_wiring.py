"""Joins the components of panels to what they do."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from explorer.panels.panel import Panel
from explorer.panels.panel_events import Asking, PanelEvents
from explorer.widgets import waits_on

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
        for part in (panel.price, panel.result, *those)
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
        gr.on(changed, events.price, asking, panel.price, **private)
    panel.start.click(None, None, panel.stop, js=_MAY_STOP, **_HERE)
    waits = waits_on(panel.price, {**private, **panel.analysis.line})
    run = panel.start.click(events.run, asking, [panel.price, panel.result, panel.stop], **waits)
    stopped = panel.stop.click(None, None, panel.stop, js=_HAS_STOPPED, cancels=run, **_HERE)
    stopped.then(events.settle, asking, [panel.price, panel.stop], **private)
    return run
