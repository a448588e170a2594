"""Where the parts of the Write tab stand. Which of its controls show depends on the strategy."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from explorer.bundle.bundle import Bundle
from explorer.inference.generator import SOURCE, WRITTEN
from explorer.inference.logits import Settings
from explorer.ui import payloads, write_sentences
from explorer.ui.checks import COUNTS, NUMBERS
from explorer.ui.panel import Panel, lay_out_groups
from explorer.ui.panels.registry import WRITE
from explorer.ui.widgets import Switches, download, number, switches, widget

_STRATEGIES = [
    ("Greedy: the likeliest word", "greedy"),
    ("Beam: several beginnings", "beam"),
    ("Sampling: by probability", "sample"),
]
_SAMPLING = {
    "temperature": ("Temperature", "Below 1 the likely words gain."),
    "top_k": ("Top-k", "Draw from so many words; 0: all."),
    "top_p": ("Top-p", "Draw from words of this share."),
    "seed": ("Seed", "Another one, another text."),
}
_BEAM = {"beams": ("Beams", "How many beginnings are kept.")}
_ALWAYS = {
    "max_tokens": ("Tokens at most", "The end token counts."),
    "repetition_penalty": ("Repetition penalty", "Above 1, written words score less."),
    "no_repeat_ngram": ("No repeated runs of", "So many words never come twice; 0: they may."),
}
LABELS = {name: label for name, (label, _) in {**_SAMPLING, **_BEAM, **_ALWAYS}.items()}
"""What a reader knows the settings by."""
_SHOW = """(strategy) => ["sample", "beam"].map(
    (name) => ({ __type__: "update", visible: name === strategy })
)"""


def lay_out_settings() -> dict[str, gr.components.Component]:
    """The controls by the names in `Settings`."""
    strategy = gr.Dropdown(
        _STRATEGIES, value=Settings().strategy, label="How it is written", elem_id="strategy"
    )
    with gr.Row(visible=False, elem_classes="settings") as sampling:
        fields = _fields(_SAMPLING)
    with gr.Row(visible=False, elem_classes="settings") as beam:
        fields |= _fields(_BEAM)
    with gr.Accordion("Length and repetition", open=False), gr.Row(elem_classes="settings"):
        fields |= _fields(_ALWAYS)
    strategy.input(
        None, strategy, [sampling, beam], js=_SHOW, queue=False, api_visibility="private"
    )
    return {"strategy": strategy, **fields}


def _fields(names: dict[str, tuple[str, str]]) -> dict[str, gr.components.Component]:
    """Fields without bounds of their own: the server's sentence says more than a red edge."""
    return {
        name: gr.Number(
            getattr(Settings(), name),
            label=label,
            info=f"{info} {_range(name)}",
            step=0.05 if name in NUMBERS else 1,
            elem_id=f"set_{name}",
            min_width=140,
        )
        for name, (label, info) in names.items()
    }


def _range(name: str) -> str:
    bounds = {**NUMBERS, **COUNTS}[name]
    return "" if name == "seed" else f"{bounds.least:g} to {int(bounds.most)}."


class WritePage(NamedTuple):
    """The components that the tab's events read or fill."""

    tab: gr.Tab
    source: gr.Textbox
    examples: gr.HTML
    corrupt: gr.Button
    write: gr.Button
    stop: gr.Button
    settings: dict[str, gr.components.Component]
    """By the names in `Settings`."""
    notice: gr.HTML
    written: gr.HTML
    looks_at: gr.Radio
    heads: gr.HTML
    layer: gr.Dropdown
    head: gr.Dropdown
    switches: Switches
    notes: gr.HTML
    picture: gr.Image
    png: gr.Button
    svg: gr.Button
    panels: list[Panel]
    file: gr.JSON
    """The picture that is to be saved."""
    mark: gr.HTML
    """What was spoiled of the source."""
    spoiled: gr.JSON
    """How the source came about, if it was spoiled here."""
    shown: gr.JSON


def lay_out_write(bundles: Sequence[Bundle]) -> WritePage:
    """Makes the tab, inside the Tabs that are open. At least one of the bundles writes."""
    first = next(bundle for bundle in bundles if bundle.writes)
    with gr.Tab("Write", id="write", elem_id="write_tab") as tab:
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                asking = _lay_out_asking()
            with gr.Column(scale=2, min_width=300):
                settings = lay_out_settings()
        notice, written = widget("notice", "write_notice"), widget("written")
        with gr.Tabs(selected="write_maps_tab", elem_id="write_maps"):
            with gr.Tab("Maps", id="write_maps_tab", elem_id="write_maps_tab"):
                maps = _lay_out_maps(first)
            panels = lay_out_groups(WRITE, first)
        spoiled, shown, file = (gr.JSON(visible=False) for _ in range(3))
    return WritePage(
        tab=tab,
        settings=settings,
        notice=notice,
        written=written,
        file=file,
        spoiled=spoiled,
        shown=shown,
        panels=panels,
        **asking,
        **maps,
    )


def _lay_out_asking() -> dict[str, Any]:
    """What is to be written from, by the names in `WritePage`."""
    source = gr.Textbox(label="Source", lines=1, max_lines=8, elem_id="source")
    with gr.Row(elem_id="write_buttons"):
        write = gr.Button("Write", variant="primary", elem_id="write", min_width=110)
        stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=80)
        corrupt = gr.Button("Spoil two words", elem_id="corrupt", min_width=170)
    mark, examples = widget("spoiled"), widget("examples", "write_examples")
    return {
        "source": source, "write": write, "stop": stop, "corrupt": corrupt, "mark": mark,
        "examples": examples,
    }  # fmt: skip


def _lay_out_maps(first: Bundle) -> dict[str, Any]:
    """The parts that choose and show a map, by their names in `WritePage`."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            choosing = _lay_out_choosing(first)
        with gr.Column(scale=6, min_width=320):
            picture = gr.Image(
                show_label=False, interactive=False, buttons=["fullscreen"], elem_id="write_map"
            )
            with gr.Row():
                png, svg = download("PNG", "write_"), download("SVG", "write_")
    return {"picture": picture, "png": png, "svg": svg, **choosing}


def _lay_out_choosing(first: Bundle) -> dict[str, Any]:
    """Which map is shown, by the names in `WritePage`."""
    assert first.decoder, "it writes"
    looks_at = gr.Radio(
        [("the source (cross-attention)", SOURCE), ("itself (self-attention)", WRITTEN)],
        value=SOURCE,
        label="The written text looks at",
        elem_id="looks_at",
    )
    heads = widget("heads", "write_heads", chosen=[1, 1], without=False)
    with gr.Row():
        layer = number("Layer", payloads.layer_choices(first.decoder), "write_")
        head = number("Head", payloads.head_choices(first.decoder), "write_")
    shown_how = switches("write_")
    notes = widget("notes", "write_notes")
    gr.Markdown(write_sentences.CAUTION, elem_id="write_caution")
    return {
        "looks_at": looks_at, "heads": heads, "layer": layer, "head": head,
        "switches": shown_how, "notes": notes,
    }  # fmt: skip
