"""Keeps the last readings, so that another head of the same text costs no second run."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Protocol, TypeVar

from explorer.left_out import Heads
from explorer.reading import Reading
from explorer.runner import Runner

MAX_BYTES = 256 * 2**20
"""At most this much is kept: three texts of 512 tokens under a model of 6 layers and 12 heads
(75 MB each), or thousands of sentences. A longer reading is not kept but read again."""

K = TypeVar("K", bound="Kept")


class Kept(Protocol):
    """What can be kept: it knows the memory that it holds."""

    @property
    def bytes(self) -> int: ...


class ReadingCache:
    """Readings by model and text, the longest unused dropped first. Safe between threads.

    What was written for a text is kept beside them, by the written tokens.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._readings: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def read(self, runner: Runner, text: str, text_pair: str = "", without: Heads = ()) -> Reading:
        """The reading of a text by a model, from memory if it was read lately."""
        key = (runner.bundle.title, text, text_pair, without)
        return self.find(key) or self.keep(key, runner.read(text, text_pair, without))

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
            while self._bytes > self._max_bytes:
                _, dropped = self._readings.popitem(last=False)
                self._bytes -= dropped.bytes
        return reading
