"""The frame of a page that is one file and works from disk, without a server or a network.

Whatever a reader or a bundle wrote stands in it as data alone, in elements that no browser runs;
the page's script shows it as text. The page's own policy lets no other script run and nothing be
fetched.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable
from typing import Any

_OPENING = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; \
form-action 'none'; script-src {scripts}; style-src {style}; img-src {images}">
<title>{title}</title>
<link rel="icon" href="data:,">
"""


def opening(title: str, css: str, scripts: Iterable[str], *, images: str = "data:") -> str:
    """What stands before the style and the body.

    Args:
        title: our own words, since it is HTML.
        css, scripts: the only ones that may run, each in an element of its own, with not a space
            around it.
        images: where they may come from, as the policy says it.
    """
    allowed = " ".join(map(_allowed, scripts))
    return _OPENING.format(title=title, images=images, scripts=allowed, style=_allowed(css))


def _allowed(text: str) -> str:
    """What the policy calls a script or a style by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def packed_text(text: str) -> str:
    """In base64, deflated."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def data_element(name: str, text: str) -> str:
    """Data that the page's script finds by their class. The text holds no `<`: see `as_json`."""
    return f'<script type="text/plain" class="{name}">{text}</script>\n'


def as_json(data: Any) -> str:
    """Data as JSON without `<`, so that none of it ends the element that it stands in, or begins a
    comment there."""
    return json.dumps(data).replace("<", "\\u003c")
