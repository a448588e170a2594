"""Numbers of an analysis as plain data, for widgets and programs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.perturbation import Answers
from explorer.bundle.bundle import Bundle
from explorer.ui.api import DIGITS


def plain(numbers: NDArray) -> list:
    """An array as nested lists, with None for NaN, which JSON does not know."""
    plain_numbers = numbers.astype(object)
    plain_numbers[np.isnan(numbers)] = None
    return plain_numbers.tolist()


def plain_log_odds(numbers: NDArray[np.float64], bundle: Bundle) -> list | None:
    """The same for log-odds and effects on them; None for a regression, whose numbers have none."""
    return None if bundle.problem_type == "regression" else plain(numbers)


def both(
    effects: NDArray[np.float64], log_odds_effects: NDArray[np.float64], bundle: Bundle
) -> list[dict[str, float | None]]:
    """Each effect on the probability, or a regression's number, and on the log-odds, under the
    names that widgets know."""
    log_odds = plain_log_odds(log_odds_effects, bundle) or [None] * len(effects)
    return [
        {"effect": effect, "log_odds_effect": other}
        for effect, other in zip(plain(effects), log_odds, strict=True)
    ]


def log_odds_of_label(answer: Answers, label: int) -> float | None:
    """Of one answer; None for a regression."""
    return None if answer.bundle.problem_type == "regression" else float(answer.log_odds[label])


def log_odds_by_label(answer: Answers) -> dict[str, float] | None:
    """Of one answer; None for a regression."""
    if answer.bundle.problem_type == "regression":
        return None
    return dict(zip(answer.bundle.labels, answer.log_odds.tolist(), strict=True))


def rounded_numbers(data: Any) -> Any:
    """Plain data for programs: its fractions rounded to `DIGITS`, all else as it is."""
    if isinstance(data, float):
        return round(data, DIGITS)
    if isinstance(data, dict):
        return {name: rounded_numbers(part) for name, part in data.items()}
    return [rounded_numbers(part) for part in data] if isinstance(data, list) else data
