"""What the Write tab's own widget receives; a sibling of `payloads.py`."""

import zlib
from typing import Any

from explorer import write_sentences
from explorer.payloads import chip, packed
from explorer.write_screen import WriteSelected
from explorer.writing import SOURCE, Writing
from explorer.writing_view import telling_step


def written(
    selected: WriteSelected, *, busy: bool = False, chosen: int | None = None
) -> dict[str, Any]:
    """The written tokens with their candidates, what they may look at, and the whole map.

    Args:
        busy: more is to come.
        chosen: the token whose row is to be shown; None leaves it to the widget.
    """
    writing, looks_at, view = selected.writing, selected.looks_at, selected.view
    keys = writing.source.tokens if looks_at == SOURCE else writing.before
    texts = "\0".join([selected.runner.bundle.title, writing.source.text])
    return {
        "source": zlib.crc32(texts.encode()),
        "busy": busy,
        "state": write_sentences.state(writing, selected.writer.decoder, busy=busy),
        "text": writing.text,
        "name": view.name,
        "looks_at": looks_at,
        "tokens": [_token(writing, place) for place in range(len(writing.steps))],
        "key_tokens": [chip(token, place) for place, token in enumerate(keys)],
        **packed(view),
        "first": telling_step(writing),
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
