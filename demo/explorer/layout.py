"""Where the parts of the page stand, from the sentence to the map: nothing here does anything."""

from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr

from explorer import payloads, sentences
from explorer.bundle import Bundle
from explorer.widgets import widget


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
    tokens: gr.HTML
    heads: gr.HTML
    layer: gr.Dropdown
    head: gr.Dropdown
    special_tokens: gr.Checkbox
    removed: gr.Markdown
    picture: gr.Image
    png: gr.DownloadButton
    svg: gr.DownloadButton
    shown: gr.JSON
    dark: gr.Checkbox


def lay_out(bundles: Sequence[Bundle]) -> Page:
    """Makes the components, inside the Blocks that is open."""
    first = bundles[0]
    gr.Markdown(f"# Attention Explorer\n{sentences.PROMISE}", elem_id="title")
    chooser = gr.Dropdown(
        [bundle.title for bundle in bundles],
        value=first.title,
        label="Model",
        visible=len(bundles) > 1,
        elem_id="bundle",
    )
    facts = widget("facts")
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
    notice = widget("notice")
    tokens = widget("tokens")
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            heads = widget("heads", chosen=[1, 1])
            with gr.Row():
                layer = _number("Layer", payloads.layer_choices(first))
                head = _number("Head", payloads.head_choices(first))
            special_tokens = gr.Checkbox(True, label="Show special tokens", elem_id="special")
            removed = gr.Markdown(elem_id="removed")
            gr.Markdown(sentences.CAUTION, elem_id="caution")
        with gr.Column(scale=6, min_width=320):
            picture = gr.Image(
                show_label=False, interactive=False, buttons=["fullscreen"], elem_id="map"
            )
            with gr.Row():
                png, svg = _download("PNG"), _download("SVG")
    about = widget("about")
    return Page(
        bundle=chooser,
        facts=facts,
        text=text,
        text_pair=text_pair,
        second=second,
        about=about,
        examples=examples,
        notice=notice,
        answer=answer,
        tokens=tokens,
        heads=heads,
        layer=layer,
        head=head,
        special_tokens=special_tokens,
        removed=removed,
        picture=picture,
        png=png,
        svg=svg,
        shown=gr.JSON(visible=False),
        dark=gr.Checkbox(visible=False),
    )


def _number(name: str, choices: list) -> gr.Dropdown:
    return gr.Dropdown(choices, label=name, elem_id=name.lower(), min_width=100)


def _download(kind: str) -> gr.DownloadButton:
    """Rests until the file of the map that is shown is there."""
    return gr.DownloadButton(f"Download {kind}", size="sm", interactive=False, elem_id=kind.lower())
