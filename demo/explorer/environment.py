"""What libraries read from the environment when they are imported, settled before any of them is,
and what of gradio's import is left out.

`explorer/__init__.py` does it, so that whoever imports a part of the page comes by here first.
"""

import atexit
import ctypes
import io
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from pathlib import Path
from types import ModuleType

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
    sys.meta_path.insert(0, _LessOfGradio())
    return address


class _LessOfGradio(MetaPathFinder):
    """Halves what gradio's import takes: it is most of what a page takes to wake.

    Whenever gradio makes a class of a component, it parses that class's source, renders a stub file
    for editors, and compares or writes it beside the source: 81 times. And it imports pandas, for
    tables that a page may cache: here that is done when somebody asks for something of it.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: object = None
    ) -> ModuleSpec | None:
        """Of these two modules; None: all others are found as always."""
        is_light = fullname == "pandas" and "gradio.caching" in sys.modules
        if not is_light and fullname != "gradio.component_meta":
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return spec
        if is_light:
            spec.loader = LazyLoader(spec.loader)
        else:
            spec.loader.exec_module = partial(_run_without_stubs, spec.loader.exec_module)  # type: ignore
        return spec


def _run_without_stubs(run: Callable[[ModuleType], None], module: ModuleType) -> None:
    run(module)
    module.create_or_modify_pyi = lambda *_: None  # type: ignore


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
