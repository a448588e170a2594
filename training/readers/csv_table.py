"""A CSV file's rows, read strictly: nothing is repaired, and what is wrong has a line number.

A quote that was typed and not meant opens a field that runs on to the next one, over whole rows.
`csv` takes that for a text of many lines; here such a text is one only if its lines do not look
like rows.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from training.lines import counted, quoted

# A row, or the sentence that says what is wrong with it, behind the line it begins on.
Parsed = tuple[int, Mapping[str, Any] | str]


SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_NAMED = re.compile(
    r"sep=([^\"\r\n])\s*", re.IGNORECASE
)  # Excel's first line, where it is not a comma


_QUOTING = 'write a text that has quotes as "a ""quoted"" word"'


class CsvTable:
    """A CSV's columns and rows. Lines are numbered from 1, as editors do."""

    names: list[str]
    """The columns, as the first line has them."""
    separator: str
    problem: str
    """What is wrong with the first line; empty if nothing is."""

    def __init__(self, text: str, fits: Callable[[Sequence[str]], bool]) -> None:
        """Sees which separator it has: the one by which the first line's names fit.

        Args:
            text: all of the file.
            fits: whether these names are of the columns that are wanted.
        """
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
        """Every row, as its values by the names of their columns; empty rows are left out.

        Args:
            chosen: the columns that are wanted: what for -> the column's name.
        """
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
        """Whether the first column, and no other, lacks a name and holds numbers alone.

        pandas writes its index so.
        """
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
    """Whether a field that is not in quotes has one: `csv` takes it, strict or not.

    Args:
        raw: a row as it stands in the file.
        fields: what it was read as.
    """
    at = 0
    for field in fields:
        if raw.startswith('"', at):
            at += len(field) + field.count('"') + 3  # two quotes, doubled ones, the separator
        elif '"' in field:
            return True
        else:
            at += len(field) + 1
    return False
