"""Printing that does not end the program, whatever encoding stdout has."""

import io
import sys


def safe_streams() -> None:
    """Lets stdout show a question mark for what its encoding lacks; stderr is never strict.

    Redirected output is in cp1252 on Windows, and a bundle's title may be in any script.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
