"""What the Write tab's own widget receives; a sibling of `payloads.py`."""

import zlib
from typing import Any

from explorer import write_sentences
from explorer.axis import Axis, place_of
from explorer.payloads import chip, packed
from explorer.write_screen import WriteSelected
from explorer.writing import Writing
from explorer.writing_view import telling_step


def written(
    selected: WriteSelected, *, busy: bool = False, chosen: int | None = None
) -> dict[str, Any]:
    """The written tokens, or words, with their candidates, what they may look at, and the map.

    Args:
        busy: more is to come.
        chosen: the one whose row is to be shown; None leaves it to the widget.
    """
    writing, looks_at, view = selected.writing, selected.looks_at, selected.view
    unit = view.queries.unit
    texts = "\0".join([selected.runner.bundle.title, writing.source.text, unit])
    return {
        "source": zlib.crc32(texts.encode()),
        "busy": busy,
        "state": write_sentences.state(writing, selected.writer.decoder, busy=busy),
        "text": writing.text,
        "name": view.name,
        "unit": unit,
        "looks_at": looks_at,
        "tokens": _written(writing, view.queries),
        "key_tokens": [chip(token, place) for place, token in enumerate(view.keys.whole)],
        **packed(view),
        "first": place_of(view.queries, telling_step(writing)),
        "chosen": chosen,
    }


def _written(writing: Writing, axis: Axis) -> list[dict[str, Any]]:
    """What was written: each token, or word, with the steps that wrote it."""
    places = [word.places for word in axis.words or ()] or [
        (place,) for place in range(len(axis.whole))
    ]
    return [
        {**chip(token, number), "steps": [_step(writing, place) for place in places[number]]}
        for number, token in enumerate(axis.whole)
    ]


def _step(writing: Writing, place: int) -> dict[str, Any]:
    step = writing.steps[place]
    named = zip(writing.candidates[place], step.candidates, strict=True)
    return {
        "text": writing.tokens[place].label,
        "probability": step.probability,
        "entropy": step.entropy,
        "candidates": [
            {"text": token.label, "share": share, "chosen": index == step.token_id}
            for token, (index, share) in named
        ],
    }
