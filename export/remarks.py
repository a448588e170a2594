"""Catches what libraries in C++ say on stderr, where Python's own redirection sees nothing."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def remarks() -> Iterator[list[str]]:
    """Inside the block nothing of this process reaches stderr; after it the list holds the lines.

    The whole process is redirected, so nothing else may want to speak at the same time.
    """
    lines: list[str] = []
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield lines
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            lines += caught.read().decode(errors="replace").splitlines()
