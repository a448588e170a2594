"""Joins the page's components to what they do, but for those of the Write tab."""

from typing import Any

import gradio as gr
from gradio.events import Dependency

from explorer.ui.events import Events
from explorer.ui.layout import Page
from explorer.ui.models import Screen
from explorer.ui.panel import Asked, Asking, wire_panels
from explorer.ui.widgets import waits_on, wire_saving

_IS_DARK = "() => document.body.classList.contains('dark')"


def wire(
    app: gr.Blocks, page: Page, screen: Screen, private: dict[str, Any]
) -> tuple[Dependency, Dependency]:
    """Wires them; gives the events after which a model is there, or another one.

    Args:
        private: how a handler runs that is for the page alone.
    """
    events = Events(screen)
    controls = [page.shown, page.layer, page.head, *page.switches, page.dark]
    the_map = [page.heads, page.picture, page.tokens, page.removed]
    answered = [page.shown, page.notice, page.answer, page.left_out, *the_map]

    answers = _wire_answers(app, page, events, controls, answered, private)
    panels = [panel.result for panel in page.panels if panel.analysis.ablates_heads]
    leaving_out = [part.leave_out for part in (page.heads, page.left_out, *panels)]
    # Every click tells what it wants out; of deferred ones gradio sends the first one's data.
    every = {**waits_on(page.text, private), "trigger_mode": "multiple"}
    other_heads = [one(events.leave_out, controls, answered, **every) for one in leaving_out]
    redrawn = _wire_map(page, events, controls, the_map, private)
    for event in (*answers, *other_heads, redrawn):
        event.then(events.show_rollout, controls, page.rollout, **private)
    wire_saving(page.png, events.keep_png, controls, page.file, private)
    wire_saving(page.svg, events.keep_svg, controls, page.file, private)
    submitted = [page.text.submit, page.text_pair.submit]
    leaving = [page.bundle.input, page.examples.choose, *submitted, *leaving_out]
    wire_panels(page.panels, _ask(screen), page.shown, answers, leaving, private, other_heads)
    return answers[0], answers[1]


def _wire_answers(
    app: gr.Blocks,
    page: Page,
    events: Events,
    controls: list,
    answered: list,
    private: dict[str, Any],
) -> list[Dependency]:
    """What has a text read: the page that opens, another model, the Enter key, an example."""
    texts = [page.text, page.text_pair, page.second]
    asked = [page.bundle, page.text, page.text_pair, *controls]
    begun = [page.facts, page.about, page.examples, *texts, page.layer, page.head, *answered]
    beginning = [page.bundle, *page.switches, page.dark]
    on_text = waits_on(page.text, private)
    opened = app.load(None, None, page.dark, js=_IS_DARK)
    return [
        opened.then(events.begin, beginning, begun, **on_text),
        page.bundle.input(events.begin, beginning, begun, **on_text),
        gr.on([page.text.submit, page.text_pair.submit], events.read, asked, answered, **on_text),
        page.examples.choose(
            events.choose_example, [page.bundle, *controls], [*texts, *answered], **on_text
        ),
    ]


def _wire_map(
    page: Page, events: Events, controls: list, the_map: list, private: dict[str, Any]
) -> Dependency:
    """What shows another map of the same text; gives what draws all of them anew."""
    on_map = waits_on(page.picture, private)
    redrawing = [switch.input for switch in page.switches]
    page.picture.select(events.choose_row, controls, page.tokens, **private)
    gr.on([page.layer.input, page.head.input], events.draw, controls, the_map, **on_map)
    page.heads.choose(events.choose_head, controls, [page.layer, page.head, *the_map], **on_map)
    return gr.on(redrawing, events.redraw, controls, the_map, **on_map)


def _ask(screen: Screen) -> Asking:
    """How the panels of the Classify tab find what it shows."""

    def ask(shown: Any, options: dict[str, Any]) -> Asked:
        model, reading = screen.shown(shown)
        screen.check_task(model, "classifies")
        return Asked(model=model, reading=reading, options=options, screen=screen)

    return ask
