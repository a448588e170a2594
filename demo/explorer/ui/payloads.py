"""What the page's own widgets receive: JSON of plain values, which they show as text, never as
HTML.
"""

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.analyses.noise import Corruption, grade
from explorer.bundle.bundle import Bundle, Decoder
from explorer.bundle.schema import Example
from explorer.drawing.geometry import can_draw
from explorer.inference.encoder import Reading
from explorer.inference.generator import Generation
from explorer.inference.tokens import Token, own_words
from explorer.maps.axes import MAX, MEAN, Axis, place_of
from explorer.maps.rollout import QUERY, RolloutView
from explorer.maps.view import MapView, first_step, first_token
from explorer.ui import sentences, write_sentences
from explorer.ui.models import WriteSelected
from explorer.ui.write_sources import Source, corruptions_of

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
        "first": first_token(view),
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


def rollout_payload(reading: Reading, view: RolloutView) -> dict[str, Any]:
    """What `web/rollout.js` draws."""
    whole = view.axis.whole
    return {
        "unit": view.axis.unit,
        "query": whole[QUERY].name,
        "layers": len(reading.weights),
        "tokens": [chip(token, place) for place, token in enumerate(whole)],
        "shown": view.axis.indexes.tolist(),
        "rows": [[round(share, 4) for share in row] for row in view.shares.tolist()],
        "removed": view.removed.tolist(),
        "entropies": view.entropies.tolist(),
    }


def written(
    selected: WriteSelected, *, busy: bool = False, chosen: int | None = None
) -> dict[str, Any]:
    """The written tokens, or words, with their candidates, what they may look at, and the map.

    Args:
        busy: more is to come.
        chosen: the one whose row is to be shown; None leaves it to the widget.
    """
    generation, looks_at, view = selected.generation, selected.looks_at, selected.view
    unit = view.queries.unit
    texts = "\0".join([selected.model.bundle.title, generation.source.text, unit])
    return {
        "source": zlib.crc32(texts.encode()),
        "busy": busy,
        "state": write_sentences.state(generation, selected.generator.decoder, busy=busy),
        "text": generation.text,
        "name": view.name,
        "unit": unit,
        "looks_at": looks_at,
        "tokens": _written(generation, view.queries),
        "key_tokens": [chip(token, place) for place, token in enumerate(view.keys.whole)],
        **packed(view),
        "first": place_of(view.queries, first_step(generation)),
        "repair": None if busy else repair(selected),
        "chosen": chosen,
    }


def mark(source: Source, mask: str, *, asked: bool = False) -> dict[str, Any]:
    """What `web/spoiled.js` shows below a source: what was spoiled of it; nothing where it was not
    spoiled here.

    Args:
        asked: a reader wanted it spoiled, and is told if it could not be.
    """
    if source.text == source.clean:
        return {"sentence": write_sentences.UNSPOILED, "pieces": []} if asked else {}
    pieces = _pieces(source.clean, corruptions_of(source, mask))
    return {"sentence": write_sentences.SPOILED, "pieces": pieces}


def repair(selected: WriteSelected) -> dict[str, Any] | None:
    """The clean sentence of a source that was spoiled here, and once the text has come to its end,
    what was mended. None for any other source."""
    if selected.spoiled is None:
        return None
    generation, clean, found = selected.generation, selected.spoiled.clean, None
    corruptions = corruptions_of(selected.spoiled, selected.model.mask)
    if generation.finished:
        words = [word.text for word in own_words(generation.tokens)]
        found = grade(corruptions, selected.generator.spelled(clean), words)
    return {
        "sentence": write_sentences.graded(found),
        "pieces": _pieces(clean, corruptions, found.restored if found else ()),
    }


def _pieces(
    clean: str, corruptions: Sequence[Corruption], restored: Sequence[bool] = ()
) -> list[dict[str, Any]]:
    """A clean sentence cut where it was spoiled: each piece with its text, and a spoiled one with
    the `kind` of slip, and whether it is `restored` if that is known."""
    found: list[dict[str, Any]] = []
    at = 0
    for number, corruption in enumerate(corruptions):
        start, end = corruption.words[0][0], corruption.words[-1][1]
        found.append({"text": clean[at:start]})
        known = {"mended": restored[number]} if restored else {}
        found.append({"text": clean[start:end], "kind": corruption.kind, **known})
        at = end
    return [*found, {"text": clean[at:]}]


def _written(generation: Generation, axis: Axis) -> list[dict[str, Any]]:
    """What was written: each token, or word, with the steps that wrote it."""
    places = [word.places for word in axis.words or ()] or [
        (place,) for place in range(len(axis.whole))
    ]
    return [
        {**chip(token, number), "steps": [_step(generation, place) for place in places[number]]}
        for number, token in enumerate(axis.whole)
    ]


def _step(generation: Generation, place: int) -> dict[str, Any]:
    step = generation.steps[place]
    named = zip(generation.candidates[place], step.candidates, strict=True)
    return {
        "text": generation.tokens[place].label,
        "probability": step.probability,
        "entropy": step.entropy,
        "candidates": [
            {"text": token.label, "share": share, "chosen": index == step.token_id}
            for token, (index, share) in named
        ],
    }
