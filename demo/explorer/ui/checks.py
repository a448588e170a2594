"""What a reader or a program sent, checked before anything is computed from it.

The browser's own limits are no protection: whoever calls the server directly goes round them. So
every value is checked here, in the same way for the page and for the API.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from bundle_format.generation import MOST_BEAMS
from bundle_format.typed_json import has_half_characters
from bundle_format.values import MAX_CHARACTERS
from explorer.bundle import Bundle, Decoder
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Heads, numbered_layers
from explorer.maps.maps import MAX, MEAN
from explorer.writing.generation import LOOKS_AT
from explorer.writing.settings import STRATEGIES, Settings

Offered = TypeVar("Offered")

ATTENTION, NORM_WEIGHTED = "attention", "norm_weighted"
"""How programs name the two kinds of weights."""


def check_texts(text: object, text_pair: object = "") -> tuple[str, str]:
    """One text, or a pair, fit to be read. Raises RequestError: not a string, empty, nothing
    readable in it, or too long."""
    first = _check_text(text, "The text")
    second = _check_text("" if text_pair is None else text_pair, "The second text")
    if not first.strip():
        raise RequestError("There is no text yet. Write a sentence.")
    if not any(_is_visible(character) for character in first):
        raise RequestError(_none_seen(len(first)))
    return first, second if any(map(_is_visible, second)) else ""


def _none_seen(characters: int) -> str:
    if characters == 1:
        return (
            "The text is 1 character long, which cannot be seen: it is a space or a control "
            "character. Write a sentence."
        )
    return (
        f"The text is {characters:,} characters long, but none of them can be seen: they are "
        "spaces or control characters. Write a sentence."
    )


def check_layer(layer: object, model: Bundle | Decoder) -> int | str:
    """A layer that has maps, as people count, from 1, turned into one that counts from 0; or `MEAN`
    or `MAX`, where all have."""
    if len(model.map_layers) == model.layers:
        return _check_choice(layer, "layer", model.layers)
    exported = f"exported with the maps of {numbered_layers(model.map_layers)} alone"
    chosen = _check_choice(layer, "layer", model.layers, offered=f" and was {exported}")
    if chosen in model.map_layers:
        return chosen
    wanted = "none over all layers" if isinstance(chosen, str) else f"none of layer {chosen + 1}"
    raise RequestError(f"This model was {exported}, so there is {wanted}.")


def check_head(head: object, model: Bundle | Decoder) -> int | str:
    """A head as people count, from 1, turned into one that counts from 0; or `MEAN` or `MAX`. If
    none is given, `MEAN`."""
    return _check_choice(MEAN if head is None else head, "head", model.heads)


def check_ablated(heads: object, model: EncoderModel) -> Heads:
    """Heads to ablate, as pairs of layer and head that people count from 1. None: no head."""
    if heads is None or heads == []:
        return ()
    bundle = model.bundle
    model.check_can_ablate()
    most = bundle.layers * bundle.heads
    if not isinstance(heads, list | tuple) or len(heads) > most:
        given = f"a list of {len(heads)}" if isinstance(heads, list | tuple) else f"{heads!r:.30}"
        raise RequestError(
            f"The heads to ablate are {given}; expected a list of at most {most} pairs of layer "
            "and head, such as [[1, 2]]."
        )
    return tuple(sorted({_check_pair(pair, bundle) for pair in heads}))


def _check_pair(pair: object, model: Bundle) -> tuple[int, int]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise RequestError(
            f"There is no head {pair!r:.30}; expected a layer and a head, such as [1, 2]."
        )
    layer, head = pair
    layers = _check_number(layer, "layer", model.layers)
    return layers, _check_number(head, "head", model.heads)


def check_switches(**given: Any) -> dict[str, bool]:
    """Switches by their names. Raises RequestError: one is neither true nor false."""
    for name, value in given.items():
        if not isinstance(value, bool):
            raise RequestError(f"{name} is {value!r:.30}; expected true or false.")
    return given


def _check_text(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise RequestError(f"{name} is of type {type(text).__name__}; expected a string.")
    if len(text) > MAX_CHARACTERS:
        raise RequestError(
            f"{name} has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read. Shorten it."
        )
    if has_half_characters(text):
        raise RequestError(
            f"{name} holds half of a character (a lone surrogate). Copy it again from its source."
        )
    return text


def _is_visible(character: str) -> bool:
    """Neither white space (Z) nor a control or format character (C)."""
    return unicodedata.category(character)[0] not in "ZC"


def check_kind(value: object) -> bool:
    """Whether a program asks for weights that are multiplied by norms. Raises RequestError."""
    if value not in (ATTENTION, NORM_WEIGHTED):
        raise RequestError(f'kind is {value!r:.30}; expected "{ATTENTION}" or "{NORM_WEIGHTED}".')
    return value == NORM_WEIGHTED


def _check_choice(
    value: object, name: str, count: int, offered: str = f', "{MEAN}" and "{MAX}"'
) -> int | str:
    """Args: offered: beside the numbers, where it is none of them."""
    if isinstance(value, str) and value in (MEAN, MAX):
        return value
    return _check_number(value, name, count, also=offered)


def _check_number(value: object, name: str, count: int, also: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= count:
        raise RequestError(
            f"There is no {name} {value!r:.30}; this model has {name}s 1 to {count}{also}."
        )
    return value - 1


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
    "beams": Bounds(2, MOST_BEAMS),
    "no_repeat_ngram": Bounds(0, 10),
    "max_tokens": Bounds(1, MAX_TOKENS),
    "seed": Bounds(0, 2**31 - 1),
}
LANGUAGES = ("source_language", "target_language")


def first_settings(decoder: Decoder | None) -> Settings:
    """How a text is written where nobody asks for anything else: as the `generation_config.json` of
    the bundle has it, which is read as `generate` reads it, within the bounds of this page."""
    if decoder is None:
        return Settings()
    said, wanted = decoder.settings, dict[str, Any]()
    if said.num_beams and said.num_beams > 1:
        wanted = {"strategy": "beam", "beams": said.num_beams}
    elif said.do_sample:
        # What `generate` takes where the file has none.
        wanted = {"strategy": "sample", "top_k": 50}
    longest = said.max_new_tokens
    if not longest and said.max_length and not decoder.alone:
        longest = said.max_length - 1
    known = {
        "temperature": said.temperature, "top_k": said.top_k, "top_p": said.top_p,
        "repetition_penalty": said.repetition_penalty,
        "no_repeat_ngram": said.no_repeat_ngram_size, "max_tokens": longest or None,
    }  # fmt: skip
    wanted |= {name: value for name, value in known.items() if value is not None}
    for name, (least, most) in (NUMBERS | COUNTS).items():
        if name in wanted:
            wanted[name] = min(max(wanted[name], least), most)
            wanted[name] = (int if name in COUNTS else float)(wanted[name])
    languages = decoder.languages
    source, target = (languages.source, decoder.target_language) if languages else ("", "")
    return Settings(**wanted, source_language=source, target_language=target)


def check_settings(
    values: object,
    decoder: Decoder | None = None,
    called: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """Settings by their names, of which some alone may be said. Raises RequestError: one is of the
    wrong type or outside its bounds.

    Args:
        decoder: what is to write; what is not said is as its bundle has it.
        called: what the sender knows the settings by, where that is not their name.
    """
    first = first_settings(decoder)
    if values is None:
        return first
    if not isinstance(values, Mapping):
        raise RequestError(f"The settings are {values!r:.30}; expected them by their names.")
    strategy = values.get("strategy", first.strategy)
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise RequestError(
            f"strategy is {strategy!r:.30}; expected one of {', '.join(STRATEGIES)}."
        )
    checked: dict[str, float] = {}
    for name, bounds in (NUMBERS | COUNTS).items():
        if name in values:
            whole, known = name in COUNTS, called.get(name, name)
            checked[name] = (int if whole else float)(
                _check(known, values[name], bounds, whole=whole)
            )
    chat = check_switches(chat=values.get("chat", True))
    languages = {
        name: _check_language(values.get(name), decoder) or getattr(first, name)
        for name in LANGUAGES
    }
    return replace(first, strategy=strategy, **chat, **languages, **checked)  # type: ignore[arg-type]


def _check_language(value: object, decoder: Decoder | None) -> str:
    """The code of a language; empty if none is said."""
    if value is None or value == "":
        return ""
    known = decoder.languages.tokens if decoder and decoder.languages else {}
    if isinstance(value, str) and value in known:
        return value
    some, more = list(known)[:20], max(len(known) - 20, 0)
    names = ", ".join([*some, *([f"and {more} more"] if more else [])])
    raise RequestError(
        f"There is no language {value!r:.30}; this model has {names or 'none to choose from'}."
    )


def unusual_settings(settings: Settings, decoder: Decoder | None = None) -> dict[str, Any]:
    """Those that are not as the page first has them, by their names: what a browser remembers."""
    first, own = asdict(first_settings(decoder)), asdict(settings)
    return {name: value for name, value in own.items() if value != first[name]}


def check_looks_at(value: object) -> str:
    """Raises RequestError: none of `LOOKS_AT`."""
    if not isinstance(value, str) or value not in LOOKS_AT:
        *others, last = LOOKS_AT
        raise RequestError(f"The map shows {value!r:.30}; expected {', '.join(others)} or {last}.")
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


def check_example(index: object, examples: Sequence[Offered]) -> Offered:
    """The one that was chosen among the examples of a bundle. Raises RequestError."""
    if type(index) is not int or not 0 <= index < len(examples):
        raise RequestError(f"There is no example {index!r:.30}; this bundle has {len(examples)}.")
    return examples[index]
