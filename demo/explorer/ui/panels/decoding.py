"""How a text is written: the controls of decoding, beside the source in the Write tab."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.components import Component

from explorer.inference.encoder import EncoderModel
from explorer.ui.checks import COUNTS, NUMBERS
from explorer.ui.events import in_browser
from explorer.writing.prompt import PromptModel
from explorer.writing.settings import Settings

_STRATEGIES = [
    ("Greedy: the likeliest word", "greedy"),
    ("Beam search: several candidates at once", "beam"),
    ("Sampling: by probability", "sample"),
]
_SAMPLING = {
    "temperature": ("Temperature", "Below 1, likely words gain."),
    "top_k": ("Top-k", "Draw from this many words; 0: all."),
    "top_p": ("Top-p", "Draw from the words that make up this share."),
    "seed": ("Seed", "Another seed, another text."),
}
_BEAM = {"beams": ("Beams", "How many candidates are kept.")}
_ALWAYS = {
    "max_tokens": ("Maximum tokens", "The end token counts."),
    "repetition_penalty": ("Repetition penalty", "Above 1, words that were written score less."),
    "no_repeat_ngram": (
        "No-repeat n-gram size",
        "This many words in a row never come twice; 0: they may.",
    ),
}
_LANGUAGES = {"source_language": "Language of the source", "target_language": "To be written in"}
LABELS = {name: label for name, (label, _) in {**_SAMPLING, **_BEAM, **_ALWAYS}.items()}
"""What a reader knows the settings by."""
_SHOW_SETTINGS = """(strategy) => ["sample", "beam"].map(
    (name) => ({ __type__: "update", visible: name === strategy })
)"""


def lay_out_settings() -> dict[str, Component]:
    """The controls of how a text is written, by the names in `Settings`. Which of them show depends
    on the strategy; that of the chat template shows where the model has one."""
    strategy = gr.Dropdown(
        _STRATEGIES, value=Settings().strategy, label="Decoding strategy", elem_id="strategy"
    )
    with gr.Row(visible=False, elem_classes="settings") as sampling:
        fields = _fields(_SAMPLING)
    with gr.Row(visible=False, elem_classes="settings") as beam:
        fields |= _fields(_BEAM)
    with gr.Accordion("Length and repetition", open=False), gr.Row(elem_classes="settings"):
        fields |= _fields(_ALWAYS)
    chat = gr.Checkbox(
        Settings().chat,
        label="Chat template",
        info="The prompt stands in it, as the model learned to be asked.",
        visible=False,
        elem_id="set_chat",
    )
    languages = {
        name: gr.Dropdown(
            [], value="", label=label, visible=False, elem_id=f"set_{name}", allow_custom_value=True
        )
        for name, label in _LANGUAGES.items()
    }
    in_browser(strategy.change, _SHOW_SETTINGS, [strategy], [sampling, beam])
    return {"strategy": strategy, **fields, "chat": chat, **languages}


def chosen_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the controls say, without those of another strategy than the chosen one: they are out of
    sight, so that nobody could mend one."""
    ways = {"sample": _SAMPLING, "beam": _BEAM}
    unseen = {name for way, fields in ways.items() if way != values["strategy"] for name in fields}
    return {name: value for name, value in values.items() if name not in unseen}


def shown_settings(settings: Settings, model: EncoderModel | PromptModel) -> dict[str, Any]:
    """What the controls show of settings, for a model: those that it has not are hidden."""
    shown: dict[str, Any] = asdict(settings)
    decoder = model.bundle.decoder
    codes = list(decoder.languages.tokens) if decoder and decoder.languages else []
    for name in _LANGUAGES:
        own = getattr(settings, name)
        choices = codes if own else [("not said", ""), *codes]
        shown[name] = gr.update(value=own, choices=choices, visible=bool(codes))
    shown["chat"] = gr.update(value=settings.chat, visible=model.chats)
    return shown


def _fields(names: dict[str, tuple[str, str]]) -> dict[str, Component]:
    """Fields without bounds of their own: the server's sentence says more than a red edge."""
    bounds = (NUMBERS | COUNTS).items()
    ranges = {name: f"{allowed.least:g} to {int(allowed.most)}." for name, allowed in bounds}
    ranges["seed"] = ""
    return {
        name: gr.Number(
            getattr(Settings(), name),
            label=label,
            info=f"{info} {ranges[name]}",
            step=0.05 if name in NUMBERS else 1,
            elem_id=f"set_{name}",
            min_width=140,
        )
        for name, (label, info) in names.items()
    }
