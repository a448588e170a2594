"""The controls that say how a text is written. Which of them show depends on the strategy."""

import gradio as gr

from explorer.decoding.settings import Settings
from explorer.write_request import COUNTS, NUMBERS

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
