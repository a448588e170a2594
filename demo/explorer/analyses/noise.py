"""Corrupts a sentence, for a decoder that restores sentences, and grades the restoration.

What was corrupted elsewhere is found by laying the clean sentence beside it.

The kinds of damage are those it was trained on (BART's denoising, Lewis et al. 2020, section 2.2).
Pure: all chance comes from the seed. Words are those of the decoder's tokenizer: as it would write
the clean sentence, so that a restorer that knows no capitals is not blamed for theirs. They are
matched in order, with difflib.
"""

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from random import Random
from typing import NamedTuple

from explorer.writing.target_text import Spelled

_WORD = re.compile(r"[^\W\d_]+")
_SHORTEST = 4  # letters; a shorter word that is mistyped is most often another word
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # of an English keyboard


class Corruption(NamedTuple):
    """One corruption: what was done, and to which words of the clean sentence."""

    kind: str
    """masked, dropped, swapped or mistyped."""
    words: tuple[tuple[int, int], ...]
    """Where each begins and ends among the sentence's characters; two words if they were swapped.
    """


class NoisyText(NamedTuple):
    """A corrupted sentence, and what was done to it, in the order of the words."""

    text: str
    corruptions: tuple[Corruption, ...]


_Damage = Callable[[], list[int]]
"""Does it, and says which parts of the sentence it touched."""


def corrupt(text: str, seed: int, mask: str, number: int = 2) -> NoisyText:
    """Masks, drops, swaps or mistypes words, `number` of them if the text has as many; never two
    neighbours.

    Args:
        mask: what stands for a masked word; empty if the model knows no such token.
    """
    random = Random(seed)
    # Words with their punctuation, and the space between them, in turn.
    parts = re.split(r"(\S+)", text)
    places = [place for place in range(1, len(parts), 2) if _is_word(parts[place], mask)]
    random.shuffle(places)
    whole, free = list(parts), set(places)
    corruptions: list[Corruption] = []
    for place in places:
        if len(corruptions) == number:
            break
        chosen = _choose(parts, place, free, mask, random) if place in free else None
        if chosen:
            kind, damage = chosen
            touched = damage()
            free -= {place - 2, *touched, max(touched) + 2}
            corruptions.append(Corruption(kind, tuple(_span(whole, one) for one in touched)))
    noisy = re.sub(r"(?<=\S) {2,}", " ", "".join(parts)).strip()
    return NoisyText(noisy, tuple(sorted(corruptions, key=lambda corruption: corruption.words)))


def _span(parts: list[str], place: int) -> tuple[int, int]:
    """Where the letters of a word stand that is a part of a sentence; all of it if it has none."""
    found = _WORD.search(parts[place]) or re.compile(r"\S+").search(parts[place])
    assert found, "no white space"
    before = sum(map(len, parts[:place]))
    return before + found.start(), before + found.end()


def corruptions_between(clean: str, noisy: str, mask: str) -> tuple[Corruption, ...]:
    """What was done to a clean sentence whose corrupted form is given, word by word.

    Args:
        mask: as for `corrupt`.
    """
    parts, given = re.split(r"(\S+)", clean), noisy.split()
    words = parts[1::2]
    found: list[Corruption] = []
    place = at = 0

    def touched(kind: str, count: int) -> None:
        spans = tuple(_span(parts, 2 * one + 1) for one in range(place, place + count))
        found.append(Corruption(kind, spans))

    while place < len(words):
        here, after = given[at : at + 1], given[at + 1 : at + 2]
        word, following = words[place : place + 1], words[place + 1 : place + 2]
        if here == word:
            step = 1, 1
        elif following and here == following and after == word:
            touched("swapped", 2)
            step = 2, 2
        elif not here or here == following:
            touched("dropped", 1)
            step = 1, 0
        elif after == word:  # a word that was added: nothing of the clean sentence
            step = 0, 1
        else:
            touched("masked" if mask and mask in here[0] else "mistyped", 1)
            step = 1, 1
        place, at = place + step[0], at + step[1]
    return tuple(found)


def _is_word(part: str, mask: str) -> bool:
    """What was masked before is no word."""
    return bool(_WORD.search(part)) and not (mask and mask in part)


def _choose(
    parts: list[str], place: int, free: set[int], mask: str, random: Random
) -> tuple[str, _Damage] | None:
    """One kind of damage, drawn from those that the word can take. None if it can take none."""
    found = _WORD.search(parts[place])
    assert found, "only words are damaged"
    word, following = found.group(), parts[place + 2] if place + 2 in free else ""

    def put(new: str) -> list[int]:
        parts[place] = parts[place].replace(word, new, 1)
        return [place]

    def swap() -> list[int]:
        parts[place], parts[place + 2] = parts[place + 2], parts[place]
        return [place, place + 2]

    kinds: list[tuple[str, _Damage]] = []
    if mask:
        kinds.append(("masked", lambda: put(mask)))
    if len(parts) > 3:
        kinds.append(("dropped", lambda: put("")))
    if word == parts[place] != following and _WORD.fullmatch(following):
        kinds.append(("swapped", swap))
    if len(word) >= _SHORTEST:
        kinds.append(("mistyped", lambda: put(_mistype(word, random))))
    return random.choice(kinds) if kinds else None


def _mistype(word: str, random: Random) -> str:
    """One slip of the finger: a letter twice, left out, turned with the next, or its neighbour."""
    i = random.randrange(len(word) - 1)
    kinds = [word[: i + 1] + word[i:], word[:i] + word[i + 1 :]]
    if word[i] != word[i + 1]:
        kinds.append(word[:i] + word[i + 1] + word[i] + word[i + 2 :])
    row = next((row for row in _ROWS if word[i].lower() in row), "")
    if row:
        at = row.index(word[i].lower())
        kinds.append(word[:i] + row[at + 1 if at + 1 < len(row) else at - 1] + word[i + 1 :])
    return random.choice(kinds)


class Repair(NamedTuple):
    """What became of a corrupted sentence."""

    restored: tuple[bool, ...]
    """For each corruption, whether all of its words stand in their order again."""
    kept: int
    """How many of the words that nothing was done to are still there."""
    others: int
    """How many those are."""
    added: int
    """How many words were written that do not stand in the clean sentence."""


def grade(
    corruptions: Sequence[Corruption], clean: Sequence[Spelled], written: Sequence[str]
) -> Repair:
    """Compares what was written with the words of the clean sentence."""
    matcher = SequenceMatcher(None, [word.text for word in clean], written, autojunk=False)
    blocks = matcher.get_matching_blocks()
    stands = {block.a + step for block in blocks for step in range(block.size)}
    hit = [
        {
            place
            for place, word in enumerate(clean)
            if any(word.start < end and start < word.end for start, end in corruption.words)
        }
        for corruption in corruptions
    ]
    others = set(range(len(clean))).difference(*hit)
    return Repair(
        restored=tuple(bool(places) and places <= stands for places in hit),
        kept=len(others & stands),
        others=len(others),
        added=len(written) - len(stands),
    )
