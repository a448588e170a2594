"""Reads a text file line by line, as everything here does that takes one text or object a line."""

from pathlib import Path


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file without their ends; a byte order mark is no part of the first.

    A line ends at a line feed, with or without a carriage return before it, and at nothing else:
    `str.splitlines` also cuts at U+2028, U+0085 and eight more, which JSON and people put inside of
    texts.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte {error.start + 1}: {error.reason}); save it as UTF-8"
        ) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]
