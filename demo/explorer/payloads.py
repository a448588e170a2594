"""What the page's own widgets receive: JSON of plain values, which they show as text, never as
HTML."""

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer import sentences, write_sentences
from explorer.bundle import Bundle
from explorer.bundle_decoder import Decoder
from explorer.bundle_schema import Example
from explorer.labels import can_draw
from explorer.map_choice import MAX, MEAN
from explorer.reading import Reading, Token
from explorer.telling import telling_token
from explorer.view import MapView

MAX_BARS = 8


def facts(bundle: Bundle) -> dict[str, Any]:
    """What stands under the page's title, and at its foot."""
    names = " · ".join(bundle.labels[:MAX_BARS])
    more = len(bundle.labels) - MAX_BARS
    facts = [
        names + (f" and {more} more" if more > 0 else ""),
        f"{bundle.layers} layers × {bundle.heads} heads",
        write_sentences.sizes(bundle),
        sentences.which_graph(bundle.graph),
        sentences.accuracy(bundle),
        write_sentences.worth(bundle.decoder),
    ]
    does = {"classify": bundle.classifies, "write": bundle.writes}
    return {
        "title": bundle.title,
        "tabs": [tab for tab, has in does.items() if has],
        "facts": [fact for fact in facts if fact],
    }


def answer(reading: Reading, bundle: Bundle) -> dict[str, Any]:
    """The classes with their probabilities, the likeliest first; for a regression its numbers."""
    values = reading.probabilities
    order = np.argsort(-values, kind="stable")[:MAX_BARS]
    if bundle.problem_type == "regression":
        bars = [{"label": bundle.labels[i], "text": f"{values[i]:.3f}"} for i in order]
        return {"heading": "The model's number", "bars": bars, "more": len(values) - len(order)}
    bars = [
        {"label": bundle.labels[i], "text": in_percent(values[i]), "share": float(values[i])}
        for i in order
    ]
    several = bundle.problem_type == "multi_label"
    heading = "Probability of each class by itself" if several else "The model's answer"
    return {"heading": heading, "bars": bars, "more": len(values) - len(order)}


def in_percent(share: float) -> str:
    """A probability that a model gives, which is never none and never all."""
    if share < 0.0005:
        return "<0.1%"
    return ">99.9%" if share >= 0.9995 else f"{share:.1%}"


def tokens(
    reading: Reading, view: MapView, bundle: Bundle, chosen: int | None = None
) -> dict[str, Any]:
    """The tokens, or words, and a whole map, so that looking at another one needs no call to the
    server.

    Args:
        chosen: the one whose row is to be shown; None leaves it to the widget.
    """
    unit = view.queries.unit
    texts = "\0".join([bundle.title, reading.text, reading.text_pair, unit])
    return {
        "reading": zlib.crc32(texts.encode()),
        "name": view.name,
        "unit": unit,
        "pair": bool(reading.text_pair),
        "tokens": [chip(token, place) for place, token in enumerate(view.queries.whole)],
        "left_out": reading.tokens_left_out,
        **packed(view),
        "first": telling_token(view),
        "chosen": chosen,
    }


def chip(token: Token, place: int) -> dict[str, Any]:
    """A token or word as the widgets show it; `place` counts from 0."""
    return {
        "text": token.name,
        "piece": token.entry,
        "special": token.special,
        "continues": token.continues,
        "segment": token.segment,
        "number": "" if can_draw(token.label) else f"#{place + 1}",
    }


def packed(view: MapView) -> dict[str, Any]:
    """The numbers of a map. Weights are sent as 16-bit numbers, each row as parts of its largest:
    2 bytes a cell, at most 0.7 MB for 512 tokens."""
    tops = view.weights.max(axis=-1, initial=0)
    scaled = np.divide(
        view.weights, tops[:, None], out=np.zeros_like(view.weights), where=tops[:, None] > 0
    )
    rows = np.rint(scaled * 65535).astype("<u2")
    return {
        "queries": view.queries.indexes.tolist(),
        "keys": view.keys.indexes.tolist(),
        "rows": base64.b64encode(rows.tobytes()).decode(),
        "tops": tops.tolist(),
        "removed": view.removed.tolist(),
        "maximum": view.is_maximum,
    }


def examples(given: Sequence[Example]) -> list[dict[str, str]]:
    """The texts that a tab offers."""
    return [{"text": example.text, "text_pair": example.text_pair} for example in given]


def layer_choices(model: Bundle | Decoder) -> list[int | str]:
    """The layers that a control offers."""
    return [MEAN, MAX, *range(1, model.layers + 1)]


def head_choices(model: Bundle | Decoder) -> list[int | str]:
    """The heads that a control offers."""
    return [MEAN, MAX, *range(1, model.heads + 1)]
