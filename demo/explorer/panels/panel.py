"""One analysis on the page: its options, its price, its buttons, its result."""

from typing import NamedTuple

import gradio as gr
from gradio.components import Component

from explorer.bundle import Bundle
from explorer.panels.analysis import Analysis
from explorer.widgets import widget


class Panel(NamedTuple):
    """The components of one analysis."""

    analysis: Analysis
    options: dict[str, Component]
    start: gr.Button
    stop: gr.Button
    price: gr.HTML
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
        price = widget("price", f"{name}_price")
        known: dict[str, list] = {"without": []} if analysis.leaves_heads_out else {}
        result = widget(analysis.widget, f"{name}_result", **known)
    return Panel(analysis, options, start, stop, price, result)
