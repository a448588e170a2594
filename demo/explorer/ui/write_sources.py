"""What there is to write from: the texts that a bundle offers, and sentences that are spoiled."""

from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

from explorer.analyses.noise import Corruption, NoisyText, corrupt
from explorer.bundle.bundle import Bundle
from explorer.errors import RequestError
from explorer.ui.checks import check_texts

_MOST = 2**31


class Source(NamedTuple):
    """A text to write from, and how it came about. The page remembers it as a JSON object."""

    text: str
    clean: str
    """What it was before it was spoiled; itself if it was not."""
    times: int = 0
    """How often that was spoiled, each time in another way."""


def spoil(clean: str, times: int, mask: str) -> Source:
    """A sentence with two words spoiled, in a way that follows from the sentence and `times`."""
    return Source(_noisy(clean, times, mask).text, clean, times)


def _noisy(clean: str, times: int, mask: str) -> NoisyText:
    return corrupt(clean, crc32(clean.encode()) + times, mask)


def source_of(text: object, remembered: object, mask: str) -> Source | None:
    """How a text was spoiled here; None if it was not: what a reader wrote over it is their own.

    Args:
        text, remembered: as for `spoil_again`.
    """
    if not isinstance(remembered, Mapping) or remembered.get("text") != text:
        return None
    try:
        clean = check_texts(remembered.get("clean")).text
    except RequestError:
        return None
    times = remembered.get("times")
    if not isinstance(times, int) or not 0 <= times < _MOST or clean == text:
        return None
    source = spoil(clean, times, mask)
    return source if source.text == text else None


def corruptions_of(source: Source, mask: str) -> tuple[Corruption, ...]:
    """What was done to the clean sentence of a source that was spoiled here."""
    return _noisy(source.clean, source.times, mask).corruptions


def spoil_again(text: object, remembered: object, mask: str) -> Source:
    """Spoils what a reader has before them: their own text, or, where it is what was spoiled last,
    the clean sentence once more in another way.

    Args:
        text, remembered: the text and the last `Source`, as the page sent them, unchecked.

    Raises:
        RequestError: a text is none, or not fit to be read.
    """
    own = check_texts(text).text
    if not isinstance(remembered, Mapping) or remembered.get("text") != own:
        return spoil(own, 0, mask)
    clean, times = check_texts(remembered.get("clean")).text, remembered.get("times")
    return spoil(clean, times + 1 if isinstance(times, int) and 0 <= times < _MOST else 0, mask)


def offered_sources(bundle: Bundle, mask: str) -> list[Source]:
    """The texts that a bundle offers: those of its decoder; or else its examples, spoiled if the
    decoder restores."""
    decoder = bundle.decoder
    if decoder is None:
        return []
    if decoder.examples or not decoder.restores:
        return [Source(one.text, one.text) for one in decoder.examples or bundle.examples]
    return [spoil(one.text, 0, mask) for one in bundle.examples]
