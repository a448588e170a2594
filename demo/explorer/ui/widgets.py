"""The page's own widgets, its theme, and how its events run.

A widget is gradio's HTML component with a fixed template and a script. Two traps are kept shut.
Gradio compiles an HTML component's template together with its value, so a reader's `${...}` or
`{{...}}` would run as code: our template is one empty element and the value is plain data, which
the script turns into text nodes. And a value that is a string would be searched for script tags:
ours are objects and arrays.

Each kind of work has its own line, in which one thing at a time is done, since each holds a text's
maps while it works: a reading, an analysis and a text that is being written are what the memory has
to hold at once. Between lines, whoever runs a graph takes turns: see `inference/session.py`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

_PAIRS = {
    "body_background_fill": ("*neutral_50", "*neutral_950"),
    "block_title_text_color": ("*neutral_800", "*neutral_100"),
    "block_label_text_color": ("*neutral_800", "*neutral_100"),
    "block_info_text_color": ("*neutral_600", "*neutral_300"),
    "body_text_color_subdued": ("*neutral_600", "*neutral_300"),
    "button_primary_background_fill": ("*primary_600", "*primary_600"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_700"),
    "button_primary_text_color": ("white", "white"),
    "checkbox_label_background_fill_selected": ("*primary_600", "*primary_600"),
    "checkbox_label_text_color_selected": ("white", "white"),
    "input_placeholder_color": ("*neutral_500", "*neutral_400"),
    "block_title_background_fill": ("none", "none"),
    "link_text_color": ("*primary_700", "*primary_300"),
}


def make_theme() -> gr.themes.Base:
    """The theme; its fonts are the system's, so that nothing is fetched from other hosts."""
    colours = {name: light for name, (light, _) in _PAIRS.items()}
    colours |= {f"{name}_dark": dark for name, (_, dark) in _PAIRS.items()}
    return gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="zinc",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(**colours)


READING: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 1}
"""What takes a run of a graph or two, and drawing: nobody should wait for it."""

ANALYSIS: dict[str, Any] = {"concurrency_id": "analysis", "concurrency_limit": 1}
"""What runs a graph many times on changed texts, for seconds."""

WRITING: dict[str, Any] = {"concurrency_id": "writing", "concurrency_limit": 1}
"""What has a decoder write, token by token."""

PRIVATE: dict[str, Any] = {
    **READING,
    # The handlers check what comes in and give what the page takes. Gradio's own checks would write
    # what they refuse into the log, and its images into files.
    "preprocess": False,
    "postprocess": False,
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "always_last",  # of quick clicks the last one counts
}
"""How the page's own handlers run, but for those of the other lines."""


PAGE = Path(__file__).parents[1] / "web"
_NEEDS = {
    "answer": ["bars.js"],
    "compare": ["bars.js", "signed.js", "scrolls.js"],
    "tokens": ["strip.js"],
    "spoiled": ["clean.js"],
    "written": ["strip.js", "clean.js"],
    "rollout": ["strip.js"],
    "source_words": ["strip.js", "signed.js", "scrolls.js"],
    "heads": ["out.js"],
    "head_effects": ["signed.js", "effects.js", "out.js", "head_grid.js"],
    "pruning": ["signed.js", "out.js", "scrolls.js"],
    "decoder_heads": ["strip.js", "signed.js", "head_grid.js"],
    "occlusion": ["signed.js", "effects.js", "word_effects.js"],
    "smallest_flip": ["signed.js"],
    "trust": ["signed.js", "effects.js"],
    "pairs": ["signed.js", "effects.js", "word_effects.js", "scrolls.js"],
}
"""Scripts that a widget builds on."""


def widget(name: str, elem_id: str | None = None, **options: Any) -> gr.HTML:
    """A part of the page that `web/<name>.js` draws from a value of plain data.

    The page knows it by `elem_id`, or by its name where it has only one of them; its style hangs
    on the class `<name>-widget`.

    No subclass of gr.HTML: gradio would write a stub file beside this one whenever it is imported.
    """
    files = ["dom.js", *_NEEDS.get(name, []), f"{name}.js"]
    scripts = [(PAGE / file).read_text(encoding="utf-8") for file in files]
    return gr.HTML(
        html_template='<div class="widget"></div>',
        js_on_load="\n".join(scripts),
        elem_id=elem_id or name,
        elem_classes=[f"{name}-widget"],
        apply_default_css=False,
        **options,
    )


def number(name: str, choices: list, prefix: str = "") -> gr.Dropdown:
    """A control that offers numbers."""
    return gr.Dropdown(choices, label=name, elem_id=prefix + name.lower(), min_width=100)


class Switches(NamedTuple):
    """How a map is shown, whichever it is."""

    special_tokens: gr.Checkbox
    words: gr.Checkbox
    by_norms: gr.Checkbox


def switches(prefix: str = "") -> Switches:
    """Whether pieces stand as whole words, special tokens are shown, and weights are multiplied by
    the norms of what they let through."""

    def switch(label: str, name: str, *, on: bool) -> gr.Checkbox:
        return gr.Checkbox(on, label=label, elem_id=prefix + name, min_width=120)

    with gr.Row(elem_classes="switches"):
        words = switch("Whole words", "words", on=True)
        special_tokens = switch("Show special tokens", "special", on=True)
        by_norms = switch("Weigh by value norms", "norms", on=False)
    return Switches(special_tokens, words, by_norms)


def download(kind: str, prefix: str = "") -> gr.Button:
    """Draws the map that is shown into a file, and saves it: see `wire_saving`."""
    return gr.Button(f"Download {kind}", size="sm", elem_id=prefix + kind.lower())


def wire_saving(
    button: gr.Button,
    keep: Callable[..., dict[str, str]],
    controls: list,
    file: gr.JSON,
    private: dict[str, Any],
) -> None:
    """A click has a file made, which the browser saves. Until then nobody draws it.

    Args:
        keep: makes the file from what the page shows, as `web/save.js` takes it.
        file: an invisible component that hands it on.
        private: how a handler runs that is for the page alone.
    """
    save = (PAGE / "save.js").read_text(encoding="utf-8")
    made = button.click(keep, controls, file, **private)
    made.success(None, file, None, js=save, queue=False, api_visibility="private")


def waits_on(part: gr.components.Component, event: dict[str, Any]) -> dict[str, Any]:
    """The options of an event that says, on a part of the page, that a reader waits for their turn,
    and how long. A short wait is not shown: see page.css."""
    return {**event, "show_progress": "minimal", "show_progress_on": part}
