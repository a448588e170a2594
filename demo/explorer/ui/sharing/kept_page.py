"""A text as a page of its own: one file with its answer and its maps, which works from disk.

The server writes it when it is asked for. The browser could, but every visitor would have to fetch
the style and the frame for those few who keep a page, and of a long text it has not all maps.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.bundle import Bundle
from explorer.offline_page import UNPACKED, data_element, opening, packed_text
from explorer.ui import payloads, wording
from explorer.ui.widgets import WEB, maps_script, widget_script

# Style and script are half of the page of a short text: they come deflated, as the data does.
_UNPACK = f"""(async () => {{
  {UNPACKED}
  const packed = (name) => unpacked(document.querySelector(`.packed-${{name}}`).textContent);
  window.keptText = JSON.parse(await packed("data"));
  for (const name of ["style", "script"]) {{
    const node = document.createElement(name);
    node.textContent = await packed(name);
    document.head.append(node);
  }}
}})();"""
_COMMENTS = re.compile(r"^ *(?://.*|/\*[^*]*\*/)?\n|^ +", re.MULTILINE)
"""Those that have their lines to themselves, and what stands before other lines."""
_STYLES = ("page.css", "maps/maps.css", "kept_page.css")
_BODY = """<body class="gradio-container">
<main><p>This page shows a text and its maps by a script, which did not run.</p></main>
"""


@dataclass(frozen=True, kw_only=True)
class KeptText:
    """What a page is made of."""

    bundle: Bundle
    texts: Mapping[str, str]
    """By what they are called."""
    notes: Sequence[str]
    """What a reader should know of it."""
    answers: Mapping[str, Any]
    """What widgets show above the maps, by their names."""
    maps: Mapping[str, Any]
    """What the widget of the maps receives."""


def kept_page(
    text: KeptText, state: Mapping[str, Any], parts: Sequence[Mapping[str, Any]] = ()
) -> str:
    """The page, the same for the same text and state.

    Args:
        state: what the maps show, as `web/maps/state.js` has it.
        parts: of maps that did not come with the text, as the widget's `add` takes them.
    """
    above = {
        "facts": payloads.facts(text.bundle),
        "notice": {"error": False, "lines": list(text.notes)},
        **text.answers,
    }
    data = {
        "texts": [{"name": name, "text": one} for name, one in text.texts.items() if one],
        "above": above,
        "maps": text.maps,
        "parts": parts,
        "state": state,
        "below": {"about": wording.about(text.bundle)},
    }
    css = _COMMENTS.sub("", _read(*_STYLES))
    script = _script(above)
    packed = {"data": json.dumps(data), "style": css, "script": script}
    elements = (data_element(f"packed-{name}", packed_text(one)) for name, one in packed.items())
    frame = opening("Attention Explorer", css, [_UNPACK, script])
    return f"{frame}{_BODY}{''.join(elements)}<script>{_UNPACK}</script>\n"


def _script(names: Iterable[str]) -> str:
    """The page's own widgets, each as a function of what gradio would give its script; those of
    `small.js` are one, which is told a name."""
    own = ["small", *(name for name in names if (WEB / f"{name}.js").is_file())]
    widgets = "".join(
        f"  {name}: ({{ element, props, watch, trigger, drawn }}) => {{\n{widget_script(name)}"
        f"{'library.show(small[drawn]);' if name == 'small' else ''}\n  }},\n"
        for name in own
    )
    library, page = _read("lib.js"), _read("kept_page.js")
    script = f"{maps_script()}{library}window.keptWidgets = {{\n{widgets}}};\n{page}"
    return _COMMENTS.sub("", script)


def _read(*names: str) -> str:
    """Files of the page's own, one after another."""
    return "".join((WEB / name).read_text(encoding="utf-8") for name in names)
