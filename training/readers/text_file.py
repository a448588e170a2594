"""Reads a text file, whole or line by line, in the encodings that people's programs write."""

import codecs
import re
from pathlib import Path

# UTF-32's mark begins with UTF-16's: it is asked first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_LINE_END = re.compile(rb"\r\n|\n|\r")


def read_text(path: Path) -> str:
    """All of a file, line ends as they are; a byte order mark is no part of it.

    The encoding is UTF-8, or what the mark says: UTF-16 (Excel's "Unicode text"), or UTF-32.

    Raises:
        OSError: it cannot be read.
        ValueError: it is in another encoding; the byte and its line are named.
    """
    data = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise ValueError(
                f"{path} begins with the mark of {encoding.upper()} and is not {encoding.upper()} "
                f"(byte {error.start + 1}: {error.reason}); save it as UTF-8"
            ) from error
        # Its places are counted behind a mark, if there is one.
        before = data.removeprefix(codecs.BOM_UTF8)[: error.start]
        ends = [end.end() for end in _LINE_END.finditer(before)]
        place = len(before) - (ends[-1] if ends else 0) + 1
        raise ValueError(
            f"{path} is not UTF-8: byte {place} of line {len(ends) + 1} is "
            f"0x{error.object[error.start]:02X}; save it as UTF-8 (in Excel: CSV UTF-8)"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(
            f"{path}:{line}: a NUL character, which no text has; the file is damaged, or UTF-16 "
            "without a byte order mark. Save it as UTF-8"
        )
    return text


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
