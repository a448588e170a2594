"""Joins the Write tab's components to what they do."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.events import Dependency

from explorer.layout import Page
from explorer.write_events import WriteEvents


def wire_write(
    page: Page,
    events: WriteEvents,
    begun: Sequence[Dependency],
    work: dict[str, Any],
    private: dict[str, Any],
) -> None:
    """Wires the tab.

    Args:
        begun: the events after which another model is there.
        work, private: how a handler runs that is for everybody, or for the page alone.
    """
    tab = page.write
    assert tab, "the page has the tab"
    controls = [tab.shown, tab.looks_at, tab.layer, tab.head, tab.special_tokens, page.dark]
    the_map = [tab.heads, tab.picture, tab.written, tab.notes, tab.png, tab.svg]
    beginning = [
        *(tab.source, tab.corrupt, tab.layer, tab.head, tab.shown, tab.notice, tab.written),
        *(tab.heads, tab.picture, tab.notes),
    ]
    asked = [page.bundle, tab.source, *tab.settings, *controls[1:]]
    growing = [tab.shown, tab.notice, tab.written, tab.stop]
    # A second click while a text grows must not queue another.
    once = {**private, "trigger_mode": "once"}
    writing = gr.on([tab.write.click, tab.source.submit], events.write, asked, growing, **once)
    stopped = tab.stop.click(None, cancels=[writing], api_visibility="private", queue=False)
    shown = [tab.stop, tab.layer, tab.head, *the_map]
    drawn = [
        writing.then(events.finish, controls, shown, **private),
        stopped.then(events.finish, controls, shown, **private),
        gr.on(
            [tab.looks_at.input, tab.layer.input, tab.head.input, tab.special_tokens.input],
            events.draw, controls, the_map, **private,
        ),
        tab.heads.choose(events.choose_head, controls, [tab.layer, tab.head, *the_map], **private),
    ]  # fmt: skip
    for event in drawn:
        event.then(events.files, controls, [tab.png, tab.svg], **private)
    tab.picture.select(events.choose_row, controls, tab.written, **private)
    tab.corrupt.click(
        events.corrupt, [page.bundle, tab.source, tab.settings[-1]], tab.source, **private
    )
    page.bundle.input(None, cancels=[writing], api_visibility="private", queue=False)
    for event in begun:
        event.then(events.begin, page.bundle, beginning, **private)
        event.then(events.tabs, page.bundle, [page.classify, tab.tab], **private)
