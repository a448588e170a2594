"""Printing that neither ends nor fails a run, whatever stands behind stdout."""

import io
import os
import sys
from contextlib import suppress
from typing import Any

from tqdm import tqdm


def safe_streams() -> None:
    """For the start of a command: what stdout's encoding cannot show becomes a question mark.

    Redirected output is in cp1252 on Windows, and in ASCII under some services; a text in Polish
    or a "→" of ours would end the command. stderr is never strict. A stream that was closed before
    the start is None, and then takes what is written to it and drops it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open


def say(text: str) -> None:
    """Writes lines to stdout that stay, above a live bar.

    A log whose disk is full, or a pipe that nobody reads any more, is given up, and the work goes
    on: hours of it are worth more than the lines.
    """
    _write(text, sys.stdout)


def complain(text: str) -> None:
    """The same to stderr."""
    _write(text, sys.stderr)


def hand_over(text: str) -> None:
    """Writes a line that is a command's product, not its talk.

    Raises:
        OSError: it could not be written; nothing more will be.
    """
    try:
        print(text, flush=True)
    except OSError:
        _give_up(sys.stdout)
        raise


def _write(text: str, stream: Any) -> None:
    try:
        tqdm.write(text, file=stream)
        stream.flush()
    except OSError:
        _give_up(stream)


def _give_up(stream: Any) -> None:
    """Sends all that follows, and what Python writes at its end, nowhere."""
    with suppress(OSError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
