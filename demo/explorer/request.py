"""What a reader or a program sent, checked before anything is computed from it.

The browser's own limits are no protection: whoever calls the server directly goes round them. So
every value is checked here, in the same way for the page and for the API.
"""

import unicodedata
from dataclasses import dataclass

from explorer.bundle import Bundle
from explorer.bundle_decoder import Decoder
from explorer.bundle_schema import MAX_CHARACTERS
from explorer.left_out import Heads
from explorer.map_choice import MAX, MEAN
from explorer.runner import Runner

ATTENTION, NORM_WEIGHTED = "attention", "norm_weighted"
"""How programs name the two kinds of weights."""


class RequestError(ValueError):
    """A request that cannot be answered, as a sentence for the person who sent it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """One text, or a pair, fit to be read."""

    text: str
    text_pair: str = ""


def check_texts(text: object, text_pair: object = "") -> Texts:
    """Raises RequestError: not a string, empty, nothing readable in it, or too long."""
    first = _check_text(text, "The text")
    second = _check_text("" if text_pair is None else text_pair, "The second text")
    if not first.strip():
        raise RequestError("There is no text yet. Write a sentence.")
    if not any(_is_visible(character) for character in first):
        raise RequestError(
            f"The text is {len(first)} characters long, but none of them can be seen: they are "
            "spaces or control characters. Write a sentence."
        )
    return Texts(text=first, text_pair=second if any(map(_is_visible, second)) else "")


def check_layer(layer: object, model: Bundle | Decoder) -> int | str:
    """A layer as people count, from 1, turned into one that counts from 0; or `MEAN` or `MAX`."""
    return _check_choice(layer, "layer", model.layers)


def check_head(head: object, model: Bundle | Decoder) -> int | str:
    """A head as people count, from 1, turned into one that counts from 0; or `MEAN` or `MAX`. If
    none is given, `MEAN`."""
    return _check_choice(MEAN if head is None else head, "head", model.heads)


def check_without(heads: object, runner: Runner) -> Heads:
    """Heads to leave out, as pairs of layer and head that people count from 1. None: no head."""
    if heads is None or heads == []:
        return ()
    model = runner.bundle
    check_masks_heads(runner)
    most = model.layers * model.heads
    if not isinstance(heads, list | tuple) or len(heads) > most:
        raise RequestError(
            f"The heads to leave out are {_shortly(heads)}; expected a list of at most {most} "
            "pairs of layer and head, such as [[1, 2]]."
        )
    return tuple(sorted({_check_pair(pair, model) for pair in heads}))


def check_masks_heads(runner: Runner) -> None:
    """Raises RequestError: the graph cannot leave heads out."""
    if not runner.masks_heads:
        raise RequestError(
            f"The graph of {runner.bundle.title} has no input head_mask, so no head can be left "
            "out. Export the model with export/to_onnx.py."
        )


def _check_pair(pair: object, model: Bundle) -> tuple[int, int]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise RequestError(
            f"There is no head {pair!r:.30}; expected a layer and a head, such as [1, 2]."
        )
    layer, head = pair
    layers = _check_number(layer, "layer", model.layers)
    return layers, _check_number(head, "head", model.heads)


def _shortly(heads: object) -> str:
    return f"a list of {len(heads)}" if isinstance(heads, list | tuple) else f"{heads!r:.30}"


def check_switch(value: object, name: str) -> bool:
    """Raises RequestError: neither true nor false."""
    if not isinstance(value, bool):
        raise RequestError(f"{name} is {value!r:.30}; expected true or false.")
    return value


def _check_text(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise RequestError(f"{name} is of type {type(text).__name__}; expected a string.")
    if len(text) > MAX_CHARACTERS:
        raise RequestError(
            f"{name} has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read. Shorten it."
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
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


def _check_choice(value: object, name: str, count: int) -> int | str:
    if isinstance(value, str) and value in (MEAN, MAX):
        return value
    return _check_number(value, name, count, also=f', "{MEAN}" and "{MAX}"')


def _check_number(value: object, name: str, count: int, also: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= count:
        raise RequestError(
            f"There is no {name} {value!r:.30}; this model has {name}s 1 to {count}{also}."
        )
    return value - 1
