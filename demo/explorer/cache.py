"""Keeps the last readings, so that another head of the same text costs no second run."""

from collections import OrderedDict
from threading import Lock

from explorer.reading import Reading
from explorer.runner import Runner

MAX_BYTES = 256 * 2**20
"""At most this much is kept: three texts of 512 tokens under a model of 6 layers and 12 heads
(75 MB each), or thousands of sentences. A longer reading is not kept but read again."""


class ReadingCache:
    """Readings by model and text, the longest unused dropped first. Safe between threads."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._readings: OrderedDict[tuple[str, str, str], Reading] = OrderedDict()
        self._lock = Lock()

    def read(self, runner: Runner, text: str, text_pair: str = "") -> Reading:
        """The reading of a text by a model, from memory if it was read lately."""
        key = (runner.bundle.title, text, text_pair)
        with self._lock:
            if key in self._readings:
                self._readings.move_to_end(key)
                return self._readings[key]
        reading = runner.read(text, text_pair)
        with self._lock:
            self._keep(key, reading)
        return reading

    def _keep(self, key: tuple[str, str, str], reading: Reading) -> None:
        if reading.bytes > self._max_bytes or key in self._readings:
            return
        self._readings[key] = reading
        self._bytes += reading.bytes
        while self._bytes > self._max_bytes:
            _, dropped = self._readings.popitem(last=False)
            self._bytes -= dropped.bytes
