"""JSON Lines, or one JSON array of objects, as a table; read strictly, like `csv_table.py`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from training.csv_table import Parsed

_SPACE = re.compile(r"[ \t\r\n]*")
_EXPECTED = "expected one object a line, or an array of objects"


class JsonTable:
    """The objects of a file, as rows; their keys are the columns."""

    note = ""

    def __init__(self, text: str) -> None:
        self._rows = list(_array(text) if _is_array(text) else _lines(text))

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
            raise ValueError(f"the key {key!r} twice in one object")
        found[key] = value
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
