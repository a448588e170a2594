"""Texts in a file, a line or a row each: what a page offers, and what a graph is measured on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.file_names import SUFFIXES
from training.readers.rows import Role
from training.readers.table_file import read_lines, read_rows, text_problem

Examples = tuple[Mapping[str, str], ...]

_PLAIN = (".txt", ".text", "")
_ROLES = (Role("text", named=False), Role("pair", ("text_pair",), required=False, named=False))
_EXPECTED = "expected a text a line (.txt), JSON Lines (.jsonl) or a CSV with a column text"


def read_texts(path: Path) -> Examples:
    """Each text, or pair, of a file: a text a line (.txt), or a table as the training reads them.

    A table is a CSV or TSV, JSON Lines or a JSON array, with a column `text` and, for pairs,
    `text_pair`; what else it has stays out.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is of another kind, a line is no text, or there is none; the line is named.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; {_EXPECTED}")
    kind = path.suffix.lower()
    if kind in SUFFIXES:
        found, _ = read_rows(path, _row, roles=_ROLES, given={}, of="texts")
    elif kind in _PLAIN:
        found = _plain_texts(path)
    else:
        raise ValueError(f"{path} ends in {kind}, which is not read; {_EXPECTED}")
    return tuple(found)


def _plain_texts(path: Path) -> list[dict[str, str]]:
    lines = read_lines(path)
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise ValueError(f"{path} has no text in {len(lines)} lines; expected one or more")
    if _is_json(texts[0]) or _is_json("\n".join(texts)):
        raise ValueError(
            f"{path} holds JSON, which would be shown as it is; call it .jsonl (an object a line) "
            "or .json (one array)"
        )
    return [{"text": text} for text in texts]


def _is_json(text: str) -> bool:
    """Whether it holds objects or texts; a number in brackets is a footnote's."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    inside = found if isinstance(found, list) else ()
    return isinstance(found, dict) or any(isinstance(one, dict | str) for one in inside)


def _row(values: Mapping[str, Any]) -> dict[str, str] | str:
    """A text or a pair, or what is wrong with it; an empty second text is none."""
    found = {"text": values.get("text"), "text_pair": values.get("pair")}
    if found["text_pair"] in (None, ""):
        del found["text_pair"]
    for name, text in found.items():
        if problem := text_problem(name, text):
            return problem
    return {name: str(text).strip() for name, text in found.items()}
