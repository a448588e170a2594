"""Where the parts of the Write tab stand; a sibling of `layout.py`."""

from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr

from explorer import payloads, sentences
from explorer.bundle import Bundle
from explorer.decoding.settings import Settings
from explorer.widgets import download, number, widget
from explorer.write_request import COUNTS, NUMBERS
from explorer.writing import SOURCE, WRITTEN

_STRATEGIES = [
    ("always the likeliest word (greedy)", "greedy"),
    ("keep several beginnings (beam search)", "beam"),
    ("draw by probability (sampling)", "sample"),
]
_NAMES = {
    "temperature": ("Temperature", "Sampling. Below 1 the likely words gain."),
    "top_k": ("Top-k", "Sampling. Draw from so many words; 0: from all."),
    "top_p": ("Top-p", "Sampling. Draw from words that make up this share."),
    "beams": ("Beams", "Beam search. How many beginnings are kept."),
    "repetition_penalty": ("Repetition penalty", "Above 1, written words score less."),
    "no_repeat_ngram": ("No repeated runs of", "So many words never come twice; 0 allows it."),
    "max_tokens": ("Tokens at most", "The end token counts."),
    "seed": ("Seed", "Sampling, and the spoiling of a sentence."),
}


class WritePage(NamedTuple):
    """The components that the tab's events read or fill."""

    tab: gr.Tab
    source: gr.Textbox
    corrupt: gr.Button
    write: gr.Button
    stop: gr.Button
    settings: tuple[gr.components.Component, ...]
    """In the order of `write_events.SETTINGS`."""
    notice: gr.HTML
    written: gr.HTML
    looks_at: gr.Radio
    heads: gr.HTML
    layer: gr.Dropdown
    head: gr.Dropdown
    special_tokens: gr.Checkbox
    notes: gr.Markdown
    picture: gr.Image
    png: gr.DownloadButton
    svg: gr.DownloadButton
    shown: gr.JSON


def lay_out_write(bundles: Sequence[Bundle]) -> WritePage:
    """Makes the tab, inside the Tabs that are open. At least one of the bundles writes."""
    first = next(bundle for bundle in bundles if bundle.writes)
    assert first.decoder, "it writes"
    with gr.Tab("Write", visible=bundles[0].writes, elem_id="write_tab") as tab:
        source = gr.Textbox(label="Source", lines=2, max_lines=8, elem_id="source")
        with gr.Row():
            write = gr.Button("Write", variant="primary", elem_id="write", min_width=100)
            stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=100)
            corrupt = gr.Button("Spoil two words", elem_id="corrupt", min_width=100)
        with gr.Accordion("How it is written", open=False):
            settings = _settings()
        notice, written = widget("notice", "write_notice"), widget("written")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                looks_at = gr.Radio(
                    [
                        ("the source (cross-attention)", SOURCE),
                        ("itself (self-attention)", WRITTEN),
                    ],
                    value=SOURCE,
                    label="The written text looks at",
                    elem_id="looks_at",
                )
                heads = widget("heads", "write_heads", chosen=[1, 1])
                with gr.Row():
                    layer = number("Layer", payloads.layer_choices(first.decoder), "write_")
                    head = number("Head", payloads.head_choices(first.decoder), "write_")
                special = gr.Checkbox(True, label="Show special tokens", elem_id="write_special")
                notes = gr.Markdown(elem_id="write_notes")
                gr.Markdown(sentences.WRITE_CAUTION, elem_id="write_caution")
            with gr.Column(scale=6, min_width=320):
                picture = gr.Image(
                    show_label=False, interactive=False, buttons=["fullscreen"], elem_id="write_map"
                )
                with gr.Row():
                    png, svg = download("PNG", "write_"), download("SVG", "write_")
        shown = gr.JSON(visible=False)
    return WritePage(
        tab=tab,
        source=source,
        corrupt=corrupt,
        write=write,
        stop=stop,
        settings=settings,
        notice=notice,
        written=written,
        looks_at=looks_at,
        heads=heads,
        layer=layer,
        head=head,
        special_tokens=special,
        notes=notes,
        picture=picture,
        png=png,
        svg=svg,
        shown=shown,
    )


def _settings() -> tuple[gr.components.Component, ...]:
    """Numbers are checked by the server, whose sentence says more than a field's red edge."""
    strategy = gr.Dropdown(_STRATEGIES, value="greedy", label="Strategy", elem_id="strategy")
    fields = {}
    with gr.Row():
        for name, (label, info) in _NAMES.items():
            bounds = {**NUMBERS, **COUNTS}[name]
            fields[name] = gr.Number(
                getattr(Settings(), name),
                label=label,
                info=f"{info} {bounds.least:g} to {int(bounds.most)}.",
                step=0.05 if name in NUMBERS else 1,
                elem_id=f"set_{name}",
                min_width=150,
            )
    return strategy, *fields.values()
