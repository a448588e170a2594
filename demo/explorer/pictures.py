"""A map's picture as the page gets it: in the answer itself, and never in a file of the server."""

import base64
from typing import Any, Literal

from explorer import heatmap
from explorer.palette import DARK, LIGHT
from explorer.view import MapView

_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


def shown_picture(view: MapView, *, dark: bool) -> dict[str, Any]:
    """The value of gradio's image component, on the paper of a light page or a dark one."""
    content = _encoded(heatmap.draw(view, "png", DARK if dark else LIGHT))
    return {"path": None, "url": f"data:image/png;base64,{content}", "orig_name": None}


def kept_picture(view: MapView, format: Literal["png", "svg"]) -> dict[str, str]:
    """A file to keep, on white paper, as `page/save.js` saves it."""
    return {
        "name": f"{view.file_name}.{format}",
        "type": _TYPES[format],
        "content": _encoded(heatmap.draw(view, format, LIGHT)),
    }


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
