"""Reads JSON into frozen dataclasses, which are its schema, and writes them back.

A field's type says what its value must be, rules in `Annotated` say within which bounds. A field
without a default must be there; null counts as not there. A class with a field `more` keeps there,
and writes again, what it does not know; one without refuses it. A field `from_` is called `from`,
which Python keeps for itself. `__post_init__` may raise `WrongJson` where fields contradict each
other.
"""

import json
import math
import re
import reprlib
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

DEEPEST = 32
"""Levels of free-form content; more are a mistake, or meant to exhaust who walks them."""
_LARGEST_INTEGER = 2**64
_Kind = TypeVar("_Kind")


class WrongJson(ValueError):
    """What a JSON text has, where, and what was expected: the end of a sentence, of bounded length.
    Its beginning is the name of the file."""


@dataclass(frozen=True)
class Rule:
    """What must hold of a value beside its type."""

    words: str
    """As in "expected an integer {words}"."""
    fault: Callable[[Any], str | None]
    """What is wrong with a value, as a reader would recognise it; None if it holds."""


def within(least: float, most: float) -> Rule:
    """A number from `least` to `most`, both included."""
    words = f"from {least:,} to {most:,}"
    return Rule(words, lambda number: None if least <= number <= most else repr(number))


def long(least: int, most: int) -> Rule:
    """A string, an array or an object of so many characters or items."""

    def fault(value: Any) -> str | None:
        fits = least <= len(value) <= most
        return None if fits else f"{_shortly(value)} ({len(value):,} long)"

    return Rule(f"of length {least:,} to {most:,}", fault)


def matching(pattern: str, words: str) -> Rule:
    """A string that a pattern matches as a whole."""
    return Rule(words, lambda text: None if re.fullmatch(pattern, text) else repr(text))


def _hidden(text: str) -> str | None:
    seen = any(unicodedata.category(character)[0] not in "ZC" for character in text)
    return None if seen else repr(text)


VISIBLE = Rule("with something to see in it", _hidden)
"""A string that is more than white space, control and format characters."""


def _repeated(items: Iterable[Any]) -> str | None:
    seen: set[Any] = set()
    for item in items:
        if item in seen:
            return f"{_shortly(item)} twice"
        seen.add(item)
    return None


DIFFERENT = Rule("with no item twice", _repeated)
"""An array in which nothing stands twice."""


def load_object(content: bytes) -> dict[str, Any]:
    """The JSON object of a file; stricter than `json.loads`: no NaN, no name twice.

    Raises:
        WrongJson: it is no JSON, nested beyond all use, or no object.
    """
    try:
        found = json.loads(
            content.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise WrongJson("is nested too deeply to be read; expected JSON of a few levels") from error
    except ValueError as error:
        raise WrongJson(f"is not readable as JSON ({str(error)[:120]})") from error
    if not isinstance(found, dict):
        raise WrongJson(f"holds a JSON {type(found).__name__}; expected an object")
    return found


def read_object(kind: type[_Kind], value: object, place: str = "") -> _Kind:
    """A JSON object as a dataclass.

    Args:
        place: where it stands, for messages: "" for a whole file, else a path of names.

    Raises:
        WrongJson: a value is missing, of another type, or against a rule.
    """
    if not isinstance(value, Mapping):
        raise _wrong(kind, _shortly(value), place)
    hints = get_type_hints(kind, include_extras=True)
    known = {_called(one): one for one in fields(kind) if one.name != "more"}  # type: ignore[arg-type]
    given = {}
    for name, one in known.items():
        if (item := value.get(name)) is not None:
            given[one.name] = _read(hints[one.name], item, _inside(place, name))
        elif _required(one):
            raise _wrong(hints[one.name], "nothing", _inside(place, name))
    others = {name: item for name, item in value.items() if name not in known}
    if "more" in hints:
        given["more"] = _sound(others, place)
    elif others:
        first, names = _shortly(next(iter(others))), ", ".join(known)
        raise WrongJson(f"has {first} in {place[:80]}; expected only {names}")
    return kind(**given)


def as_json(value: Any) -> Any:
    """The inverse of `read_object`, of any value; leaves out what is as by default."""
    if is_dataclass(value):
        content = {}
        for one in fields(value):
            item = getattr(value, one.name)
            if one.name != "more" and (_required(one) or item != _default(one)):
                content[_called(one)] = as_json(item)
        return content | as_json(getattr(value, "more", {}))
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


def _read(kind: Any, value: object, place: str, wanted: Any = None) -> Any:
    """A value of the type `kind`, converted and checked; `wanted` is that type with its rules."""
    origin, parts, wanted = get_origin(kind), get_args(kind), wanted or kind
    if origin is Annotated:
        found = _read(parts[0], value, place, kind)
        for rule in parts[1:]:
            if fault := rule.fault(found):
                raise _wrong(kind, fault, place)
        return found
    if origin in (Union, UnionType):
        return _read_any([part for part in parts if part is not NoneType], value, place)
    if origin is Literal:
        if not any(type(value) is type(one) and value == one for one in parts):
            raise _wrong(wanted, _shortly(value), place)
        return value
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_read(parts[0], item, f"{place}[{i}]") for i, item in enumerate(value))
    if origin is Mapping and isinstance(value, Mapping):
        return {
            _read(parts[0], name, place): _read(parts[1], item, _inside(place, name))
            for name, item in value.items()
        }
    if is_dataclass(kind):
        return read_object(kind, value, place)  # type: ignore[arg-type]
    return _scalar(kind, value, place, wanted)


def _read_any(kinds: list[Any], value: object, place: str) -> Any:
    """A value of the first type that it is of; None, which is in a union, does not come here."""
    for kind in kinds:
        try:
            return _read(kind, value, place)
        except WrongJson as error:
            last = error
    if isinstance(value, list | tuple | Mapping):  # what is wrong is inside
        raise last
    words = " or ".join(map(_words, kinds))
    raise WrongJson(f"has {_shortly(value)} as {place[:80]}; expected {words[:160]}")


def _scalar(kind: Any, value: Any, place: str, wanted: Any) -> Any:
    """A string without NUL and lone surrogates, a truth value, or a number, which is none."""
    if kind is str and isinstance(value, str):
        return _sound_text(value, place)
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is bool and isinstance(value, bool):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer may be too large for a float; of NaN no comparison holds.
    if kind is float and number and abs(value) <= sys.float_info.max:
        return float(value)
    raise _wrong(wanted, _shortly(value), place)


def _sound(value: Any, place: str, deepest: int = DEEPEST) -> Any:
    """Free-form content that any reader can take: finite, of few levels, in whole characters."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _sound_text(value, place)
    if isinstance(value, int | float):
        if abs(value) < (_LARGEST_INTEGER if isinstance(value, int) else math.inf):
            return value
        raise WrongJson(f"has {_shortly(value)} as {place[:80]}; expected a finite number")
    if deepest == 0:
        raise WrongJson(f"is more than {DEEPEST} levels deep at {place[:80]}; expected fewer")
    if isinstance(value, Mapping):
        return {
            _sound_text(name, place): _sound(item, _inside(place, name), deepest - 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_sound(item, f"{place}[{i}]", deepest - 1) for i, item in enumerate(value)]
    raise WrongJson(f"has a {type(value).__name__} as {place[:80]}; expected what JSON knows")


def has_half_characters(text: str) -> bool:
    """Whether there are lone surrogates in a text, which no tokenizer takes and no file holds."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _sound_text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise WrongJson(f"has the name {_shortly(value)} in {place[:80]}; expected a string")
    if "\0" in value or has_half_characters(value):
        raise WrongJson(
            f"has {_shortly(value)} as {place[:80]}; expected a string without NUL and without "
            "half characters (lone surrogates)"
        )
    return value


def _called(one: Field[Any]) -> str:
    return one.name.removesuffix("_")


def _required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _inside(place: str, name: object) -> str:
    # Names come from outside: one that is long or breaks a line would do so in every message.
    shown = str(name) if str(name).isprintable() else repr(name)
    return f"{place}.{shown[:60]}" if place else shown[:60]


def _wrong(kind: Any, found: str, place: str) -> WrongJson:
    return WrongJson(f"has {found[:80]} as {place[:80]}; expected {_words(kind)[:160]}")


_NAMES = {str: "a string", int: "an integer", float: "a finite number", bool: "true or false"}


def _words(kind: Any) -> str:
    """What a type expects, in words."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return " ".join([_words(parts[0]), *(rule.words for rule in parts[1:])])
    if origin in (Union, UnionType):
        return _words(parts[0])
    if origin is Literal:
        return f"{'one of ' if len(parts) > 1 else ''}{', '.join(map(str, parts))}"
    return "an array" if origin is tuple else _NAMES.get(kind, "an object")


def _shortly(value: object) -> str:
    """A value as a reader would recognise it, cut in breadth and depth."""
    if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
        return "an integer of more than 64 bits"
    return _CUT.repr(list(value) if isinstance(value, tuple) else value)[:80]


_CUT = reprlib.Repr()
_CUT.maxstring, _CUT.maxlevel = 60, 3


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := _repeated(name for name, _ in pairs):
        raise ValueError(f"the name {twice} in one object")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
