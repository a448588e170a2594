"""What kind of head a head is, by where its attention goes (Clark et al. 2019, "What Does BERT Look
At?", sections 3.1 to 3.3), each with the score that earned the kind.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.inference.tokens import Token


def normalised_entropy(
    weights: NDArray[np.float32], visible: NDArray[np.intp]
) -> NDArray[np.float32]:
    """The entropy of a map's rows as a share of the largest possible, mean over rows.

    -sum_j a_ij log a_ij / log n_i (Clark et al. 2019, section 3.3, who plot it unscaled). 0 is a
    head whose every row is one weight of 1; 1 is a head that spreads each row evenly.

    Args:
        weights: rows that sum to 1, shape (..., query, key).
        visible: the number n_i of keys that each query can attend to, shape (query,). Rows with one
            have no choice and are left out.

    Returns:
        Shape (...); 0 where no row has a choice.
    """
    choice = visible > 1
    if not choice.any():
        return np.zeros(weights.shape[:-2], np.float32)
    rows = weights[..., choice, :]
    # The smallest positive number keeps 0 log 0 at 0.
    terms = rows * np.log(np.maximum(rows, np.finfo(np.float32).tiny))
    shares = -terms.sum(axis=-1) / np.log(visible[choice]).astype(np.float32)
    return np.clip(shares.mean(axis=-1), 0, 1)


LEAST_SHARE = 0.5
"""Of a head's attention, to be of a type: Clark et al. speak of heads that put "more than 50%" on
the next or the previous token, and of over half of the attention on [SEP]."""

LEAST_LIFT = 2.0
"""Times what even attention would put there. Ours: in a short text, or between two segments, even
attention comes close to one half by itself."""

LEAST_ENTROPY = 0.8
"""Of the largest possible, to be broad. Ours: Clark et al. call heads broad that put at most 10%
on any one word, which in a short text no head can do."""

MOST_ENTROPY = 0.2
"""Of the largest possible, to be focused. Ours: each row then lies on one or two words."""

BROAD, FOCUSED, MIXED = "broad", "focused", "mixed"
SELF, PREVIOUS, NEXT, SECOND_LAST = "itself", "previous word", "next word", "two words back"
PUNCTUATION, SAME_WORD, OTHER_SEGMENT = "punctuation", "same word", "other text"

Targets = Mapping[str, NDArray[np.bool_]]
"""By type, which keys count for which query: shape (query, key). A query without any is left out of
that type's mean."""


class Measure(NamedTuple):
    """What heads are measured by, made once for all heads of a text."""

    names: list[str]
    """Of the types."""
    parts: NDArray[np.float32]
    """How much each cell of a map counts for each type, shape (query * key, types)."""
    by_chance: NDArray[np.float32]
    """The share of each type if attention prefers nothing, shape (types,)."""
    visible: NDArray[np.intp]
    """How many keys each query can attend to, shape (query,)."""


class HeadType(NamedTuple):
    """What a head does on one text."""

    name: str
    """A type of `Targets`; where none was earned `BROAD`, `FOCUSED` or `MIXED`."""
    score: float
    """The share of the head's attention that earned it, or of the type that came closest; its
    entropy where it is broad or focused."""
    entropy: float
    """Of its rows, mean, as a share of the largest possible."""
    shares: dict[str, float]
    """The share of its attention for every type."""


def encoder_targets(tokens: Sequence[Token]) -> Targets:
    """The types of an encoder's heads, by words or by tokens. Rows of special tokens do not count.

    * itself, previous word, next word: mean of a[i, i], a[i, i-1], a[i, i+1]; a neighbour counts if
      it is no special token and in the same text.
    * [CLS], [SEP] (whatever the tokenizer calls them), punctuation: mean over i of the sum of
      a[i, j] over all such j.
    * same word: over all j with the same letters, whatever their case, but i itself.
    * other text: over all words of the other of two texts.
    """
    count, own = len(tokens), _own(tokens)
    segments = np.array([token.segment for token in tokens])
    neighbours = own[:, None] & own & (segments[:, None] == segments)
    there = np.ones((count, 1), bool)
    found = {
        SELF: np.eye(count, dtype=bool),
        PREVIOUS: np.eye(count, k=-1, dtype=bool) & neighbours,
        NEXT: np.eye(count, k=1, dtype=bool) & neighbours,
        **_columns(tokens, count),
        SAME_WORD: _same(tokens, tokens) & ~np.eye(count, dtype=bool),
        OTHER_SEGMENT: there & own & (segments[:, None] != segments),
    }
    return _counted(found, own)


def written_targets(queries: Sequence[Token], keys: Sequence[Token], *, given: int = 0) -> Targets:
    """The types of a decoder's heads: special tokens, punctuation, and the word that is written.

    Looking back, it had the word before the written one last: a head that stays where it is looks
    at the "previous word", and one that looks at the word before where it is "two words back".

    Args:
        queries: what was written.
        keys: the source; or what was `given`, the start or a prompt, and what was written before.
        given: how many of the keys that is; 0 where they are the source.
    """
    found = {**_columns(keys, len(queries)), SAME_WORD: _same(queries, keys)}
    if given:
        back, further = (
            np.eye(len(queries), len(keys), given - steps, dtype=bool) & _own(keys)
            for steps in (1, 2)
        )
        found = {PREVIOUS: back, SECOND_LAST: further, **found}
    return _counted(found, _own(queries))


def measure_by(targets: Targets, even: NDArray[np.float32]) -> Measure:
    """Makes ready what heads are measured by.

    Args:
        even: attention that prefers nothing, shape (query, key): 0 where nobody can look.
    """
    parts = np.zeros((even.size, len(targets)), np.float32)
    for column, mask in enumerate(targets.values()):
        parts[:, column] = mask.ravel() / max(int(mask.any(axis=-1).sum()), 1)
    by_chance = even.reshape(1, -1).astype(np.float32) @ parts
    return Measure(list(targets), parts, by_chance[0], (even > 0).sum(axis=-1))


def head_types(weights: NDArray[np.float32], measure: Measure) -> list[HeadType]:
    """The type of each head.

    The type is the one with the largest share, if that is at least `LEAST_SHARE` and `LEAST_LIFT`
    times what even attention puts there; else broad, if the entropy is at least `LEAST_ENTROPY`, or
    focused, if it is at most `MOST_ENTROPY`: always on few words, of none of the types.

    Args:
        weights: maps of heads, shape (heads, query, key); rows sum to 1.
    """
    shares = weights.reshape(len(weights), -1) @ measure.parts
    entropies = normalised_entropy(weights, measure.visible)
    return [
        _type_of(of_head, entropy, measure)
        for of_head, entropy in zip(shares, entropies.tolist(), strict=True)
    ]


def _type_of(shares: NDArray[np.float32], entropy: float, measure: Measure) -> HeadType:
    named = dict(zip(measure.names, shares.tolist(), strict=True))
    fit = (shares >= LEAST_SHARE) & (shares >= LEAST_LIFT * measure.by_chance)
    if fit.any():
        best = int(np.where(fit, shares, -1).argmax())
        return HeadType(measure.names[best], float(shares[best]), entropy, named)
    if entropy >= LEAST_ENTROPY or entropy <= MOST_ENTROPY:
        return HeadType(BROAD if entropy >= LEAST_ENTROPY else FOCUSED, entropy, entropy, named)
    return HeadType(MIXED, float(shares.max(initial=0)), entropy, named)


def _own(tokens: Sequence[Token]) -> NDArray[np.bool_]:
    return np.array([not token.special for token in tokens], bool)


def _columns(keys: Sequence[Token], queries: int) -> dict[str, NDArray[np.bool_]]:
    """Types that are a set of keys, the same for every query."""
    special = dict.fromkeys(token.piece for token in keys if token.special)
    sets = {piece: [token.piece == piece for token in keys] for piece in special}
    sets[PUNCTUATION] = [_is_punctuation(token.text) for token in keys]
    return {name: np.array([held] * queries, bool) for name, held in sets.items()}


def _is_punctuation(text: str) -> bool:
    return bool(text) and all(unicodedata.category(letter)[0] == "P" for letter in text)


def _same(queries: Sequence[Token], keys: Sequence[Token]) -> NDArray[np.bool_]:
    """Which keys have the letters of which query; special tokens and punctuation have none."""
    numbers: dict[str, int] = {"": 0}
    sides = [
        np.array([numbers.setdefault(_letters(token), len(numbers)) for token in side])
        for side in (queries, keys)
    ]
    return (sides[0][:, None] == sides[1]) & (sides[0] != 0)[:, None]


def _letters(token: Token) -> str:
    return "" if _is_punctuation(token.text) else token.text.casefold()


def _counted(targets: Targets, rows: NDArray[np.bool_]) -> Targets:
    """Without types that no row can be of. Where a text has no words, its special tokens count."""
    rows = rows if rows.any() else ~rows
    masks = {name: mask & rows[:, None] for name, mask in targets.items()}
    return {name: mask for name, mask in masks.items() if mask.any()}
