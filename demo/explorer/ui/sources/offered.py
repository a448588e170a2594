"""What there is to write from, and how a source came about: a bundle's own, or corrupted here, time
after time in another way.
"""

from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

from explorer.analyses.noise import Corruption, NoisyText, corrupt, corruptions_between
from explorer.bundle import Decoder
from explorer.errors import RequestError
from explorer.ui.checks import check_texts
from explorer.ui.models import Model

_MOST = 2**31


class Source(NamedTuple):
    """A text to write from, and how it came about. The page remembers it as a JSON object."""

    text: str
    clean: str
    """What it was before it was corrupted; itself if it was not."""
    times: int | None = 0
    """How often that was corrupted, each time in another way; None: it was not done here, and the
    bundle says what it was."""


def corrupted_source(clean: str, times: int, mask: str) -> Source:
    """A sentence with two words corrupted, in a way that follows from the sentence and `times`."""
    return Source(_noisy(clean, times, mask).text, clean, times)


def _noisy(clean: str, times: int, mask: str) -> NoisyText:
    return corrupt(clean, crc32(clean.encode()) + times, mask)


def source_of(text: object, remembered: object, model: Model) -> Source | None:
    """How a text was corrupted, here or before the bundle offered it; None if it was not: what a
    reader wrote over it is their own.

    Args:
        text, remembered: as for `corrupt_again`.
    """
    offered = _offered(text, model)
    if offered or not isinstance(remembered, Mapping) or remembered.get("text") != text:
        return offered
    try:
        clean, _ = check_texts(remembered.get("clean"))
    except RequestError:
        return None
    times = remembered.get("times")
    if not isinstance(times, int) or not 0 <= times < _MOST or clean == text:
        return None
    source = corrupted_source(clean, times, model.mask)
    return source if source.text == text else None


def _offered(text: object, model: Model) -> Source | None:
    """The corrupted source of the bundle with this text, if its clean sentence is known."""
    offered = (one for one in offered_sources(model) if one.text == text != one.clean)
    return next(offered, None)


def corruptions_of(source: Source, mask: str) -> tuple[Corruption, ...]:
    """What was done to the clean sentence of a source that was corrupted."""
    if source.times is None:
        return corruptions_between(source.clean, source.text, mask)
    return _noisy(source.clean, source.times, mask).corruptions


def is_known_clean(sentence: str, model: Model) -> bool:
    """Whether a bundle gives a sentence as one without a fault. Of a reader's own nobody knows."""
    return any(one.clean == sentence != one.text for one in offered_sources(model))


def corrupt_again(text: object, remembered: object, model: Model) -> Source:
    """Corrupts what a reader has before them: their own text, as it stands, or, where that is what
    was corrupted last, the clean sentence once more in another way.

    Args:
        text, remembered: the text and the last `Source`, as the page sent them, unchecked.

    Raises:
        RequestError: a text is none, or not fit to be read.
    """
    own, _ = check_texts(text)
    if not isinstance(remembered, Mapping) or remembered.get("text") != own:
        offered = _offered(own, model)
        return corrupted_source(offered.clean if offered else own, 0, model.mask)
    (clean, _), times = check_texts(remembered.get("clean")), remembered.get("times")
    again = times + 1 if isinstance(times, int) and 0 <= times < _MOST else 0
    return corrupted_source(clean, again, model.mask)


def offered_sources(model: Model) -> list[Source]:
    """The texts that a bundle offers: those of its decoder, some with what they were before they
    were corrupted; or else its examples, corrupted if the decoder restores."""
    bundle, decoder = model.bundle, model.bundle.decoder
    if decoder is None:
        return []
    if decoder.examples or not decoder.restores:
        given = decoder.examples or bundle.examples
        return [
            Source(one.text, one.clean, None) if one.clean else _unharmed(one.text, decoder)
            for one in given
        ]
    return [corrupted_source(one.text, 0, model.mask) for one in bundle.examples]


def _unharmed(text: str, decoder: Decoder) -> Source:
    """A text to write from as it is, behind a prefix where the model wants one."""
    if decoder.prefixes and not text.startswith(decoder.prefixes):
        text = decoder.prefixes[0] + text
    return Source(text, text)
