"""What libraries read from the environment when they are imported, settled before any of them is.

`explorer/__init__.py` does it, so that whoever imports a part of the page comes by here first.
matplotlib looks for fonts when it is imported, and keeps what it found in the home of whoever runs
it. The page draws with the fonts that come with matplotlib, which are found in a quarter of a
second, by the one file that draws: a report without figures does without.
"""

import atexit
import ctypes
import io
import os
import secrets
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

SERVER_NAME, SERVER_PORT = "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"
"""The address of a host that starts the page, such as a Space: the defaults of the flags."""

_KEPT = "GRADIO_ROOT_PATH"
PREFIX = "attention-explorer-"

_SETTLED = {
    # onnxruntime's Linux wheels send events, and keep a device id under HOME, unless this stands
    # here before they are imported: its function disable_telemetry_events comes too late.
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
}


def settle() -> dict[str, str]:
    """Settles it; gives the variables of the server's address.

    Of gradio's other variables only the root path, for a server behind a proxy, is left: one of
    them could open a route or a folder that the page keeps shut, or end gradio's import.
    """
    address = {
        name: os.environ[name] for name in (SERVER_NAME, SERVER_PORT) if os.environ.get(name)
    }
    for name in [name for name in os.environ if name.startswith("GRADIO_") and name != _KEPT]:
        del os.environ[name]
    os.environ.update(_SETTLED)
    os.environ["GRADIO_TEMP_DIR"] = str(_own_folder())
    return address


def make_own_folder() -> None:
    """Makes the folder that gradio insists on and leaves empty. It goes when the process ends;
    those of pages that were killed go now.

    Raises OSError: it cannot be made.
    """
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    if folder.is_dir():  # a second page of this process
        return
    for left in folder.parent.glob(f"{PREFIX}*-*"):
        if not _is_in_use(left):
            _remove(left)
    folder.mkdir(mode=0o700)
    atexit.register(_remove, folder)


def _remove(folder: Path) -> None:
    """Removes a folder that holds nothing, or nothing but what gradio and matplotlib make."""
    for part in folder.glob("fontlist-*"):
        with suppress(OSError):
            part.unlink()
    for part in (folder / "vibe_edit_history", folder):
        with suppress(OSError):  # not there, not ours, or not empty: then it stays
            part.rmdir()


def _own_folder() -> Path:
    """A name that nobody else on this machine can have taken: others may own `gradio`."""
    try:
        parent = tempfile.gettempdir()
    except FileNotFoundError:  # no folder can be written to, as make_own_folder will say
        parent = os.curdir
    return Path(parent).absolute() / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"


def _is_in_use(folder: Path) -> bool:
    number = folder.name.removeprefix(PREFIX).partition("-")[0]
    if not number.isdecimal() or os.name != "posix":
        return True
    if int(number) == os.getpid():  # the process before a restarted container's had it too
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # somebody else's
    return True


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


def safe_streams() -> None:
    """Lets stdout show a question mark for what its encoding lacks; stderr is never strict.

    Redirected output is in cp1252 on Windows, and a bundle's title may be in any script.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""mallopt's parameters, from glibc's malloc.h."""
_LARGE = 1 << 20


def give_memory_back() -> None:
    """Tells glibc's allocator, where there is one, how a small server wants its memory kept.

    Arrays of a megabyte or more then come from the system and go back to it when they are dropped;
    by default that bound grows with the largest array freed so far, and with it what is kept. And
    the server's threads share two heaps instead of having up to eight for each core.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)
        mallopt(_ARENA_MAX, 2)
