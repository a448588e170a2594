"""The page's own widgets, and its theme.

A widget is gradio's HTML component with a fixed template and a script. Two traps are kept shut.
Gradio compiles an HTML component's template together with its value, so a reader's `${...}` or
`{{...}}` would run as code: our template is one empty element and the value is plain data, which
the script turns into text nodes. And a value that is a string would be searched for script tags:
ours are objects and arrays.
"""

import re
from collections.abc import Mapping
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


WEB = Path(__file__).parents[1] / "web"
_LIBRARY = "const library = window.attentionExplorer({ element, props, watch });"


_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w.]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const (\w+))", re.MULTILINE)


def maps_script() -> str:
    """The modules of `web/maps` as one script, for pages that cannot fetch them one by one: all
    that they export stands in `attentionMaps`, `mount` among it."""
    found: dict[str, str] = {}

    def join(name: str) -> None:
        source = (WEB / "maps" / name).read_text(encoding="utf-8")
        for _, needed in _IMPORT.findall(source):
            if needed not in found:
                join(needed)
        names = ", ".join(_EXPORT.findall(source))
        body = _EXPORT.sub("", _IMPORT.sub(r'const \1 = modules["\2"];', source))
        found[name] = f'modules["{name}"] = (() => {{\n{body}return {{ {names} }};\n}})();\n'

    join("index.js")
    return (
        "window.attentionMaps = (() => {\nconst modules = {};\n"
        f"{''.join(found.values())}return Object.assign({{}}, ...Object.values(modules));\n}})();\n"
    )


def library() -> str:
    """What the page's widgets share, as HTML for the page's head."""
    own = ("csv.js", "terms.js", "guided_tour.js", "keyboard.js", "lib.js")
    scripts = [(WEB / name).read_text(encoding="utf-8") for name in own]
    return f"<script>\n{maps_script()}{''.join(scripts)}</script>"


def widget_script(name: str) -> str:
    """What draws a part of the page: a script for which `element`, `props`, `watch` and `trigger`
    are gradio's."""
    own = WEB / f"{name}.js"
    if own.is_file():
        script = own.read_text(encoding="utf-8")
    else:
        script = (WEB / "small.js").read_text(encoding="utf-8") + f"library.show(small.{name});\n"
    return f"{_LIBRARY}\n{script}"


def widget(name: str, elem_id: str | None = None, **options: Any) -> gr.HTML:
    """A part of the page that `web/<name>.js`, or else `web/small.js`, draws from plain data.

    The page knows it by `elem_id`, or by its name where it has only one of them; its style hangs
    on the class `<name>-widget`.

    No subclass of gr.HTML: gradio would write a stub file beside this one whenever it is imported.
    """
    drawn = gr.HTML(
        html_template='<div class="widget"></div>',
        js_on_load=widget_script(name),
        elem_id=elem_id or name,
        elem_classes=[f"{name}-widget"],
        apply_default_css=False,
        **options,
    )
    # A gr.HTML has an event of any name that stands in quotes in its script, and its settings one
    # called "self": a handler with the server's locks and loops, copied for every visitor.
    drawn.self = None  # type: ignore[attr-defined]
    return drawn


class Frame(NamedTuple):
    """The parts of the page around its tabs."""

    bundle: gr.Dropdown
    """Which model is chosen, by its title."""
    facts: gr.HTML
    tour: gr.HTML
    """Offers a tour of what the chosen model has."""
    link: gr.HTML
    """Makes links to what the page shows, and opens them."""
    restored: gr.JSON
    """What the link says that was opened last: `link.Link` as an object."""
    views: Mapping[str, list[str]]
    """The parts of each tab by their names, the maps first."""
    about: gr.HTML
    """What stands at the foot."""
