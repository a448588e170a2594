"""How long an analysis will take, how far it is, and how it is stopped.

An analysis is a generator: it yields after every run and returns its result. Whoever drives it may
show the progress, or close it in the middle; whoever only wants the result calls `run_to_end`. Its
cost, told beforehand, is learnt from the runs that were made.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Progress(NamedTuple):
    """How many of the texts are read that an analysis wants read."""

    done: int
    total: int


Progressive = Generator[Progress, None, T]


def run_to_end(steps: Progressive[T]) -> T:
    """Runs an analysis to its end and gives its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def nested(steps: Progressive[T], before: int, total: int) -> Progressive[T]:
    """An analysis as a part of a longer one, of which `before` texts are read already."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value
        yield Progress(before + progress.done, total)


TIME_BUDGET = 10.0
"""Seconds that one analysis plans for, of the 15 that it may take: what a run will cost is known
from those before it, which may have been of shorter texts, and a machine may slow down on the way.
"""

LEAST_TEXTS = 8
"""Texts that an analysis plans for at least, however slow the machine: of a plan that reads none
nothing can be said."""

_REMEMBERED = 5
"""Runs that the estimate is the median of: it follows a machine whose pace drifts with its other
work, and a single run that had to wait for the processor does not move it."""


class Cost(NamedTuple):
    """What an analysis will take."""

    texts: int
    """How many changed texts the model reads."""
    seconds: float


class Throughput:
    """Seconds per token of one model on this machine.

    The time of a text grows with its tokens: between 32 and 512 of them, a model of 384 numbers a
    token takes the same time for each, within a tenth (export/README.md, Latency).

    How much of a long text is analysed depends on it. So an analysis plans once, when it begins,
    and whoever needs the same plan on every machine gives a model a throughput of its own.
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
