"""A long text in a few pieces: its sentences, so that each can be taken away as a whole."""

from collections.abc import Sequence

from explorer.words import Word

_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_CLOSERS = frozenset("\"'”’»)]}」』")
_LONGEST = 40
"""Words: a longer run without a full stop is cut here, so that its words can still be tried."""


def sentence_spans(words: Sequence[Word], most: int) -> list[range]:
    """The sentences of a text, or of both texts of a pair, as ranges of the places of its words.

    A sentence ends after a word that ends with a full stop or its like, and the quotes and brackets
    that close behind it: no more than what punctuation tells. Where that gives more than `most`
    pieces, the words are cut into runs of equal length instead, `most` at the most.
    """
    spans = []
    start = 0
    for place in range(1, len(words) + 1):
        if place == len(words) or _ends_before(words, start, place):
            spans.append(range(start, place))
            start = place
    if len(spans) <= most:
        return spans
    length = -(-len(words) // max(most, 1))
    return [range(start, min(start + length, len(words))) for start in range(0, len(words), length)]


def _ends_before(words: Sequence[Word], start: int, place: int) -> bool:
    following = words[place]
    if following.segment != words[place - 1].segment or place - start >= _LONGEST:
        return True
    if following.text in _CLOSERS or following.text in _ENDS:
        return False  # the sentence's own quote or full stop
    last = place - 1
    while last > start and words[last].text in _CLOSERS:
        last -= 1
    return words[last].text.endswith(_ENDS)
