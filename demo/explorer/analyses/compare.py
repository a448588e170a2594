"""Two readings side by side: what their words share, and where attention between those moved; and a
text with one word less, to begin a comparison with.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.faithfulness import attention_received
from explorer.inference.reading import Reading
from explorer.inference.tokens import Word, group_words, own_words, placed_words
from explorer.maps.maps import merge_words

SHOWN_HEADS = 8
"""So many of the heads that moved most are shown as pictures."""


class Comparison(NamedTuple):
    """Two readings on the words that both have."""

    first: list[Word]
    second: list[Word]
    shared: list[tuple[int, int]]
    """Pairs of places in `first` and `second`: the same word, in the same order in both."""
    moved: NDArray[np.float32] | None
    """How far each head's rows moved, shape (layers, heads): the total variation distance, mean
    over the shared words. None where the two models have other layers or heads, or the maps of
    others."""
    layers: tuple[int, ...]
    """The numbers of these layers, from 0."""


def compare(first: Reading, second: Reading) -> Comparison:
    """Compares two texts under one model, one text under two, or both at once.

    A row of a shared word is compared on the shared words, and on all others of its text taken
    together as one: what a row gives to words that the other text lacks has moved.
    """
    words = group_words(first.tokens), group_words(second.tokens)
    shared = shared_words(*words)
    moved = None
    same = first.map_layers == second.map_layers
    if same and first.weights.shape[:2] == second.weights.shape[:2]:
        # A layer at a time: the maps of a long text between words fill the memory once more.
        layers = zip(first.weights, second.weights, strict=True)
        moved = np.stack([_moved(layer, words, shared) for layer in layers])
    return Comparison(*words, shared, moved, first.map_layers)


def shared_words(first: Sequence[Word], second: Sequence[Word]) -> list[tuple[int, int]]:
    """The words that two texts have in common, in an order that both keep.

    Words count as the same whatever their case; the matching is Ratcliff and Obershelp's, that of
    Python's difflib: long runs first.
    """
    names = [[(word.text.lower(), word.special) for word in words] for words in (first, second)]
    blocks = SequenceMatcher(None, names[0], names[1], autojunk=False).get_matching_blocks()
    return [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]


def shared_maps(
    weights: tuple[NDArray[np.float32], NDArray[np.float32]],
    words: tuple[Sequence[Word], Sequence[Word]],
    shared: Sequence[tuple[int, int]],
) -> NDArray[np.float32]:
    """Two maps on the shared words, and in a last column what went to all others.

    Args:
        weights: of the same heads of both readings, between pieces, shape (..., query, key).

    Returns:
        Shape (2, ..., shared, shared + 1); rows sum to 1.
    """
    sides = []
    for side in (0, 1):
        places = [pair[side] for pair in shared]
        merged = merge_words(weights[side], words[side], words[side])[..., places, :]
        kept = merged[..., places]
        rest = merged.sum(axis=-1, keepdims=True) - kept.sum(axis=-1, keepdims=True)
        sides.append(np.concatenate([kept, np.maximum(rest, 0)], axis=-1))
    return np.stack(sides)


def _moved(
    weights: tuple[NDArray[np.float32], NDArray[np.float32]],
    words: tuple[Sequence[Word], Sequence[Word]],
    shared: Sequence[tuple[int, int]],
) -> NDArray[np.float32]:
    """How far the rows of each head of one layer moved, shape (heads,)."""
    if not shared:
        return np.zeros(len(weights[0]), np.float32)
    one, other = shared_maps(weights, words, shared)
    return np.abs(one - other).sum(axis=-1).mean(axis=-1) / 2


def most_moved(moved: NDArray[np.float32], count: int = SHOWN_HEADS) -> list[tuple[int, int]]:
    """The heads that moved most, as (layer, head) from 0, the farthest first."""
    order = np.argsort(-moved, axis=None, kind="stable")[:count]
    return [divmod(place, moved.shape[1]) for place in order.tolist()]


def without_most_seen(reading: Reading) -> str:
    """The first text of a reading without the word that the answer is looked for in most: that to
    which [CLS] gives most in the last layer that has maps. The text itself where it has no second
    word.

    Words are the tokenizer's, so this holds in any language; their spelling is the reader's.
    """
    places = _places(reading)
    words, held = own_words(reading.tokens), {*reading.encoded.held}
    named = {
        place
        for place, (start, end) in places.items()
        if _is_name(reading.text[start:end]) and not held & {*words[place].places}
    }
    if len(named) < 2:
        return reading.text
    shares = attention_received(reading)
    start, end = places[max(named, key=lambda place: shares[place])]
    before, after = reading.text[:start], reading.text[end:]
    if not before.strip():
        return after.lstrip()
    if not before[-1:].isspace():
        return before + after
    # One space stays between the neighbours, and none in front of a comma.
    joins = after[:1].isspace() or not after[:1].isalnum()
    return before.rstrip() + after if joins else before + after


def _places(reading: Reading) -> dict[int, tuple[int, int]]:
    """Where the words of the first text stand in it, by their places among the text's own words."""
    found = dict(placed_words(reading.tokens, (reading.text, reading.text_pair)))
    places = enumerate(own_words(reading.tokens))
    return {place: found[word] for place, word in places if word in found and not word.segment}


def _is_name(text: str) -> bool:
    return any(map(str.isalpha, text))
