"""Reads a text file line by line, as everything here does that takes one text a line."""

import re
from pathlib import Path

from training.text_file import read_text

_END = re.compile(r"\r\n|\n|\r")


def read_lines(path: Path) -> list[str]:
    """The lines of a file without their ends; a byte order mark is no part of the first.

    A line ends at a line feed, a carriage return or both, as in a CSV, and at nothing else:
    `str.splitlines` also cuts at U+2028, U+0085 and six more, which people put inside of texts.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8, nor what its mark says.
    """
    lines = _END.split(read_text(path))
    return lines if lines[-1] else lines[:-1]
