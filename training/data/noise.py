"""Adds noise to a sentence: words are masked, dropped or swapped, letters are mistyped.

BART (Lewis et al. 2020, section 2.2) learns to generate by restoring corrupted text; it needs no
labels, since every sentence is its own target. Words in, words out, all chance from `rng`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

KINDS = ("masked", "dropped", "swapped", "mistyped")
MASK = "[MASK]"
"""BERT's; other tokenizers write another."""
# What a finger hits beside the key it meant, on an English keyboard.
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST = 4  # letters; a shorter word that is mistyped is most often another word


@dataclass(frozen=True, slots=True)
class Change:
    """One corruption: what was done, and to which word of the clean sentence."""

    kind: str
    place: int
    """The word's number, from 0; a swap moves this word and the next one."""


class Noisy(NamedTuple):
    """A corrupted sentence, and what was done to it, in the order of the words."""

    words: tuple[str, ...]
    changes: tuple[Change, ...]


def add_noise(
    words: Sequence[str],
    number: int,
    rng: Random,
    *,
    shares: Mapping[str, float] | None = None,
    mask: str = MASK,
) -> Noisy:
    """Does up to `number` corruptions, each to words of its own, never to two neighbours.

    Only words of letters are touched, never punctuation or numbers. A sentence that is too short
    for so many gets fewer. All chance comes from `rng`: the same state, the same result.

    Args:
        shares: how often each kind is drawn; None for all alike.
        mask: the tokenizer's word for a hidden one.
    """
    kinds, weights = list(shares or KINDS), list(shares.values()) if shares else None
    places = list(range(len(words)))
    rng.shuffle(places)
    changes: dict[int, Change] = {}
    taken: set[int] = set()
    for place in places:
        if len(changes) == number:
            break
        kind = rng.choices(kinds, weights)[0]
        touched = {place, place + 1} if kind == "swapped" else {place}
        if touched & taken or not _fits(kind, words, place):
            continue
        changes[place] = Change(kind, place)
        taken |= {place - 1, *touched, max(touched) + 1}
    ordered = tuple(changes[place] for place in sorted(changes))
    return Noisy(_apply(words, ordered, rng, mask), ordered)


def _fits(kind: str, words: Sequence[str], place: int) -> bool:
    if kind == "swapped":
        pair = words[place : place + 2]
        return len(pair) == 2 and all(word.isalpha() for word in pair) and pair[0] != pair[1]
    word = words[place]
    if kind == "mistyped":
        return len(word) >= _SHORTEST and word.isalpha() and word.isascii()
    return word.isalpha() and not (kind == "dropped" and len(words) == 1)


def _apply(
    words: Sequence[str], changes: Sequence[Change], rng: Random, mask: str
) -> tuple[str, ...]:
    at = {change.place: change.kind for change in changes}
    noisy: list[str] = []
    for place, word in enumerate(words):
        kind = at.get(place)
        if kind == "masked":
            noisy.append(mask)
        elif kind == "mistyped":
            noisy.append(mistype(word, rng))
        elif kind == "swapped":
            noisy.append(words[place + 1])
        elif at.get(place - 1) == "swapped":
            noisy.append(words[place - 1])
        elif kind is None:
            noisy.append(word)
    return tuple(noisy)


def mistype(word: str, rng: Random) -> str:
    """The word with one slip of the finger; it is never the same word.

    A neighbouring key is hit instead or as well, a letter is left out or typed twice, or two
    letters change places.
    """
    while True:
        i = rng.randrange(len(word))
        wrong = rng.choice(_neighbours(word[i]))
        noisy = rng.choice(
            (
                word[:i] + wrong + word[i + 1 :],
                word[:i] + wrong + word[i:],
                word[:i] + word[i + 1 :],
                word[:i] + word[i] + word[i:],
                word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :],
            )
        )
        if noisy != word:
            return noisy


def _neighbours(letter: str) -> str:
    lower = letter.lower()
    for number, row in enumerate(_ROWS):
        if lower in row:
            i = row.index(lower)
            below = _ROWS[number + 1][max(0, i - 1) : i + 1] if number + 1 < len(_ROWS) else ""
            above = _ROWS[number - 1][i : i + 2] if number else ""
            return row[max(0, i - 1) : i] + row[i + 1 : i + 2] + below + above
    return "aeiou"
