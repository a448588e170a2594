"""Reads labelled texts, or pairs, from a CSV or JSON file; every bad row has its file and line.

Columns: `text`, `label`, and `text_pair` where two texts are judged together (a question and an
answer, a premise and a hypothesis). Other columns are ignored. Files may be in the encodings that
people's programs write.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.file_names import CSV_SUFFIXES
from training.readers.answers import read_answer, shown
from training.readers.rows import LABELLED, Made, RawTexts, Role, Row, choose_columns, other_names
from training.readers.strict_tables import CsvTable, JsonTable, Parsed

_LISTED = 20  # how many bad rows a message names
_ALIKE = 3  # the same where one cause has them all
_HEADLESS = ", or, if the first line is a row already, put a line with the columns' names before it"
_EMPTY = "an object without anything in it; expected the columns as its keys"
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair: JSON can write it, UTF-8 cannot
Problem = tuple[str, str]
"""Where a bad row stands, and what is wrong with it."""


def read_table(path: Path, given: Mapping[str, str] | None = None) -> RawTexts[Row]:
    """All labelled rows of a file, `given` its columns; raises what `read_rows` does."""
    expected = "texts with their labels"
    rows, notes = read_rows(path, make_row, roles=LABELLED, given=given or {}, of=expected)
    return RawTexts(
        name=path.name,
        title=title_of(path),
        licence=licence_of(path),
        parts={"all": rows},
        notes=notes,
    )


def read_rows(
    path: Path,
    make: Callable[[Mapping[str, Any]], Made | str],
    *,
    roles: Sequence[Role],
    given: Mapping[str, str],
    of: str | None,
    separated: bool | None = None,
) -> tuple[list[Made], tuple[str, ...]]:
    """What `make` makes of every row; it answers a bad row with a sentence.

    With it comes in words how it was read, where that is not what everybody expects.

    Args:
        path: a CSV, or JSON: an object a line, or an array of them.
        make: takes a row's values by their roles.
        roles: what columns are wanted for.
        given: the columns that a person named: role -> name.
        of: what rows are expected, for a message; None where there may be none.
        separated: whether it is a CSV; None lets the file's name say it.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read.
        ValueError: it is empty, in another encoding, lacks a column, or has bad rows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; expected a CSV or JSON Lines file of texts")
    text = read_text(path)
    separated = path.suffix.lower() in CSV_SUFFIXES if separated is None else separated
    table = CsvTable(text, _fitting(roles, given)) if separated else JsonTable(text)
    if isinstance(table, CsvTable) and table.problem:
        raise ValueError(f"{path}:1: {table.problem}")
    rows: list[Made] = []
    notes: tuple[str, ...] = ()
    if table.names:
        where, advice = (f"{path}:1", _HEADLESS) if separated else (str(path), "")
        chosen = choose_columns(table.names, roles, given, where, advice)
        rows, problems = make_rows(table.rows(chosen), chosen, make, lambda at: f"{path}:{at}")
        notes = tuple(filter(None, (table.note, other_names(chosen))))
    else:
        problems = [(f"{path}:{at}", str(row or _EMPTY)) for at, row in table.rows({})]
    if problems:
        raise ValueError(list_problems(str(path), problems, len(rows) + len(problems)))
    if not rows and of is not None:
        raise ValueError(f"{path} has no rows; expected {of}")
    return rows, notes


def make_rows(
    parsed_rows: Iterable[Parsed],
    chosen: Mapping[str, str],
    make: Callable[[Mapping[str, Any]], Made | str],
    where: Callable[[int], str],
) -> tuple[list[Made], list[Problem]]:
    """What `make` makes of rows, by the columns `chosen`, and the bad ones, named by `where`."""
    rows: list[Made] = []
    problems: list[Problem] = []
    for at, parsed in parsed_rows:
        row: Made | str = (
            parsed
            if isinstance(parsed, str)
            else make({role: parsed.get(column) for role, column in chosen.items()})
        )
        if isinstance(row, str):
            problems.append((where(at), row))
        else:
            rows.append(row)
    return rows, problems


def list_problems(of: str, problems: Sequence[Problem], total: int) -> str:
    """The bad rows of something, the first ones by name; fewer where one cause has them all."""
    alike = len({sentence.partition(" (found ")[0] for _, sentence in problems}) == 1
    most, why = (_ALIKE, " for the same cause") if alike else (_LISTED, "")
    lines = [f"{place}: {sentence}" for place, sentence in problems[:most]]
    if (rest := len(problems) - most) > 0:
        lines.append(f"... and {rest} more{why}")
    return "\n".join([f"{len(problems)} of {total} rows in {of} cannot be used:", *lines])


def title_of(path: Path) -> str:
    """A file's name as a title."""
    title = path.stem.replace("_", " ").replace("-", " ").strip().capitalize()
    return title or path.name


def licence_of(path: Path) -> str:
    """What can be said of a file's licence."""
    return f"Texts: {path.name}; their licence is known to whoever gave them."


def make_row(values: Mapping[str, Any]) -> Row | str:
    """A checked row, or the sentence that says what is wrong with it."""
    text, pair = values.get("text"), values.get("pair")
    if problem := text_problem("text", text):
        return problem
    try:
        answer = read_answer(values)
    except ValueError as error:
        return str(error)
    for name in (
        [answer] if isinstance(answer, str) else answer if isinstance(answer, tuple) else ()
    ):
        if problem := text_problem("label", name):
            return problem
    if "pair" in values and (problem := text_problem("text_pair", pair)):
        return f"{problem}; leave the column out where there is one text"
    return Row(str(text).strip(), answer, str(pair).strip() if pair else None)


def text_problem(name: str, text: object) -> str:
    """What is wrong with a value that should be a text; nothing if it is one."""
    if not isinstance(text, str) or not text.strip():
        return f"no {name} (found {shown(text)})"
    if _HALF.search(text):
        return f"{name} has half of a character (found {shown(text)}), which cannot be written"
    if "\0" in text:
        return f"{name} has a NUL character (found {shown(text)}), which no text has"
    return ""


def _fitting(roles: Sequence[Role], given: Mapping[str, str]) -> Callable[[Sequence[str]], bool]:
    def fits(names: Sequence[str]) -> bool:
        try:
            choose_columns(names, roles, given, "")
        except ValueError:
            return False
        return True

    return fits


# UTF-32's mark begins with UTF-16's: it is asked first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_END = r"\r\n|\n|\r"


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
        ends = [end.end() for end in re.finditer(_LINE_END.encode(), before)]
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


def read_lines(path: Path) -> list[str]:
    """The lines of a file without their ends; raises what `read_text` does.

    A line ends at a line feed, a carriage return or both, as in a CSV, and at nothing else:
    `str.splitlines` also cuts at U+2028, U+0085 and six more, which people put inside of texts.
    """
    lines = re.split(_LINE_END, read_text(path))
    return lines if lines[-1] else lines[:-1]
