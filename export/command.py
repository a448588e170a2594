"""How every command of `export/` reads its flags and ends: with a code, and a sentence where it did
not go well."""

import argparse
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path

from training.cli import complain, kill_unwinds, safe_streams

DONE, FAILED, REFUSED, OUR_FAULT, STOPPED = 0, 1, 2, 3, 130
"""What a shell is told: a check failed; what was given, or the machine, does not allow it; the
program itself is wrong; Ctrl-C, or SIGTERM."""

_FROM_OUTSIDE = (OSError, ValueError, ArithmeticError, ImportError)
_READERS = ("onnx", "google.protobuf", "safetensors", "subprocess")
"""What files, disks, flags and broken graphs cause: Python's own errors, and those of libraries
that read what is given. Theirs share no class and are known by the module that they come from."""


def command_parser(
    script: str, description: str | None, epilog: str | None = None
) -> argparse.ArgumentParser:
    """A parser whose help keeps the lines of both texts."""
    return argparse.ArgumentParser(
        prog=script,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run_command(script: str, work: Callable[..., int], *given: object) -> int:
    """Does the work and gives its code; whatever stops it is told in a sentence on stderr.

    Args:
        script: the command's name.
        work: takes `given`, and gives `DONE` or `FAILED`.
    """
    safe_streams()
    try:
        with kill_unwinds():
            return work(*given)
    except KeyboardInterrupt:
        return _tell(script, "stopped; nothing was written", STOPPED)
    except RecursionError:
        return _tell(script, "a file is nested too deeply to be read; give another", REFUSED)
    except Exception as error:
        if _is_of_memory(error):
            advice = "give the machine more, or the model a lower --max-tokens"
            return _tell(script, f"there is not enough memory ({_line(error)}); {advice}", REFUSED)
        if isinstance(error, _FROM_OUTSIDE) or type(error).__module__.startswith(_READERS):
            return _tell(script, _sentence(error), REFUSED)
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(at.filename).name}, line {at.lineno}"
        said = f"stopped by a fault of its own: {type(error).__name__} in {place}: {_line(error)}"
        return _tell(script, f"{said}; please report it with the command", OUR_FAULT)


def _tell(script: str, sentence: str, code: int) -> int:
    complain(f"{script}: {sentence}")
    return code


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}; nothing was written"
    if isinstance(error, subprocess.CalledProcessError):
        lines = str(error.stderr or "").strip().splitlines() or ["it says nothing"]
        return f"a measurement failed: {' '.join(map(str, error.cmd[1:]))}: {lines[-1]}"
    return str(error) or type(error).__name__


def _line(error: Exception) -> str:
    """The first line that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no more said")


def _is_of_memory(error: Exception) -> bool:
    """Whether memory ran out: torch and onnxruntime have no class of their own for it on a CPU."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "allocate memory" in said or "bad_alloc" in said
