"""What the Write tab's own widget receives; a sibling of `payloads.py`."""

import zlib
from collections.abc import Sequence
from typing import Any

from explorer import write_sentences
from explorer.axis import Axis, place_of
from explorer.corruption import Slip
from explorer.payloads import chip, packed
from explorer.repair import grade
from explorer.words import group_words
from explorer.write_screen import WriteSelected
from explorer.write_sources import Source, slips_of
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
        "repair": None if busy else repair(selected),
        "chosen": chosen,
    }


def mark(source: Source, mask: str, *, asked: bool = False) -> dict[str, Any]:
    """What `page/spoiled.js` shows below a source: what was spoiled of it; nothing where it was not
    spoiled here.

    Args:
        asked: a reader wanted it spoiled, and is told if it could not be.
    """
    if source.text == source.clean:
        return {"sentence": write_sentences.UNSPOILED, "pieces": []} if asked else {}
    pieces = _pieces(source.clean, slips_of(source, mask))
    return {"sentence": write_sentences.SPOILED, "pieces": pieces}


def repair(selected: WriteSelected) -> dict[str, Any] | None:
    """The clean sentence of a source that was spoiled here, and once the text has come to its end,
    what was mended. None for any other source."""
    if selected.spoiled is None:
        return None
    writing, clean, found = selected.writing, selected.spoiled.clean, None
    slips = slips_of(selected.spoiled, selected.runner.mask)
    if writing.finished:
        words = [word.text for word in group_words(writing.tokens) if not word.special]
        found = grade(slips, selected.writer.spelled(clean), words)
    return {
        "sentence": write_sentences.graded(found),
        "pieces": _pieces(clean, slips, found.mended if found else ()),
    }


def _pieces(clean: str, slips: Sequence[Slip], mended: Sequence[bool] = ()) -> list[dict[str, Any]]:
    """A clean sentence cut where it was spoiled: each piece with its text, and a spoiled one with
    the `kind` of slip, and whether it is `mended` if that is known."""
    found: list[dict[str, Any]] = []
    at = 0
    for number, slip in enumerate(slips):
        start, end = slip.words[0][0], slip.words[-1][1]
        found.append({"text": clean[at:start]})
        known = {"mended": mended[number]} if mended else {}
        found.append({"text": clean[start:end], "kind": slip.kind, **known})
        at = end
    return [*found, {"text": clean[at:]}]


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
