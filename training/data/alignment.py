"""Which words of a text stand again in another: the edit distance, word by word (Levenshtein 1966).

The word error rate is this distance over the number of words of the reference. What a word is does
not matter: anything that can be compared, token ids as well.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Alignment(NamedTuple):
    """How one text becomes the other with the fewest words changed."""

    partners: tuple[int | None, ...]
    """For each word of the reference: which word of the other text it is, as it was or replaced."""
    matched: tuple[bool, ...]
    """For each word of the reference: whether it stands, in its place, in the other text."""
    errors: int
    """Words replaced, left out or added: the edit distance."""


def align(reference: Sequence[Hashable], written: Sequence[Hashable]) -> Alignment:
    """Aligns word by word; of equally short ways the one that matches the later words."""
    rows = [list(range(len(written) + 1))]
    for i, word in enumerate(reference, start=1):
        above, row = rows[-1], [i]
        for j, other in enumerate(written, start=1):
            row.append(min(above[j - 1] + (word != other), above[j] + 1, row[-1] + 1))
        rows.append(row)
    matched = [False] * len(reference)
    partners: list[int | None] = [None] * len(reference)
    i, j = len(reference), len(written)
    while i and j:
        if reference[i - 1] == written[j - 1] and rows[i][j] == rows[i - 1][j - 1]:
            i, j = i - 1, j - 1
            matched[i], partners[i] = True, j
        elif rows[i][j] == rows[i - 1][j - 1] + 1:
            i, j = i - 1, j - 1
            partners[i] = j
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return Alignment(tuple(partners), tuple(matched), rows[-1][-1])
