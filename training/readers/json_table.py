"""JSON Lines, or one JSON array of objects, as a table; read strictly, like `csv_table.py`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from training.lines import listed, quoted
from training.readers.csv_table import Parsed

_SPACE = re.compile(r"[ \t\r\n]*")
_EXPECTED = "expected one object a line, or an array of objects"


class JsonTable:
    """The objects of a file, as rows; their keys are the columns."""

    note = ""

    def __init__(self, text: str) -> None:
        self._rows = _spread(text) or list(_array(text) if _is_array(text) else _lines(text))
        if len(self._rows) == 1:
            self._rows = [(at, _of_all_rows(row) or row) for at, row in self._rows]

    @property
    def names(self) -> list[str]:
        """All keys that an object has, as they come."""
        found = (values for _, values in self._rows if not isinstance(values, str))
        return list(dict.fromkeys(key for values in found for key in values))

    def rows(self, chosen: Mapping[str, str]) -> Iterator[Parsed]:
        """Every object, or what is wrong with it, and the line it begins on."""
        yield from self._rows


def _is_array(text: str) -> bool:
    """Whether one array holds all, and not an array each line."""
    begin = text.lstrip()
    if not begin.startswith("["):
        return False
    try:
        json.loads(begin.partition("\n")[0])
    except (ValueError, RecursionError):
        return True
    return "\n" not in begin.strip()


def _spread(text: str) -> list[Parsed]:
    """The row of a file that begins with an object over several lines; or nothing."""
    begin = _skip(text, 0)
    value, end = _decoded(text, begin) if text.startswith("{", begin) else (None, begin)
    if not isinstance(value, dict) or "\n" not in text[begin:end]:
        return []
    at = text.count("\n", 0, begin) + 1
    if not text[end:].strip():
        return [(at, value)]
    return [(at, f"an object that goes over several lines, and more behind it; {_EXPECTED}")]


def _of_all_rows(row: Mapping[str, Any] | str) -> str:
    """What is wrong with an only object that holds the table: its columns, or a list of rows."""
    if isinstance(row, str) or not row:
        return ""
    lists = [key for key, v in row.items() if isinstance(v, list) and v and not _are_words(v)]
    if lists or all(isinstance(value, dict | list) for value in row.values()):
        return (
            f"one object holds all (in {listed([quoted(key) for key in lists or row])}); "
            f'{_EXPECTED}, as pandas writes it with orient="records"'
        )
    return ""


def _are_words(values: list[Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


def _lines(text: str) -> Iterator[Parsed]:
    # A line ends at a line feed: U+2028 and U+0085 may stand inside of a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _row(_decoded(line.strip(), 0, whole=True)[0])


def _array(text: str) -> Iterator[Parsed]:
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        at = _skip(text, at)
        line, counted = line + text.count("\n", counted, at), at
        if text.startswith("]", at):
            if rest := text[at + 1 :].strip():
                yield line, f"not JSON: {rest[:30]!r} behind the array; {_EXPECTED}"
            return
        value, at = _decoded(text, at)
        yield line, _row(value)
        at = _skip(text, at)
        if isinstance(value, ValueError):
            return
        if text.startswith(",", at):
            at += 1
        elif not text.startswith("]", at):
            line += text.count("\n", counted, at)
            yield line, f"not JSON (no comma or ] behind an object); {_EXPECTED}"
            return


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _decoded(text: str, at: int, *, whole: bool = False) -> tuple[Any, int]:
    """A JSON value, and where it ends; or what is wrong, as a `ValueError`, and the text's end."""
    try:
        value, end = _DECODER.raw_decode(text, at)
        if whole and end != len(text):
            raise json.JSONDecodeError("something behind its end", text, end)
    except RecursionError:
        return ValueError("it is nested too deeply"), len(text)
    except json.JSONDecodeError as error:
        return ValueError(f"{error.msg}"), len(text)
    except ValueError as error:  # a key twice, or a number of thousands of digits
        return error, len(text)
    return value, end


def _row(value: Any) -> Mapping[str, Any] | str:
    if isinstance(value, ValueError):
        return f"not JSON ({value}); {_EXPECTED}"
    if not isinstance(value, dict):
        return f"a JSON {type(value).__name__}; {_EXPECTED}"
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {quoted(key)} twice in one object")
        found[key] = value
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
