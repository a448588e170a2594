"""Reads labelled texts from a CSV or JSON Lines file; every bad row is named by file and line.

Columns: `text`, `label`, and `text_pair` where two texts are judged together (a question and an
answer, a premise and a hypothesis). Other columns are ignored.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from training.rows import RawTexts, Row

SUFFIXES = (".csv", ".jsonl", ".json")
Made = TypeVar("Made")
_LISTED = 20  # how many bad rows a message names

# A row, or the sentence that says what is wrong with it, behind the line it begins on.
Parsed = tuple[int, Mapping[str, Any] | str]


def read_table(path: Path) -> RawTexts:
    """All rows of a `.csv`, `.jsonl` or `.json` (one object a line) file.

    Raises:
        FileNotFoundError, ValueError: as `read_rows`.
    """
    rows = read_rows(path, make_row, columns=("text", "label"), of="texts with their labels")
    return RawTexts(
        name=path.name,
        title=title_of(path),
        licence=licence_of(path),
        parts={"all": rows},
    )


def read_rows(
    path: Path,
    make: Callable[[Mapping[str, Any]], Made | str],
    *,
    columns: tuple[str, ...],
    of: str,
) -> list[Made]:
    """What `make` makes of every row; it answers a bad row with a sentence.

    Args:
        path: a `.csv`, `.jsonl` or `.json` file.
        make: takes a row's values by their columns.
        columns: those that a CSV must have.
        of: what rows are expected, for a message.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, not UTF-8, lacks a column, or has bad rows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; expected a CSV or JSON Lines file of texts")
    parsed_rows = _csv_rows(path, columns) if path.suffix.lower() == ".csv" else _json_rows(path)
    rows: list[Made] = []
    problems = []
    try:
        for line, parsed in parsed_rows:
            row = parsed if isinstance(parsed, str) else make(parsed)
            if isinstance(row, str):
                problems.append(f"{path}:{line}: {row}")
            else:
                rows.append(row)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason}); save it as UTF-8") from error
    if problems:
        raise ValueError(_list_problems(path, problems, len(rows) + len(problems)))
    if not rows:
        raise ValueError(f"{path} has no rows; expected {of}")
    return rows


def title_of(path: Path) -> str:
    """A file's name as a title."""
    title = path.stem.replace("_", " ").replace("-", " ").strip().capitalize()
    return title or path.name


def licence_of(path: Path) -> str:
    """What can be said of a file's licence."""
    return f"Texts: {path.name}; their licence is known to whoever gave them."


def make_row(values: Mapping[str, Any]) -> Row | str:
    """A checked row, or the sentence that says what is wrong with it."""
    text, label, pair = values.get("text"), values.get("label"), values.get("text_pair")
    if not isinstance(text, str) or not text.strip():
        return f"no text (found {text!r})"
    if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
        return f"no label (found {label!r}); expected a word or a whole number"
    if pair is not None and (not isinstance(pair, str) or not pair.strip()):
        return f"text_pair is empty (found {pair!r}); leave the column out where there is one text"
    return Row(text.strip(), str(label).strip(), pair.strip() if pair else None)


def _csv_rows(path: Path, columns: tuple[str, ...]) -> Iterator[Parsed]:
    csv.field_size_limit(2**31 - 1)  # a review may be longer than the module's 128 KiB
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        if missing := [name for name in columns if name not in header]:
            raise ValueError(
                f"{path}:1: no column {' and no column '.join(missing)} (found: "
                f"{', '.join(header) or 'nothing'}); expected a first line like: "
                + ",".join(columns)
            )
        begins = reader.line_num + 1
        for fields in reader:
            if fields and len(fields) != len(header):
                yield (
                    begins,
                    f"{len(fields)} fields, expected {len(header)}; quote a text that has commas",
                )
            elif fields:
                yield begins, dict(zip(header, fields, strict=True))
            begins = reader.line_num + 1


def _json_rows(path: Path) -> Iterator[Parsed]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
            except json.JSONDecodeError as error:
                yield number, f"not JSON ({error.msg}); expected one object a line"
                continue
            if isinstance(values, dict):
                yield number, values
            else:
                yield number, f"a JSON {type(values).__name__}; expected one object a line"


def _list_problems(path: Path, problems: list[str], total: int) -> str:
    rest = len(problems) - _LISTED
    listed = "\n".join(problems[:_LISTED]) + (f"\n... and {rest} more" if rest > 0 else "")
    return f"{len(problems)} of {total} rows in {path} cannot be used:\n{listed}"
