"""The rows of a CSV, JSON or Parquet file, one after another: a table may be larger than memory.

A row that cannot be read is no reason to stop: it comes as a `BadRow`, which says where it stands
and what is wrong with it. A file that cannot be read at all is a `TableError`.
"""

import codecs
import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from bundle_format.typed_json import has_half_characters
from explorer.inference.tokens import is_visible

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
"""What a file is, by the end of its name."""
INSTALL = "pip install -r demo/requirements-report.txt"
ROLES = {"text": "--text-column", "text_pair": "--pair-column", "label": "--label-column"}
"""What columns are for, and the flags that name them."""
_GUESSES = {
    "text": ("sentence", "sentence1", "premise", "question", "content", "review"),
    "text_pair": ("pair",),
    "label": ("labels",),
}
"""What columns are called elsewhere, taken if one of these alone is there."""
_PARTNERS = {"sentence1": "sentence2", "premise": "hypothesis"}
"""Second texts that are known by the name of the first one."""
_LOOKED_AT = 1000
"""JSON objects whose keys are taken for the columns: later ones may lack some."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # UTF-32's begins with UTF-16's: it is asked first
_SHOWN = 60


class TableError(ValueError):
    """A table that cannot be read, or written, as a sentence."""


class Row(NamedTuple):
    """One text to be read."""

    number: int
    """From 1; bad rows count."""
    text: str
    text_pair: str
    label: str
    """As it stands in the table; empty where there is none."""

    @property
    def fingerprint(self) -> str:
        """Tells rows of other content apart: 16 hexadecimal digits."""
        content = json.dumps([self.text, self.text_pair, self.label])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class BadRow(NamedTuple):
    """A row that is left out."""

    number: int
    problem: str
    line: int | None = None
    """Where it begins in its file, from 1, if that has lines."""

    def describe(self) -> str:
        """Where it stands and what is wrong with it."""
        line = "" if self.line is None else f" (line {self.line})"
        return f"row {self.number}{line}: {self.problem}"


_Values = Mapping[str, Any] | str
"""Of a row by column, or what is wrong with it."""
_Placed = tuple[int | None, _Values]
"""Behind the line that the row begins on."""


class Table:
    """A file of rows, opened: its columns are chosen, its rows not read yet.

    Raises:
        TableError: there is no such file, it is of another kind, empty, or lacks a column.
    """

    def __init__(self, file: Path, given: Mapping[str, str] | None = None) -> None:
        """`given`: the columns that a person named, by their role in `ROLES`."""
        self.file, self.format = file, format_of(file)
        if not file.is_file():
            raise TableError(f"{file} is no file; expected a table of texts")
        self._open: Callable[[], Iterator[_Placed]]
        with _told(file):
            names = getattr(self, f"_prepare_{self.format}")(given or {})
        self.columns = choose_columns(names, given or {}, str(file))
        """Role -> the column's name in the table."""

    def rows(self) -> Iterator[Row | BadRow]:
        """All of them. Raises TableError: the file ends in the middle of a row, or is damaged."""
        with _told(self.file):
            for number, (line, values) in enumerate(self._open(), 1):
                yield _checked(number, line, values, self.columns)

    def _prepare_csv(self, given: Mapping[str, str]) -> Sequence[str]:
        csv.field_size_limit(2**31 - 1)  # a review may be longer than the module's 128 KiB
        encoding = _encoding(self.file)
        with self.file.open(encoding=encoding, newline="") as file:
            first = next((line for line in file if line.strip()), "")
        headers = {mark: next(csv.reader([first], delimiter=mark), []) for mark in ",;\t|"}

        def fitness(mark: str) -> tuple[bool, int]:
            try:
                return bool(choose_columns(headers[mark], given, "")), len(headers[mark])
            except TableError:
                return False, len(headers[mark])

        separator = max(headers, key=fitness)
        names = [name.strip() for name in headers[separator]]
        self._open = lambda: _csv_rows(self.file, encoding, separator, names)
        return names

    def _prepare_jsonl(self, given: Mapping[str, str]) -> Sequence[str]:
        encoding = _encoding(self.file)
        self._open = lambda: _json_rows(self.file, encoding)
        found = (values for _, values in islice(self._open(), _LOOKED_AT))
        return list(dict.fromkeys(key for one in found if isinstance(one, dict) for key in one))

    def _prepare_parquet(self, given: Mapping[str, str]) -> Sequence[str]:
        parquet = parquet_library()
        names = parquet.ParquetFile(self.file).schema_arrow.names
        self._open = lambda: _parquet_rows(parquet, self.file, list(self.columns.values()))
        return names


def format_of(file: Path) -> str:
    """`csv`, `jsonl` or `parquet`. Raises TableError: the name ends otherwise."""
    if file.suffix.lower() not in FORMATS:
        raise TableError(f"{file} is of no kind that is known; expected {', '.join(FORMATS)}")
    return FORMATS[file.suffix.lower()]


def parquet_library() -> Any:
    """`pyarrow.parquet`. Raises TableError: it is not installed."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise TableError(f"Parquet needs pyarrow, which is not installed: {INSTALL}") from error
    return parquet


def choose_columns(names: Sequence[str], given: Mapping[str, str], where: str) -> dict[str, str]:
    """The column of each role that has one. Case and white space around a name do not count; of a
    table with a single column, that is the text.

    Raises:
        TableError: the text's column, or one that was named, is not there or could be several.
    """
    if len(names) == 1 and not given:
        return {"text": names[0]}
    found: dict[str, str] = {}
    for role, flag in ROLES.items():
        if role in given:
            alike = _alike(names, [given[role]])
        else:
            partner = _PARTNERS.get(_plain(found.get("text", ""))) if role == "text_pair" else None
            others = [*_GUESSES[role], *([partner] if partner else [])]
            alike = _alike(names, [role]) or _alike(names, others)
        if len(alike) > 1:
            raise TableError(
                f"{where} has {len(alike)} columns that may be the {role}: {listed(alike)}; say "
                f"which it is with {flag}, or rename the others"
            )
        if alike:
            found[role] = alike[0]
        elif role == "text" or role in given:
            raise TableError(
                f"{where} has no column {shown(given.get(role, role))} (found: {listed(names)}); "
                f"say which it is with {flag}"
            )
    if len(set(found.values())) < len(found):
        raise TableError(f"{where}: one column is named for two things; name two columns")
    return found


def listed(names: Sequence[str]) -> str:
    """Names from outside, cut, with commas between them."""
    more = [f"and {len(names) - 10} more"] if len(names) > 10 else []
    return ", ".join([*(shown(name) for name in names[:10]), *more]) or "nothing"


def shown(value: object) -> str:
    """A value from outside on one line, cut."""
    return "nothing" if value is None else f"{value!r:.{_SHOWN}}"


def _alike(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    exact = [name for name in names if name in wanted]
    plain = {_plain(one) for one in wanted}
    return exact if len(exact) == 1 else [name for name in names if _plain(name) in plain]


def _plain(name: str) -> str:
    return name.strip().casefold()


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """To be entered around what reads a file: whatever goes wrong with it becomes a sentence."""
    try:
        yield
    except TableError:
        raise
    except UnicodeError as error:
        raise TableError(
            f"{file} is not in UTF-8, nor in what its mark says; save it as UTF-8 (in Excel: CSV "
            "UTF-8)"
        ) from error
    except (OSError, ValueError) as error:  # pyarrow's are these
        raise TableError(f"{file} cannot be read: {str(error)[:200]}") from error


def _encoding(file: Path) -> str:
    with file.open("rb") as opened:
        begin = opened.read(4)
    return next((name for mark, name in _MARKS if begin.startswith(mark)), "utf-8-sig")


def _csv_rows(file: Path, encoding: str, separator: str, names: list[str]) -> Iterator[_Placed]:
    with file.open(encoding=encoding, newline="") as opened:
        reader = csv.reader(opened, delimiter=separator, strict=True)
        header, ended = False, False
        while not ended:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if ended := "unexpected end of data" in str(error):
                    raise TableError(
                        f"{file}, line {line}: a quote opens in the row that begins here and never "
                        'closes; write a text that has quotes as "a ""quoted"" word"'
                    ) from error
                yield line, f'not CSV ({error}); write quotes as "a ""quoted"" word"'
                continue
            if len(fields) < 2 and not any(field.strip() for field in fields):
                continue  # an empty line is no row
            if not header:
                header = True
            elif len(fields) == len(names):
                yield line, dict(zip(names, fields, strict=True))
            else:
                found = f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
                yield line, f"{found}, expected {len(names)}; quote a text that has {separator!r}"


def _json_rows(file: Path, encoding: str) -> Iterator[_Placed]:
    with file.open(encoding=encoding, newline="\n") as opened:  # U+2028 ends no line
        begin = opened.read(1)
        while begin and begin.isspace():
            begin = opened.read(1)
        opened.seek(0)
        if begin == "[":
            yield from ((None, _object(value)) for value in json.load(opened))
            return
        for line, text in enumerate(opened, 1):
            if text.strip():
                try:
                    yield line, _object(json.loads(text))
                except (ValueError, RecursionError) as error:
                    yield line, f"not JSON ({str(error)[:80]}); expected one object a line"


def _object(value: object) -> _Values:
    known = isinstance(value, dict)
    return value if known else f"a JSON {type(value).__name__}; expected an object"  # type: ignore


def _parquet_rows(parquet: Any, file: Path, columns: list[str]) -> Iterator[_Placed]:
    with parquet.ParquetFile(file) as opened:
        for batch in opened.iter_batches(batch_size=1024, columns=columns):
            yield from ((None, values) for values in batch.to_pylist())


def _checked(
    number: int, line: int | None, values: _Values, columns: Mapping[str, str]
) -> Row | BadRow:
    if isinstance(values, str):
        return BadRow(number, values, line)
    found = {role: values.get(column) for role, column in columns.items()}
    text, pair, label = (found.get(role) for role in ROLES)
    label = "" if label is None or label != label else label  # NaN is not itself
    label = str(label) if isinstance(label, str | int | float) else label
    problems = [_text_problem("text", text)]
    if "text_pair" in found:
        problems.append(_text_problem("second text", pair))
    if not isinstance(label, str) or has_half_characters(label):
        problems.append(f"a label that is no word and no number (found {shown(label)})")
    for problem in filter(None, problems):
        return BadRow(number, problem, line)
    return Row(number, str(text), str(pair or ""), str(label).strip())


def _text_problem(name: str, value: object) -> str:
    """What is wrong with a value that should be a text; nothing if it is one."""
    if not isinstance(value, str):
        return f"no {name} (found {shown(value)})"
    if has_half_characters(value):
        return f"half of a character (a lone surrogate) in the {name}"
    if not value.strip() or not is_visible(value):
        return f"no {name}: nothing in it can be seen (found {shown(value)})"
    return ""


def counted_rows(rows: Iterable[Row | BadRow]) -> tuple[int, list[BadRow]]:
    """How many rows there are, and the bad ones."""
    total, bad = 0, []
    for one in rows:
        total += 1
        if isinstance(one, BadRow):
            bad.append(one)
    return total, bad
