"""What a text is answered with: one label, several labels at once, or a number.

A column `label` holds one, `labels` several (a JSON list, or names with `,`, `;` or `|` between),
`score` a number. Which kind it is, all rows decide together: labels that are numbers, and not all
whole, are no names either.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from training.cli import is_control, quoted
from training.model.config import NUMBER, ONE_LABEL, SEVERAL_LABELS
from training.readers.rows import LABELS, SCORE, Answer, Row

_BETWEEN = re.compile("[;,|]")


def read_answer(values: Mapping[str, Any]) -> Answer:
    """The answer of a row, from the column that it stands in; raises ValueError: it is none."""
    if SCORE.name in values:
        return _number(values[SCORE.name])
    if LABELS.name in values:
        return _several(values[LABELS.name])
    label = values.get("label")
    if isinstance(label, list):
        return _several(label)
    if isinstance(label, float) and math.isfinite(label):
        return str(int(label)) if label.is_integer() else label
    return _name(label)


def _name(label: object) -> str:
    if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
        raise ValueError(f"no label (found {shown(label)}); expected a word or a whole number")
    if any(map(is_control, str(label).strip())):
        raise ValueError(
            f"a label of several lines, or with control characters (found {shown(label)}); "
            "expected a word"
        )
    return str(label)


def _several(labels: object) -> tuple[str, ...]:
    """Each once, by the alphabet; there may be none."""
    if isinstance(labels, str):
        labels = [label for label in _BETWEEN.split(labels) if label.strip()]
    elif isinstance(labels, int) and not isinstance(labels, bool):
        labels = [labels]
    if not isinstance(labels, list):
        raise ValueError(
            f"no labels (found {shown(labels)}); expected a list of them, [] where none holds"
        )
    return tuple(sorted({_name(label).strip() for label in labels}))


def _number(score: object) -> float:
    try:
        found = math.nan if isinstance(score, bool) else float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"no score (found {shown(score)}); expected a number, such as 3.5")
    return found


def shown(value: object) -> str:
    """A value from outside, for a message."""
    return "nothing, or null" if value is None else quoted(value)


def settle_kind(parts: Mapping[str, list[Row]]) -> tuple[str, dict[str, list[Row]]]:
    """The problem type that all rows have together, and the rows with answers of its kind."""
    answers = [row.label for rows in parts.values() for row in rows]
    if any(isinstance(answer, tuple) for answer in answers):
        if all(isinstance(answer, tuple) and len(answer) == 1 for answer in answers):
            return ONE_LABEL, _changed(parts, lambda answer: answer[0])
        return SEVERAL_LABELS, _changed(parts, lambda a: a if isinstance(a, tuple) else (str(a),))
    if answers and _are_numbers(answers):
        return NUMBER, _changed(parts, float)
    return ONE_LABEL, _changed(parts, str)


def _are_numbers(answers: Iterable[Any]) -> bool:
    """All of a column of scores, or labels that can be no names: one of them is a fraction."""
    try:
        numbers = [float(answer) for answer in answers]
    except ValueError:
        return False
    all_scores = all(isinstance(answer, float) for answer in answers)
    whole = all(map(float.is_integer, filter(math.isfinite, numbers)))
    return all(map(math.isfinite, numbers)) and (all_scores or not whole)


def _changed(parts: Mapping[str, list[Row]], change: Any) -> dict[str, list[Row]]:
    return {
        part: [replace(row, label=change(row.label)) for row in rows]
        for part, rows in parts.items()
    }
