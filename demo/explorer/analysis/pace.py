"""How long a model takes, learnt from the runs that were made: a price that is told beforehand."""

from typing import NamedTuple

LONGEST = 10.0
"""Seconds that one analysis plans for, of the 15 that it may take: what a run will cost is known
from those before it, which may have been of shorter texts, and a machine may slow down on the way.
"""

_MEMORY = 0.7
"""What a new run leaves of the old estimate; a machine's pace drifts with its other work."""


class Cost(NamedTuple):
    """What an analysis will take."""

    texts: int
    """How many changed texts the model reads."""
    seconds: float


class Pace:
    """Seconds per token of one model on this machine.

    The time of a text grows with its tokens: between 32 and 512 of them, a model of 384 numbers a
    token takes the same time for each, within a tenth (export/README.md, Latency).
    """

    def __init__(self) -> None:
        self._seconds = 0.0

    def measured(self, tokens: int, seconds: float) -> None:
        """Takes note of a run over so many tokens, padding included."""
        latest = seconds / max(tokens, 1)
        old = self._seconds or latest
        self._seconds = _MEMORY * old + (1 - _MEMORY) * latest

    def cost(self, texts: int, tokens: int) -> Cost:
        """Of texts with so many tokens each."""
        return Cost(texts, texts * tokens * self._seconds)

    def texts_within(self, seconds: float, tokens: int) -> int:
        """How many texts of so many tokens can be read in that time; at least one."""
        each = tokens * self._seconds
        return max(1, int(seconds / each)) if each else 1
