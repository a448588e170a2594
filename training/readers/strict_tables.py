"""A CSV's or JSON file's rows, read strictly: nothing is repaired; what is wrong has a line number.

In a CSV a quote that was typed and not meant opens a field that runs on to the next one, over whole
rows. `csv` takes that for a text of many lines; here such a text is one only if its lines do not
look like rows. JSON is an object a line, or one array of objects.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from training.cli import counted, listed, quoted

# A row, or the sentence that says what is wrong with it, behind the line it begins on.
Parsed = tuple[int, Mapping[str, Any] | str]
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Excel's first line, where the separator is not a comma.
_NAMED = re.compile(r"sep=([^\"\r\n])\s*", re.IGNORECASE)
_QUOTING = 'write a text that has quotes as "a ""quoted"" word"'


class CsvTable:
    """A CSV's columns and rows. Lines are numbered from 1, as editors do."""

    names: list[str]
    """The columns, as the first line has them."""
    separator: str
    problem: str
    """What is wrong with the first line; empty if nothing is."""

    def __init__(self, text: str, fits: Callable[[Sequence[str]], bool]) -> None:
        """Sees which separator the text has: the one by which the first line's names are fit."""
        csv.field_size_limit(2**31 - 1)  # a review may be longer than the module's 128 KiB
        self._lines = list(io.StringIO(text, newline=""))  # cut at \n, \r\n and \r, not at U+2028
        named = _NAMED.fullmatch(self._lines[0]) if self._lines else None
        self._header = 1 if named else 0
        while self._header < len(self._lines) and not self._lines[self._header].strip():
            self._header += 1
        separators = [named[1]] if named else list(SEPARATORS)
        headers = {separator: self._header_of(separator) for separator in separators}
        fitting = [separator for separator in separators if fits(headers[separator][0])]
        self.separator = fitting[0] if fitting else max(headers, key=lambda s: len(headers[s][0]))
        self.names, self.problem = headers[self.separator]
        if len(self.names) == 1 and any(separator in self.names[0] for separator in SEPARATORS):
            self.problem = (
                f"the names of the columns are one field ({quoted(self.names[0])}); a quote "
                "goes around each field, not around the line"
            )
        self._numbered = self._is_numbered()

    @property
    def note(self) -> str:
        """How it was read, where that is not what everybody expects."""
        name = SEPARATORS.get(self.separator, repr(self.separator))
        notes = [f"columns parted by {name}"] if self.separator != "," else []
        if self._numbered:
            notes.append("the first column numbers the rows, has no name, and is left out")
        return "; ".join(notes)

    def rows(self, chosen: Mapping[str, str]) -> Iterator[Parsed]:
        """Every row that is not empty, by the names of its columns; `chosen`: role -> column."""
        if not self.names:
            return  # an empty file
        begin = self._parse(self._header, self.separator)[1]
        are_rows = self._are_rows(begin, chosen)
        at = begin
        while at < len(self._lines):
            fields, after = self._parse(at, self.separator)
            if isinstance(fields, str) or any(field.strip() for field in fields):
                row = fields if isinstance(fields, str) else self._row(fields, at, after, are_rows)
                yield at + 1, row
                if isinstance(row, str):
                    after = at + 1  # what stands in the lines behind may be rows, or more to name
            at = after

    def _header_of(self, separator: str) -> tuple[list[str], str]:
        if len(self._lines) <= self._header:
            return [], ""
        found = self._parse(self._header, separator)[0]
        return ([], found) if isinstance(found, str) else ([name.strip() for name in found], "")

    def _parse(self, at: int, separator: str) -> tuple[list[str] | str, int]:
        """The fields of the row on line `at`, or what is wrong, and the first line after it."""
        lines = (self._lines[place] for place in range(at, len(self._lines)))
        reader = csv.reader(lines, delimiter=separator, strict=True)
        try:
            fields = next(reader, [])
        except csv.Error as error:
            if "end of data" in str(error):
                return f"a quote opens here and never closes; {_QUOTING}", at + 1
            last = at + reader.line_num
            return f"behind the quote that closes on line {last} stands no {separator!r}; " + (
                _QUOTING
            ), last
        after = at + reader.line_num
        if any('"' in field for field in fields):
            raw = "".join(self._lines[at:after])
            if _has_bare_quote(raw, fields):
                return f"a quote inside of a field that is not in quotes; {_QUOTING}", after
        return fields, after

    def _row(
        self, fields: list[str], at: int, after: int, are_rows: Callable[[list[str]], bool]
    ) -> Mapping[str, str] | str:
        """A row's values by their columns, or what is wrong with it."""
        if after - at > 1 and are_rows(self._lines[at:after]):
            return (
                f"a quote opens here and closes on line {after}, and the lines up to there look "
                f"like rows of their own; {_QUOTING}. A text that does hold such lines can be "
                "given as JSON Lines"
            )
        if len(fields) != len(self.names):
            parting = SEPARATORS.get(self.separator, repr(self.separator))
            found = counted(len(fields), "field")
            return f"{found}, expected {len(self.names)}; quote a text that has {parting}"
        for name, field in zip(self.names, fields, strict=True):
            if not name and field.strip() and not self._numbered:
                return f"a column without a name is not empty (found {quoted(field)}); name it"
        return dict(zip(self.names, fields, strict=True))

    def _is_numbered(self) -> bool:
        """Whether the first column alone has no name, and numbers alone: pandas' index."""
        if [at for at, name in enumerate(self.names) if not name] != [0] or len(self.names) < 2:
            return False
        begin = self._parse(self._header, self.separator)[1]
        return all(value.isdecimal() for value in self._column(begin, 0))

    def _are_rows(self, begin: int, chosen: Mapping[str, str]) -> Callable[[list[str]], bool]:
        """Whether lines that one row spans look like rows themselves.

        They do if two of them have a label that other rows have, or if all of them have as many
        fields as a row and no space behind a separator, as commas in prose have it and the first
        line has not.
        """
        spaced = f"{self.separator} " in self._lines[begin - 1]
        label = self.names.index(chosen["label"]) if "label" in chosen else None
        places = [self.names.index(name) for name in chosen.values()]
        known = set(self._column(begin, label)) if label is not None else set()

        def are_rows(lines: list[str]) -> bool:
            bare = (line.replace('"', "").rstrip("\r\n") for line in lines if line.strip())
            split = [line.split(self.separator) for line in bare]
            rows = [fields for fields in split if len(fields) == len(self.names)]
            labelled = label is not None and sum(row[label].strip() in known for row in rows) >= 2
            filled = all(row[at].strip() for row in rows for at in places)
            parted = spaced or not any(row[at][:1] == " " for row in rows for at in places)
            return labelled or (len(rows) == len(split) and filled and parted)

        return are_rows

    def _column(self, at: int, place: int) -> Iterator[str]:
        """All values of a column but empty ones, of rows that can be read."""
        while at < len(self._lines):
            fields, after = self._parse(at, self.separator)
            if isinstance(fields, str):
                after = at + 1
            elif len(fields) == len(self.names) and (value := fields[place].strip()):
                yield value
            at = after


def _has_bare_quote(raw: str, fields: Sequence[str]) -> bool:
    """Whether a field that is not in quotes in the `raw` row has one: `csv` takes it even so."""
    at = 0
    for field in fields:
        if raw.startswith('"', at):
            at += len(field) + field.count('"') + 3  # two quotes, doubled ones, the separator
        elif '"' in field:
            return True
        else:
            at += len(field) + 1
    return False


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
    lists = [
        key
        for key, values in row.items()
        if isinstance(values, list) and any(isinstance(value, dict | list) for value in values)
    ]
    if lists or all(isinstance(value, dict | list) for value in row.values()):
        return (
            f"one object holds all (in {listed([quoted(key) for key in lists or row])}); "
            f'{_EXPECTED}, as pandas writes it with orient="records"'
        )
    return ""


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
