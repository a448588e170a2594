"""Reads a text file line by line, as everything here does that takes one text or object a line."""

from pathlib import Path

from training.text_file import read_text


def read_lines(path: Path) -> list[str]:
    """The lines of a file without their ends; a byte order mark is no part of the first.

    A line ends at a line feed, with or without a carriage return before it, and at nothing else:
    `str.splitlines` also cuts at U+2028, U+0085 and eight more, which JSON and people put inside of
    texts.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8, nor what its mark says.
    """
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    return lines if lines[-1] else lines[:-1]
