"""Reads labelled texts from a CSV or JSON Lines file; every bad row is named by file and line.

Columns: `text`, `label`, and `text_pair` where two texts are judged together (a question and an
answer, a premise and a hypothesis). Other columns are ignored.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.rows import RawTexts, Row

SUFFIXES = (".csv", ".jsonl", ".json")
_LISTED = 20  # how many bad rows a message names

# A row, or the sentence that says what is wrong with it, behind the line it begins on.
Parsed = tuple[int, Mapping[str, Any] | str]


def read_table(path: Path) -> RawTexts:
    """All rows of a `.csv`, `.jsonl` or `.json` (one object a line) file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, not UTF-8, lacks a column, or has bad rows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; expected a CSV or JSON Lines file of texts")
    parse = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    rows, problems = [], []
    try:
        for line, parsed in parse(path):
            row = parsed if isinstance(parsed, str) else make_row(parsed)
            if isinstance(row, Row):
                rows.append(row)
            else:
                problems.append(f"{path}:{line}: {row}")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason}); save it as UTF-8") from error
    if problems:
        raise ValueError(_list_problems(path, problems, len(rows) + len(problems)))
    if not rows:
        raise ValueError(f"{path} has no rows; expected texts with their labels")
    title = path.stem.replace("_", " ").replace("-", " ").strip().capitalize()
    return RawTexts(
        name=path.name,
        title=title or path.name,
        licence=f"Texts: {path.name}; their licence is known to whoever gave them.",
        parts={"all": rows},
    )


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


def _csv_rows(path: Path) -> Iterator[Parsed]:
    csv.field_size_limit(2**31 - 1)  # a review may be longer than the module's 128 KiB
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        if missing := [name for name in ("text", "label") if name not in header]:
            raise ValueError(
                f"{path}:1: no column {' and no column '.join(missing)} (found: "
                f"{', '.join(header) or 'nothing'}); expected a first line like: text,label"
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
