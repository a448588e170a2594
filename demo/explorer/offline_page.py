"""The frame of a page that is one file and works from disk, without a server or a network.

Whatever a reader or a bundle wrote stands in it as data alone, in elements that no browser runs;
the page's script shows it as text. The page's own policy lets no other script run and nothing be
fetched.

What is long stands in it deflated, in base 85, which takes a sixteenth less room than base64.
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


UNPACKED = """const unpacked = async (text) => {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    + "!#$%&()*+-;.=>?@^_`{|}~";
  const values = Object.fromEntries([...letters].map((letter, value) => [letter, value]));
  const words = new DataView(new ArrayBuffer(4 * Math.ceil(text.length / 5)));
  for (let at = 0; at < text.length; at += 5) {
    let word = 0;
    for (let next = at; next < at + 5; next++) word = 85 * word + (values[text[next]] ?? 84);
    words.setUint32((4 * at) / 5, word);
  }
  const bytes = new Uint8Array(words.buffer, 0, Math.floor((4 * text.length) / 5));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
};
"""
"""For a page's script: the text that `packed_text` packed."""


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
    """Deflated, in base 85, four bytes as five letters. `<`, which would end an element, is `.`."""
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode().replace("<", ".")


def data_element(name: str, text: str) -> str:
    """Data that the page's script finds by their class. The text holds no `<`: see `as_json`."""
    return f'<script type="text/plain" class="{name}">{text}</script>\n'


def as_json(data: Any) -> str:
    """Data as JSON without `<`, so that none of it ends the element that it stands in, or begins a
    comment there."""
    return json.dumps(data).replace("<", "\\u003c")
