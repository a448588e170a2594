"""matplotlib's list of fonts, without what it would write to a reader's disk.

It looks for fonts when it is imported, and keeps what it found in the home of whoever runs it. The
page draws with the fonts that come with matplotlib, which are found in a quarter of a second.
"""

import os
import tempfile
from contextlib import suppress

from explorer.environment import PREFIX

_FOLDER, _OWN_ALONE = "MPLCONFIGDIR", "MPL_IGNORE_SYSTEM_FONTS"


def load_fonts() -> None:
    """Imports matplotlib, with its own fonts alone, in a folder that is gone afterwards."""
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
