"""How long a model takes, learnt from the runs that were made: a price that is told beforehand."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

LONGEST = 10.0
"""Seconds that one analysis plans for, of the 15 that it may take: what a run will cost is known
from those before it, which may have been of shorter texts, and a machine may slow down on the way.
"""

_REMEMBERED = 5
"""Runs that the estimate is the median of: it follows a machine whose pace drifts with its other
work, and a single run that had to wait for the processor does not move it."""


class Cost(NamedTuple):
    """What an analysis will take."""

    texts: int
    """How many changed texts the model reads."""
    seconds: float


class Pace:
    """Seconds per token of one model on this machine.

    The time of a text grows with its tokens: between 32 and 512 of them, a model of 384 numbers a
    token takes the same time for each, within a tenth (export/README.md, Latency).

    How much of a long text is looked at hangs on it. So an analysis plans once, when it begins, and
    whoever needs the same plan on every machine gives a model a pace of its own.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._latest: deque[float] = deque(maxlen=_REMEMBERED)

    @contextmanager
    def measuring(self, tokens: int) -> Iterator[None]:
        """To be entered around one run over so many tokens, padding included."""
        started = self._clock()
        yield
        self._latest.append((self._clock() - started) / max(tokens, 1))

    @property
    def seconds(self) -> float:
        """For one token; 0 before the first run."""
        return median(self._latest) if self._latest else 0.0

    def cost(self, texts: int, tokens: int) -> Cost:
        """Of texts with so many tokens each."""
        return Cost(texts, texts * tokens * self.seconds)

    def texts_within(self, seconds: float, tokens: int) -> int:
        """How many texts of so many tokens can be read in that time; at least one."""
        each = tokens * self.seconds
        return max(1, int(seconds / each)) if each else 1
