"""What is shown of a text: a head's map or one of several, with or without special tokens, of the
source or of what was written; which head and token have most to tell and are shown first; and how
attention adds up over the layers (rollout, Abnar & Zuidema 2020, section 3) until it reaches the
token that the answer is read from.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.inference.reading import Reading
from explorer.maps.head_types import normalised_entropy
from explorer.maps.maps import MAX, MEAN, Axis, Maps, describe, file_part, merge_keys, text_axis
from explorer.writing.generation import SELF, SOURCE, WRITTEN, Generation


@dataclass(frozen=True, kw_only=True, slots=True)
class MapView:
    """An attention map as it is shown. Layer and head count from 0, or are `MEAN` or `MAX`."""

    layer: int | str
    head: int | str
    queries: Axis
    """The rows: what attends."""
    keys: Axis
    """The columns: what is attended to. In an encoder's map the queries again."""
    weights: NDArray[np.float32]
    """Shape (query, key); rows sum to 1, or are 0 if nothing is left. Of a maximum, which is not
    scaled, rows sum to more."""
    removed: NDArray[np.float32]
    """The share of each row that went to hidden tokens, shape (query,)."""
    kind: str = ""
    sides: tuple[str, str]
    """As in `Maps`."""
    by_norms: bool = False
    """Whether its weights are multiplied by norms."""

    @property
    def of_one_text(self) -> bool:
        """Whether the text attends to itself, as in an encoder's map."""
        return self.queries is self.keys

    @property
    def hides_tokens(self) -> bool:
        return any(len(side.indexes) < len(side.whole) for side in (self.queries, self.keys))

    @property
    def name(self) -> str:
        which = describe(self.layer, self.head)
        parts = [self.kind, which] if self.kind else [which[0].upper() + which[1:]]
        return ", ".join([*parts, *(["norm-weighted"] if self.by_norms else [])])

    @property
    def file_name(self) -> str:
        """Of a picture of it, without what says the kind of file."""
        which = file_part(self.layer, self.head)
        norms = "-norms" if self.by_norms else ""
        return f"{self.kind.lower() or 'attention'}-{which}{norms}"


def encoder_maps(
    reading: Reading, *, special_tokens: bool = True, words: bool = False, by_norms: bool = False
) -> Maps:
    """All maps of a text that an encoder read."""
    axis = text_axis(reading.tokens, special_tokens=special_tokens, words=words)
    norms = reading.value_norms if by_norms else None
    return Maps(
        weights=reading.weights,
        layers=reading.map_layers,
        norms=norms,
        queries=axis,
        keys=axis,
        kept=reading.kept_heads,
    )


def attention_map(reading: Reading, layer: int | str, head: int | str, **which: Any) -> MapView:
    """One map of a text that an encoder read.

    Args:
        which: as for `encoder_maps`.
    """
    return map_view(encoder_maps(reading, **which), layer, head)


def map_view(maps: Maps, layer: int | str, head: int | str) -> MapView:
    """The map of one head, or the mean or the maximum of several.

    What is hidden goes, rows and columns, and each row that stays is divided by what is left of
    it: weights'[i, j] = weights[i, j] / (1 - removed[i]). A maximum's rows stay as they are.
    """
    whole = chosen_map(maps, layer, head)
    scale = MAX not in (layer, head)
    weights, removed = renormalised(whole, maps.queries, maps.keys, scale=scale)
    return MapView(
        layer=layer,
        head=head,
        queries=maps.queries,
        keys=maps.keys,
        weights=weights,
        removed=removed,
        kind=maps.kind,
        sides=maps.sides,
        by_norms=maps.norms is not None,
    )


def chosen_map(maps: Maps, layer: int | str, head: int | str) -> NDArray[np.float32]:
    """One head's map, or the mean or maximum over heads, then over layers: all of the two sides.

    Heads that are ablated have no part in a mean or maximum over heads.
    """
    if isinstance(layer, int):
        return _of_layer(maps, layer, head)
    first, *others = maps.layers
    found = _of_layer(maps, first, head).copy()
    join = np.add if layer == MEAN else np.maximum
    for other in others:  # one by one: all layers of a long text would double its memory
        join(found, _of_layer(maps, other, head), out=found)
    if layer != MEAN:
        return found
    return found / np.float32(max(maps.layers_left(), 1) if head == MEAN else len(maps.layers))


def _of_layer(maps: Maps, layer: int, head: int | str) -> NDArray[np.float32]:
    if isinstance(head, int):
        return maps.of_head(layer, head)
    return maps.mean_of_layer(layer) if head == MEAN else maps.max_of_layer(layer)


def renormalised(
    weights: NDArray[np.float32], queries: Axis, keys: Axis, *, scale: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Drops what is not shown from maps.

    Args:
        weights: shape (..., query, key), of the whole texts.
        scale: whether rows are scaled back to a sum of 1.

    Returns:
        The smaller maps, and the share removed from each of their rows, shape (..., query). A row
        whose whole weight went to dropped tokens is 0.
    """
    return kept_keys(weights[..., queries.indexes, :], keys, scale=scale)


def kept_keys(
    rows: NDArray[np.float32], keys: Axis, *, scale: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As `renormalised`, for rows that are all shown: shape (..., key)."""
    if len(keys.indexes) == rows.shape[-1]:
        return rows, np.zeros(rows.shape[:-1], np.float32)
    kept = rows[..., keys.indexes]
    whole = rows.sum(axis=-1, keepdims=True)
    left = np.divide(
        kept.sum(axis=-1, keepdims=True), whole, out=np.zeros_like(whole), where=whole > 0
    )
    removed = np.clip(1 - left[..., 0], 0, 1)
    if not scale:
        return kept, removed
    divisor = left * whole
    return np.divide(kept, divisor, out=np.zeros_like(kept), where=divisor > 0), removed


_KINDS = {SOURCE: "Cross-attention", WRITTEN: "Self-attention"}
_COLUMNS = {SOURCE: "its columns are the source", WRITTEN: "its columns are what came before"}


def generation_maps(
    generation: Generation,
    looks_at: str,
    *,
    special_tokens: bool = True,
    words: bool = False,
    by_norms: bool = False,
) -> Maps:
    """All maps of a written text. Rows are what was written, columns what it could attend to; or
    those of its source, as the encoder that read it has them.

    Args:
        by_norms: where the graph gives norms of what is looked at: see `Generation.value_norms`.
    """
    if looks_at == SELF:
        switches = {"special_tokens": special_tokens, "words": words, "by_norms": by_norms}
        return replace(encoder_maps(generation.read, **switches), kind="Encoder")
    of_source = looks_at == SOURCE
    keys = generation.source.tokens if of_source else generation.before
    queries = text_axis(generation.tokens, special_tokens=special_tokens, words=words)
    weights = generation.cross_weights if of_source else generation.self_weights
    return Maps(
        weights=weights,
        layers=generation.map_layers,
        norms=generation.value_norms(looks_at) if by_norms else None,
        looks_back=not of_source,
        given=len(generation.given),
        queries=queries,
        keys=text_axis(keys, special_tokens=special_tokens, words=words),
        kind=_KINDS[looks_at],
        sides=(f"each row is a generated {queries.unit}", _COLUMNS[looks_at]),
    )


def generation_map(
    generation: Generation, looks_at: str, layer: int | str, head: int | str, **which: Any
) -> MapView:
    """What each written token, or word, attended to when it was chosen.

    A row's query is what the decoder had before it: the token that its row names was the result.

    Args:
        which: as for `generation_maps`.
    """
    return map_view(generation_maps(generation, looks_at, **which), layer, head)


def first_written_head(generation: Generation) -> tuple[int, int]:
    """The layer and head, from 0, that follow the source best, or the prompt: a good first view.

    Each row's largest weight on a word, averaged over the rows, less the largest average that one
    word gets: heads that look firmly, but always at the same place, score low.
    """
    words = np.flatnonzero(~generation.source.special)
    if not len(words):
        return generation.map_layers[0], 0
    weights = generation.cross_weights if generation.has_source else generation.self_weights
    weights = weights[..., words]
    score = weights.max(axis=-1).mean(axis=-1) - weights.mean(axis=-2).max(axis=-1)
    place, head = divmod(int(score.argmax()), score.shape[1])
    return generation.map_layers[place], head


def first_step(generation: Generation) -> int:
    """The word, by its place from 0, whose choice was the most open: shown first.

    Special tokens and punctuation are no words; where there is nothing else, the first token.
    """
    openness = [
        step.entropy if any(map(str.isalnum, token.text)) else -1.0
        for step, token in zip(generation.steps, generation.tokens, strict=True)
    ]
    return int(np.argmax(openness))


def first_head(reading: Reading) -> tuple[int, int]:
    """The layer and head, from 0, whose words look most firmly at distant words: a good first view.

    For each word the largest weight on a word that is neither itself nor its neighbour, averaged
    over the words. Heads that rest on special tokens, or only look one place to the side as many
    do, score low.
    """
    maps = encoder_maps(reading, special_tokens=False, words=True)
    places = maps.queries.indexes
    if len(places) < 2:
        return maps.layers[0], 0
    far = np.abs(places[:, None] - places) > 1
    firmness = np.stack(
        [
            (maps.of_layer(layer)[:, places][:, :, places] * far).max(axis=-1).mean(axis=-1)
            for layer in maps.layers
        ]
    )
    place, head = divmod(int(firmness.argmax()), firmness.shape[1])
    return maps.layers[place], head


def rollout_row(
    weights: NDArray[np.float32], kept: NDArray[np.bool_], *queries: int
) -> NDArray[np.float32]:
    """How much of each token reaches one token of the last layer, if attention were all there is.

    In every layer half comes from the token itself by the residual connection and half from the
    mean of the heads, A' = 0.5 A + 0.5 I; the result is a row of A'_L ... A'_2 A'_1. Other rows
    come out nearly the same where there are many layers: only the one that the answer is read from
    is worth a look. Heads that are ablated have no part in the mean, and a layer without heads
    leaves everything where it is.

    Args:
        weights: shape (layers, heads, query, key).
        kept: which heads are not ablated, shape (layers, heads).
        queries: the token, by its place from 0, or several, whose mean is meant; the first if
            none is named.

    Returns:
        Shape (key,); sums to 1.
    """
    row = _among(queries, weights.shape[-1])
    for layer in reversed(range(len(weights))):
        if kept[layer].any():  # a row times matrices: no product of two matrices is needed
            row = 0.5 * (row @ _mean(weights[layer], kept[layer])) + 0.5 * row
    return row


def last_row(
    weights: NDArray[np.float32], kept: NDArray[np.bool_], *queries: int
) -> NDArray[np.float32]:
    """What one token, or several on average, attend to in the last of these layers, mean over the
    heads that are not ablated, shape (key,); sums to 1. Themselves alone, where no head is left.

    Args:
        queries: as for `rollout_row`.
    """
    if not kept[-1].any():
        return _among(queries, weights.shape[-1])
    rows = _mean(weights[-1][:, list(queries or (0,))], kept[-1])
    return rows.mean(axis=0)


def _among(places: tuple[int, ...], tokens: int) -> NDArray[np.float32]:
    """A row that is shared evenly among these places."""
    row = np.zeros(tokens, np.float32)
    row[list(places or (0,))] = 1 / max(len(places), 1)
    return row


def _mean(weights: NDArray[np.float32], kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Over the first axis, without a copy where nothing is ablated."""
    return (weights if kept.all() else weights[kept]).mean(axis=0)


class RolloutView(NamedTuple):
    """Two rows over the same words or tokens: rollout, and attention in the last layer."""

    axis: Axis
    shares: NDArray[np.float32]
    """Of what is shown, shape (2, shown); rows sum to 1."""
    removed: NDArray[np.float32]
    """The share that went to hidden tokens, shape (2,)."""
    entropies: NDArray[np.float32]
    """How flat the rows are over the text's own words alone, shape (2,): 0 is one, 1 all alike."""


def rollout_view(reading: Reading, axis: Axis) -> RolloutView:
    """Both rows by words or tokens, as the axis of the text has them."""
    rows = np.stack(
        [one(reading.weights, reading.kept_heads, reading.cls) for one in (rollout_row, last_row)]
    )
    if axis.words is not None:
        rows = merge_keys(rows, axis.words)
    shares, removed = kept_keys(rows, axis)
    return RolloutView(axis, shares, removed, _flatness(rows[:, ~axis.special]))


def _flatness(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The entropy of rows that need not sum to 1, each scaled to 1. What stays with [CLS] itself
    is no sign of a sharp rollout, and so has no part in it."""
    wholes = rows.sum(axis=-1, keepdims=True)
    scaled = np.divide(rows, wholes, out=np.zeros_like(rows), where=wholes > 0)
    return normalised_entropy(scaled[:, None], np.array([rows.shape[-1]]))
