"""The page's own widgets: gradio's HTML component with a fixed template and a script.

Two traps are kept shut here. Gradio compiles an HTML component's template together with its
value, so a reader's `${...}` or `{{...}}` would run as code: our template is one empty element and
the value is plain data, which the script turns into text nodes. And a value that is a string would
be searched for script tags: ours are objects and arrays.
"""

from pathlib import Path
from typing import Any

import gradio as gr

PAGE = Path(__file__).parent / "page"


def widget(name: str, **options: Any) -> gr.HTML:
    """A part of the page that `page/<name>.js` draws from a value of plain data.

    No subclass of gr.HTML: gradio would write a stub file beside this one whenever it is imported.
    """
    scripts = [(PAGE / file).read_text(encoding="utf-8") for file in ("dom.js", f"{name}.js")]
    return gr.HTML(
        html_template='<div class="widget"></div>',
        js_on_load="\n".join(scripts),
        elem_id=name,
        apply_default_css=False,
        **options,
    )
