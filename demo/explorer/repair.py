"""How well a text that was written mends a sentence that was spoiled, word by word.

Words are those of the decoder's tokenizer: as it would write the clean sentence, so that a
restorer that knows no capitals is not blamed for theirs. They are matched in order, with difflib.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from explorer.corruption import Slip


class Spelled(NamedTuple):
    """A word as a tokenizer would write it, and where it stands in the text that it is from."""

    text: str
    start: int
    end: int


class Repair(NamedTuple):
    """What became of a spoiled sentence."""

    mended: tuple[bool, ...]
    """For each slip, whether all of its words stand in their order again."""
    kept: int
    """How many of the words that nothing was done to are still there."""
    others: int
    """How many those are."""
    added: int
    """How many words were written that do not stand in the clean sentence."""


def grade(slips: Sequence[Slip], clean: Sequence[Spelled], written: Sequence[str]) -> Repair:
    """Compares what was written with the words of the clean sentence."""
    matcher = SequenceMatcher(None, [word.text for word in clean], written, autojunk=False)
    blocks = matcher.get_matching_blocks()
    stands = {block.a + step for block in blocks for step in range(block.size)}
    hit = [
        {place for place, word in enumerate(clean) if any(_overlap(word, span) for span in slip)}
        for slip in (slip.words for slip in slips)
    ]
    others = set(range(len(clean))).difference(*hit)
    return Repair(
        mended=tuple(bool(places) and places <= stands for places in hit),
        kept=len(others & stands),
        others=len(others),
        added=len(written) - len(stands),
    )


def _overlap(word: Spelled, span: tuple[int, int]) -> bool:
    return word.start < span[1] and span[0] < word.end
