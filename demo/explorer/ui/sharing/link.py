"""A link to what the page shows: what stands after the `#` of its address, checked.

A browser keeps that part to itself, so that no server on the way has a reader's text in its log: it
comes to this one in the body of an event, as a text does that was typed. `web/link.js` writes
links. Whoever opens one did not write it, so nothing in it is trusted.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from explorer.bundle import Bundle, Decoder
from explorer.errors import RequestError
from explorer.inference.reading import Heads
from explorer.ui.checks import (
    COUNTS,
    LANGUAGES,
    NUMBERS,
    check_ablated,
    check_head,
    check_layer,
    check_looks_at,
    check_settings,
    check_switches,
    check_texts,
)
from explorer.ui.models import PageModels
from explorer.ui.wording import NO_NORMS
from explorer.writing.generation import SELF, WRITTEN
from explorer.writing.prompt import PromptModel

MOST_CHARACTERS = 2000
"""Of a whole address: chats, mail programs and servers cut longer ones."""

_TASKS = {"classify": "explain", "write": "write"}
_SWITCHES = ("words", "special_tokens", "by_norms", "log_scale")
_DIRECTIONS = ("from", "to")
_SETTINGS = ("strategy", "chat", *LANGUAGES, *NUMBERS, *COUNTS)
_SWITCHED: Mapping[str, bool] = {"true": True, "false": False}
_KNOWN = (
    "text", "text_pair", "model", "tab", "view", "without", "layer", "head", *_SWITCHES, "looks_at",
    "direction", "chosen", "place", *_SETTINGS,
)  # fmt: skip


class Link(NamedTuple):
    """What a link restores. The page remembers it as a JSON object."""

    title: str
    tab: str
    """`classify` or `write`."""
    view: str
    """Which part of the tab is open beside or instead of the maps, by its name there."""
    text: str
    text_pair: str
    without: list[list[int]]
    """The ablated heads, as pairs of layer and head that count from 1."""
    place: int | None
    """Which word or mask is asked about, from 1; unchecked, as it hangs on what is read."""
    state: dict[str, Any]
    """What the maps show: see `web/maps/README.md`."""
    settings: dict[str, Any]
    """How a text is written, where that is not as the page first has it: see `Settings`."""


def read_link(fragment: object, models: PageModels, views: Mapping[str, list[str]]) -> Link:
    """What a link means.

    Args:
        fragment: what stands after the `#`, as the browser sent it.
        views: the parts of each tab by their names, the maps first.

    Raises:
        RequestError: it is no link of this page, or says what the page or a model has not.
    """
    given = _fields(fragment)
    tab = _choice(given, "tab", list(views))
    if "model" not in given:
        raise RequestError(
            f"The link names no model; expected model=… with one of: {', '.join(models.by_title)}."
        )
    model = models.model(given["model"])
    models.check_task(model, _TASKS[tab])
    text, text_pair = check_texts(given.get("text", ""), given.get("text_pair", ""))
    without: Heads = ()
    if given.get("without") and not isinstance(model, PromptModel):
        without = check_ablated(_pairs(given["without"]), model)
    shown: Bundle | Decoder = model.bundle
    if tab == "write" and model.bundle.decoder and given.get("looks_at") != SELF:
        shown = model.bundle.decoder
    return Link(
        title=model.bundle.title,
        tab=tab,
        view=_choice(given, "view", views[tab]),
        text=text,
        text_pair=text_pair,
        without=[[layer + 1, head + 1] for layer, head in without],
        place=_whole_number(given, "place", "the number of a word or mask, from 1"),
        state=_state(given, shown, looks_at_itself=tab == "classify"),
        settings=_settings(given, tab, model.bundle.decoder),
    )


def _fields(fragment: object) -> dict[str, str]:
    """Its parts by their names, each at most once."""
    if not isinstance(fragment, str):
        raise RequestError(
            f"The link is of type {type(fragment).__name__}; expected what stands after # in an "
            "address."
        )
    if len(fragment) > MOST_CHARACTERS:
        raise RequestError(
            f"The link has more than {MOST_CHARACTERS:,} characters; expected one that this page "
            "made, which has no more."
        )
    try:
        pairs = parse_qsl(fragment, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:  # and UnicodeDecodeError
        raise RequestError(
            f"The link begins {fragment!r:.40}, and holds what is no name with a value; expected "
            "text=…&model=…, as this page writes it."
        ) from error
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in _KNOWN:
            raise RequestError(f"There is no {name!r:.30} in a link; it has {', '.join(_KNOWN)}.")
        if name in given:
            raise RequestError(f"The link says {name} twice; expected it once.")
        given[name] = value
    return given


def _state(
    given: Mapping[str, str], shown: Bundle | Decoder, *, looks_at_itself: bool
) -> dict[str, Any]:
    """What the maps are to show. What is not said stays as it is; `chosen` may lie beyond the text,
    which has other tokens under another model: the browser puts that right."""
    state: dict[str, Any] = {}
    for name, check in (("layer", check_layer), ("head", check_head)):
        if name in given:
            value = _number(given[name])
            check(value, shown)
            state[name] = value
    state |= check_switches(
        **{name: _SWITCHED.get(given[name], given[name]) for name in _SWITCHES if name in given}
    )
    if "looks_at" in given:
        own = looks_at_itself
        known = _choice(given, "looks_at", [SELF]) if own else check_looks_at(given["looks_at"])
        state["looks_at"] = known
    has_source = isinstance(shown, Decoder) and not shown.alone
    if state.get("by_norms") and has_source and state.get("looks_at") == WRITTEN:
        raise RequestError(NO_NORMS)
    if "direction" in given:
        state["direction"] = _choice(given, "direction", _DIRECTIONS)
    if "chosen" in given:
        state["chosen"] = _whole_number(given, "chosen", "a token's place, from 0")
    return state


def _settings(given: Mapping[str, str], tab: str, decoder: Decoder | None) -> dict[str, Any]:
    """Those that the link says."""
    said = {name: given[name] for name in _SETTINGS if name in given}
    if said and tab != "write":
        raise RequestError(
            f"The link says {next(iter(said))}, which is a setting of a text that is written; "
            "expected it with tab=write."
        )
    checked = check_settings(
        {
            name: _decimal(value) if name in NUMBERS | COUNTS else _SWITCHED.get(value, value)
            for name, value in said.items()
        },
        decoder,
    )
    return {name: getattr(checked, name) for name in said}


def _whole_number(given: Mapping[str, str], name: str, expected: str) -> int | None:
    """None if it is not said. Raises RequestError: it is no whole number."""
    if name not in given:
        return None
    value = _number(given[name])
    if not isinstance(value, int):
        raise RequestError(f"{name} is {given[name]!r:.30}; expected {expected}.")
    return value


def _choice(given: Mapping[str, str], name: str, known: Any) -> str:
    """One of the known values, the first if none is said."""
    value = given.get(name, next(iter(known)))
    if value not in known:
        expected = " or ".join(f'"{one}"' for one in known)
        raise RequestError(f"{name} is {value!r:.30}; expected {expected}.")
    return value


def _number(text: str) -> int | str:
    """A whole number of few digits as one; what is no such thing stays as it is."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text


def _decimal(text: str) -> float | int | str:
    """A number of few digits, as a browser writes one; what is no such thing stays as it is."""
    if re.fullmatch(r"[0-9]{1,10}", text):
        return int(text)
    return float(text) if re.fullmatch(r"[0-9]{1,10}\.[0-9]{1,20}", text) else text


def _pairs(text: str) -> list[list[int | str]]:
    """Heads as a link has them: 1.2-3.4 is head 2 of layer 1 and head 4 of layer 3."""
    return [[_number(part) for part in pair.split(".")] for pair in text.split("-")]
