"""What the Write tab's own widget receives; a sibling of `payloads.py`."""

import zlib
from typing import Any

from explorer import sentences
from explorer.payloads import chip, packed
from explorer.view import MapView
from explorer.writing import SOURCE, Writing


def written(
    writing: Writing, looks_at: str, view: MapView, *, busy: bool = False, chosen: int | None = None
) -> dict[str, Any]:
    """The written tokens with their candidates, what they may look at, and the whole map.

    Args:
        busy: more is to come.
        chosen: the token whose row is to be shown; None leaves it to the widget.
    """
    keys = writing.source.tokens if looks_at == SOURCE else writing.before
    return {
        "writing": zlib.crc32(writing.source.text.encode()),
        "busy": busy,
        "state": sentences.writing_state(writing),
        "text": writing.text,
        "name": view.name,
        "looks_at": looks_at,
        "tokens": [_token(writing, place) for place in range(len(writing.steps))],
        "key_tokens": [chip(token, place) for place, token in enumerate(keys)],
        **packed(view),
        "chosen": chosen,
    }


def _token(writing: Writing, place: int) -> dict[str, Any]:
    step = writing.steps[place]
    named = zip(writing.candidates[place], step.candidates, strict=True)
    return {
        **chip(writing.tokens[place], place),
        "probability": step.probability,
        "entropy": step.entropy,
        "candidates": [
            {"text": token.label, "share": share, "chosen": index == step.token_id}
            for token, (index, share) in named
        ],
    }
