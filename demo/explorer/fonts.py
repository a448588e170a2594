"""The fonts that come with matplotlib, with which maps are drawn, and which characters they have.

matplotlib takes as long to import as a reader waits for an answer, so it is imported when something
is drawn, or when a text has characters that not every font has. It looks for fonts then, and would
keep what it found in the home of whoever runs it: its own are found in a quarter of a second.
"""

import logging
import os
import tempfile
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from explorer.environment import PREFIX

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

FAMILIES = ["DejaVu Sans Mono", "DejaVu Sans"]
"""A picture looks the same on every machine."""

_FOLDER, _OWN_ALONE = "MPLCONFIGDIR", "MPL_IGNORE_SYSTEM_FONTS"
_LOADING = Lock()


def can_draw(text: str) -> bool:
    """Whether the fonts have a glyph for each of the characters: those of ASCII stand in all."""
    if text.isascii() and text.isprintable():
        return True
    return all(any(font.get_char_index(ord(c)) for font in _fonts()) for c in text)


@cache
def _fonts() -> "tuple[FT2Font, ...]":
    load_fonts()
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    return tuple(FT2Font(font_manager.findfont(family)) for family in FAMILIES)


def load_fonts() -> None:
    """Imports matplotlib, with its own fonts alone, in a folder that is gone afterwards."""
    with _LOADING:
        _load_fonts()


def _load_fonts() -> None:
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # nothing is to be kept
    before = {name: os.environ.get(name) for name in (_FOLDER, _OWN_ALONE)}
    prefix = f"{PREFIX}{os.getpid()}-"
    with suppress(OSError), tempfile.TemporaryDirectory(prefix=prefix) as folder:
        os.environ.update({_FOLDER: folder, _OWN_ALONE: "1"})
        try:
            from matplotlib import font_manager  # noqa: F401
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
