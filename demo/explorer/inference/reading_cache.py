"""Readings that are kept, so that another head of the same text costs no second run."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Protocol, TypeVar

from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Heads, Reading

LEAST_BYTES = 80 * 2**20
"""So much is kept, or the longest text that the page's models read: one of 512 tokens under a model
of 6 layers and 12 heads (75 MB), or hundreds of sentences."""

K = TypeVar("K", bound="Kept")


class Kept(Protocol):
    """What can be kept: it knows the memory that it holds."""

    @property
    def bytes(self) -> int: ...


class ReadingCache:
    """Readings by model and text, the longest unused dropped first. Safe between threads.

    What was written for a text is kept beside them, by the written tokens.

    Args:
        max_bytes: at most so much is kept. What is larger by itself is not, and nothing goes for
            its sake.
    """

    def __init__(self, max_bytes: int = LEAST_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._readings: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def read(
        self,
        model: EncoderModel,
        text: str,
        text_pair: str = "",
        ablated: Heads = (),
        language: str = "",
    ) -> Reading:
        """The reading of a text by a model, from memory if it was read lately."""
        key = (model.bundle.title, text, text_pair, ablated, language)
        found = self.find(key)
        if found is None:
            encoded = model.encode(text, text_pair, language=language)
            wanted = model.reading_bytes(len(encoded.ids))
            if wanted <= self._max_bytes:  # room is made before: the memory never holds both
                with self._lock:
                    self._drop(self._max_bytes - wanted)
            found = self.keep(key, model.read_encoded(encoded, ablated))
        return found

    def find(self, key: Hashable) -> Any:
        """What is kept under a key; None if nothing is."""
        with self._lock:
            if key in self._readings:
                self._readings.move_to_end(key)
            return self._readings.get(key)

    def keep(self, key: Hashable, reading: K) -> K:
        """Keeps something, unless it is too large, and gives it back."""
        with self._lock:
            if reading.bytes <= self._max_bytes and key not in self._readings:
                self._readings[key] = reading
                self._bytes += reading.bytes
            self._drop(self._max_bytes)
        return reading

    def _drop(self, left: int) -> None:
        """Drops what was longest unused until no more than `left` bytes are kept."""
        while self._bytes > left:
            _, dropped = self._readings.popitem(last=False)
            self._bytes -= dropped.bytes
