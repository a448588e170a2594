"""A text with one word less, to begin a comparison with."""

from explorer.analysis.rankings import attention_received
from explorer.analysis.removal import own_words
from explorer.reading import Reading


def without_most_seen(reading: Reading) -> str:
    """The first text of a reading without the word that the answer is looked for in most: that to
    which [CLS] gives most in the last layer. The text itself where it has no second word.

    Words are the tokenizer's, so this holds in any language; their spelling is the reader's.
    """
    places = _places(reading)
    named = {place for place, (start, end) in places.items() if _is_name(reading.text[start:end])}
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
    found, at = {}, 0
    for place, word in enumerate(own_words(reading.tokens)):
        start = -1 if word.segment else reading.text.find(word.text, at)
        if start >= 0:
            at = start + len(word.text)
            found[place] = (start, at)
    return found


def _is_name(text: str) -> bool:
    return any(map(str.isalpha, text))
