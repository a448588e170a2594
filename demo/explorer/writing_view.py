"""The maths of what is shown of a written text; a sibling of `view.py`."""

from typing import Any

import numpy as np

from explorer.axis import text_axis
from explorer.maps import Maps
from explorer.view import MapView, map_view
from explorer.writing import SOURCE, WRITTEN, Writing

_KINDS = {SOURCE: "Cross-attention", WRITTEN: "Self-attention"}
_COLUMNS = {SOURCE: "its columns are the source", WRITTEN: "its columns are what came before"}


def writing_maps(
    writing: Writing,
    looks_at: str,
    *,
    special_tokens: bool = True,
    words: bool = False,
    by_norms: bool = False,
) -> Maps:
    """All maps of a written text. Rows are what was written, columns what it could look at.

    Args:
        by_norms: of maps into the source; of the others the graph gives no norms.
    """
    keys = writing.source.tokens if looks_at == SOURCE else writing.before
    queries = text_axis(writing.tokens, special_tokens=special_tokens, words=words)
    return Maps(
        weights=writing.weights(looks_at),
        norms=writing.cross_value_norms if by_norms and looks_at == SOURCE else None,
        looks_back=looks_at == WRITTEN,
        queries=queries,
        keys=text_axis(keys, special_tokens=special_tokens, words=words),
        kind=_KINDS[looks_at],
        sides=(f"each row is a written {queries.unit}", _COLUMNS[looks_at]),
    )


def writing_map(
    writing: Writing, looks_at: str, layer: int | str, head: int | str, **which: Any
) -> MapView:
    """What each written token, or word, looked at when it was chosen.

    A row's query is what the decoder had before it: the token that its row names was the result.

    Args:
        which: as for `writing_maps`.
    """
    return map_view(writing_maps(writing, looks_at, **which), layer, head)


def telling_cross_head(writing: Writing) -> tuple[int, int]:
    """The layer and head, from 0, that follow the source best: a good first view.

    Each row's largest weight on a word, averaged over the rows, less the largest average that one
    word gets: heads that look firmly, but always at the same place, score low.
    """
    words = np.flatnonzero(~writing.source.special)
    if not len(words):
        return 0, 0
    weights = writing.cross_weights[..., words]
    score = weights.max(axis=-1).mean(axis=-1) - weights.mean(axis=-2).max(axis=-1)
    layer, head = np.unravel_index(int(score.argmax()), score.shape)
    return int(layer), int(head)


def telling_step(writing: Writing) -> int:
    """The word, by its place from 0, whose choice was the most open: shown first.

    Special tokens and punctuation are no words; where there is nothing else, the first token.
    """
    openness = [
        step.entropy if any(map(str.isalnum, token.text)) else -1.0
        for step, token in zip(writing.steps, writing.tokens, strict=True)
    ]
    return int(np.argmax(openness))
