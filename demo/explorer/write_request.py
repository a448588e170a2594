"""How a text is to be written, as someone asked for it: checked like all that is sent."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from explorer.bundle_decoder import Decoder
from explorer.decoding.settings import STRATEGIES, Settings
from explorer.request import RequestError
from explorer.writing import LOOKS_AT


class Bounds(NamedTuple):
    """The least and the most that a setting may be."""

    least: float
    most: float


MAX_TOKENS = 128
"""One text at a time is written, and others wait."""

NUMBERS = {
    "temperature": Bounds(0.05, 5.0),
    "top_p": Bounds(0.01, 1.0),
    "repetition_penalty": Bounds(0.5, 5.0),
}
COUNTS = {
    "top_k": Bounds(0, 1000),
    "beams": Bounds(2, 6),
    "no_repeat_ngram": Bounds(0, 10),
    "max_tokens": Bounds(1, MAX_TOKENS),
    "seed": Bounds(0, 2**31 - 1),
}


def check_settings(
    values: Mapping[str, object], called: Mapping[str, str] = MappingProxyType({})
) -> Settings:
    """Raises RequestError: a setting is of the wrong type or outside its bounds.

    Args:
        called: what the sender knows the settings by, where that is not their name.
    """
    strategy = values.get("strategy", Settings().strategy)
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise RequestError(
            f"strategy is {strategy!r:.30}; expected one of {', '.join(STRATEGIES)}."
        )
    checked: dict[str, float] = {}
    for name, bounds in NUMBERS.items():
        if name in values:
            known = called.get(name, name)
            checked[name] = float(_check(known, values[name], bounds, whole=False))
    for name, bounds in COUNTS.items():
        if name in values:
            known = called.get(name, name)
            checked[name] = int(_check(known, values[name], bounds, whole=True))
    return Settings(strategy=strategy, **checked)  # type: ignore[arg-type]


def check_looks_at(value: object) -> str:
    """Raises RequestError: neither the source nor what was written."""
    if not isinstance(value, str) or value not in LOOKS_AT:
        raise RequestError(f"The map shows {value!r:.30}; expected {' or '.join(LOOKS_AT)}.")
    return value


def check_ids(ids: object, decoder: Decoder) -> list[int]:
    """The ids of a written text, as the page holds them. Raises RequestError."""
    most = min(decoder.max_tokens, MAX_TOKENS)
    if not isinstance(ids, list) or not 1 <= len(ids) <= most:
        raise RequestError(f"The written text is no list of 1 to {most} token ids.")
    size = decoder.vocabulary
    for index in ids:
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < size:
            raise RequestError(f"There is no token {index!r:.30}; this model has 0 to {size - 1}.")
    return ids


def _check(name: str, value: Any, bounds: Bounds, *, whole: bool) -> float:
    """A browser's number field sends 3 as 3 or as 3.0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and isinstance(value, float) and whole and value.is_integer():
        value = int(value)
    fits = number and (not whole or isinstance(value, int))
    # Comparisons with NaN are false, and a huge integer needs no conversion to be compared.
    if not (fits and bounds.least <= value <= bounds.most):
        kind = "a whole number" if whole else "a number"
        raise RequestError(
            f"{name} is {_short(value)}; expected {kind} from {bounds.least:g} to "
            f"{int(bounds.most) if whole else bounds.most}."
        )
    return value


def _short(value: object) -> str:
    """A value in words. An empty field is None, and Python refuses to print integers of more than
    4,300 digits."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return "more than 10^30" if value > 0 else "less than -10^30"
    if isinstance(value, float) and math.isnan(value):
        return "not a number"
    return "empty" if value is None else f"{value!r:.30}"
