"""Joins the Write tab's components to what they do."""

from typing import Any

import gradio as gr
from gradio.events import Dependency

from explorer.ui.layout import Page
from explorer.ui.models import WriteScreen
from explorer.ui.panel import Asked, Asking, wire_panels
from explorer.ui.widgets import WRITING, waits_on, wire_saving
from explorer.ui.write_events import SETTINGS, WriteEvents, WriteMapEvents
from explorer.ui.write_layout import WritePage

# What the browser does by itself, at once: who waits for their turn may give up too.
_HERE: dict[str, Any] = {"queue": False, "api_visibility": "private"}
_MAY_STOP = '() => ({ __type__: "update", interactive: true })'
# A page that opens on this tab may not know yet whether it is dark.
_AND_DARK = "(...known) => [...known.slice(0, -1), document.body.classList.contains('dark')]"
# What was chosen elsewhere is written when a reader comes here.
_IF_OPEN = """(title, ...rest) =>
  [document.querySelector("#write_tab")?.offsetParent ? title : null, ...rest]"""
_OWN_TEXT = "() => [null, {}]"  # what is written over a spoiled text is nobody's damage
_HAS_STOPPED = '() => ({ __type__: "update", interactive: false })'


def wire_write(
    page: Page,
    screen: WriteScreen,
    opened: Dependency,
    changed: Dependency,
    private: dict[str, Any],
) -> None:
    """Wires the tab.

    Args:
        opened, changed: the events after which a model is there, or another one.
        private: how a handler runs that is for the page alone.
    """
    tab = page.write
    assert tab, "the page has the tab"
    events = WriteEvents(screen)
    controls = [tab.shown, tab.looks_at, tab.layer, tab.head, *tab.switches, page.dark]
    source = [tab.source, tab.spoiled, tab.mark]
    model = [*source, tab.examples, tab.corrupt]
    asking = [page.bundle, tab.source, tab.spoiled, *controls]
    first = [tab.shown, tab.notice, tab.layer, tab.head, *_the_map(tab)]

    opened.then(events.begin, page.bundle, model, **private)
    on_picture = waits_on(tab.picture, {**private, **WRITING})
    opens = tab.tab.select(events.open, asking, first, js=_AND_DARK, **on_picture)
    cleared = [tab.shown, tab.notice, tab.written, page.tabs]
    begun = changed.then(events.change, page.bundle, [*model, *cleared], **private)
    again = begun.then(events.open, asking, first, js=_IF_OPEN, **on_picture)
    spoiling = [page.bundle, tab.source, tab.spoiled]
    tab.corrupt.click(events.spoil, spoiling, source, **private)
    tab.source.input(None, None, [tab.spoiled, tab.mark], js=_OWN_TEXT, **_HERE)
    chosen = tab.examples.choose(events.choose_example, page.bundle, source, **private)
    maps = WriteMapEvents(screen)
    written = _wire_writing(page, tab, events, chosen, maps, controls, private)
    leaving = [tab.write.click, tab.source.submit, tab.examples.choose, page.bundle.input]
    answered = [opens, again, *written]
    wire_panels(tab.panels, _ask(screen), tab.shown, answered, leaving, private)


def _ask(screen: WriteScreen) -> Asking:
    """How the tab's panels find what it shows."""

    def ask(shown: Any, options: dict[str, Any]) -> Asked:
        model, generator, generation = screen.shown(shown)
        return Asked(
            model=model,
            reading=generation.source,
            options=options,
            generator=generator,
            generation=generation,
        )

    return ask


def _wire_writing(
    page: Page,
    tab: WritePage,
    events: WriteEvents,
    chosen: Dependency,
    maps: WriteMapEvents,
    controls: list,
    private: dict[str, Any],
) -> list[Dependency]:
    """What writes, by a button, the Enter key or an example that was `chosen`; and the map.

    Gives the events after which a text is written.
    """
    settings = [tab.settings[name] for name in SETTINGS]
    asked = [page.bundle, tab.source, tab.spoiled, *settings, *controls]
    growing = [tab.shown, tab.notice, tab.written, tab.stop, tab.layer, tab.head]
    on_source = waits_on(tab.source, {**private, **WRITING})
    begun = [tab.write.click, tab.source.submit]
    gr.on(begun, None, None, tab.stop, js=_MAY_STOP, **_HERE)
    generations = [
        gr.on(begun, events.write, asked, growing, **on_source),
        chosen.then(events.write, asked, growing, **on_source),
    ]
    stopped = tab.stop.click(None, None, tab.stop, js=_HAS_STOPPED, cancels=generations, **_HERE)
    page.bundle.input(None, cancels=generations, **_HERE)
    # In the line of what is written: beside it, the end of one text would come over the next one.
    ending = {**private, **WRITING}
    written = [
        event.then(maps.finish, controls, [tab.stop, *_the_map(tab)], **ending)
        for event in (*generations, stopped)
    ]
    wire_saving(tab.png, maps.keep_png, controls, tab.file, private)
    wire_saving(tab.svg, maps.keep_svg, controls, tab.file, private)
    _wire_map(tab, maps, controls, waits_on(tab.picture, private))
    return written


def _wire_map(
    tab: WritePage, maps: WriteMapEvents, controls: list, private: dict[str, Any]
) -> None:
    the_map = _the_map(tab)
    shown_otherwise = [switch.input for switch in tab.switches]
    numbered = [tab.layer.input, tab.head.input]
    tab.looks_at.input(maps.look_elsewhere, controls, [tab.switches.by_norms, *the_map], **private)
    gr.on(shown_otherwise, maps.redraw, controls, the_map, **private)
    gr.on(numbered, maps.draw, controls, the_map, **private)
    tab.heads.choose(maps.choose_head, controls, [tab.layer, tab.head, *the_map], **private)
    tab.picture.select(maps.choose_row, controls, tab.written, **private)


def _the_map(tab: WritePage) -> list:
    """What `shown_map` gives values for."""
    return [tab.heads, tab.picture, tab.written, tab.notes]
