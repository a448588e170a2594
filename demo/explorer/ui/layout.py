"""Where the parts of the page stand, from the sentence to the map: nothing here does anything."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from explorer.bundle.bundle import Bundle
from explorer.ui import payloads, sentences
from explorer.ui.panel import Panel, lay_out_groups
from explorer.ui.panels.registry import CLASSIFY
from explorer.ui.widgets import Switches, download, number, switches, widget
from explorer.ui.write_layout import WritePage, lay_out_write


class Page(NamedTuple):
    """The components that events read or fill."""

    bundle: gr.Dropdown
    facts: gr.HTML
    text: gr.Textbox
    text_pair: gr.Textbox
    second: gr.Accordion
    about: gr.HTML
    examples: gr.HTML
    notice: gr.HTML
    answer: gr.HTML
    left_out: gr.HTML
    tokens: gr.HTML
    heads: gr.HTML
    layer: gr.Dropdown
    head: gr.Dropdown
    switches: Switches
    removed: gr.HTML
    picture: gr.Image
    png: gr.Button
    svg: gr.Button
    file: gr.JSON
    """The picture that is to be saved."""
    rollout: gr.HTML
    shown: gr.JSON
    dark: gr.Checkbox
    panels: list[Panel]
    tabs: gr.Tabs | None
    """None, as what follows, where the page has no tabs: no bundle writes."""
    write: WritePage | None


def lay_out(bundles: Sequence[Bundle]) -> Page:
    """Makes the components, inside the Blocks that is open."""
    first = bundles[0]
    gr.Markdown(f"# Attention Explorer\n{sentences.promise(bundles)}", elem_id="title")
    chooser = gr.Dropdown(
        [bundle.title for bundle in bundles],
        value=first.title,
        label="Model",
        visible=len(bundles) > 1,
        elem_id="bundle",
    )
    facts = widget("facts", value=payloads.facts(first))
    tabs = write = None
    if any(bundle.writes for bundle in bundles):
        # Which of them the model has is told by the facts, and followed in page.css: gradio's own
        # way fails for a tab that was never open.
        with gr.Tabs(selected="classify" if first.classifies else "write") as tabs:
            with gr.Tab("Classify", id="classify", elem_id="classify_tab"):
                parts = _lay_out_classifier(first, bundles)
            write = lay_out_write(bundles)
    else:
        parts = _lay_out_classifier(first, bundles)
    about = widget("about")
    return Page(
        bundle=chooser,
        facts=facts,
        about=about,
        file=gr.JSON(visible=False),
        shown=gr.JSON(visible=False),
        dark=gr.Checkbox(visible=False),
        tabs=tabs,
        write=write,
        **parts,
    )


def _lay_out_classifier(first: Bundle, bundles: Sequence[Bundle]) -> dict[str, Any]:
    """The parts between text and map, by their names in `Page`."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            text = gr.Textbox(label="Text", lines=1, max_lines=8, submit_btn="Read", elem_id="text")
            examples = widget("examples")
            with gr.Accordion("Add a second text", open=False) as second:
                text_pair = gr.Textbox(
                    label="Second text", lines=1, max_lines=8, elem_id="text_pair"
                )
        with gr.Column(scale=2, min_width=300):
            answer = widget("answer")
    notice, left_out = widget("notice"), widget("left_out")
    tokens = widget("tokens")
    with gr.Tabs(selected="maps"):
        with gr.Tab("Maps", id="maps", elem_id="maps_tab"):
            maps = _lay_out_maps(first)
        classifies = next((bundle for bundle in bundles if bundle.classifies), first)
        panels = lay_out_groups(CLASSIFY, classifies)
    return {
        "text": text, "text_pair": text_pair, "second": second, "examples": examples,
        "notice": notice, "answer": answer, "left_out": left_out, "tokens": tokens,
        "panels": panels, **maps,
    }  # fmt: skip


def _lay_out_maps(first: Bundle) -> dict[str, Any]:
    """The parts that choose and show a map, by their names in `Page`."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            heads = widget("heads", chosen=[1, 1], without=False)
            with gr.Row():
                layer = number("Layer", payloads.layer_choices(first))
                head = number("Head", payloads.head_choices(first))
            shown_how = switches()
            removed = widget("notes", "removed")
            gr.Markdown(sentences.CAUTION, elem_id="caution")
        with gr.Column(scale=6, min_width=320):
            picture = gr.Image(
                show_label=False, interactive=False, buttons=["fullscreen"], elem_id="map"
            )
            with gr.Row():
                png, svg = download("PNG"), download("SVG")
    rollout = widget("rollout")
    return {
        "heads": heads, "layer": layer, "head": head, "switches": shown_how,
        "removed": removed, "picture": picture, "png": png, "svg": svg,
        "rollout": rollout,
    }  # fmt: skip
