"""How an analysis that runs the graph many times tells how far it is, and can be stopped.

An analysis is a generator: it yields after every run and returns its result. Whoever drives it may
show the progress, or close it in the middle; whoever only wants the result calls `finish`.
"""

from collections.abc import Generator
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Progress(NamedTuple):
    """How many of the texts are read that an analysis wants read."""

    done: int
    total: int


Steps = Generator[Progress, None, T]


def finish(steps: Steps[T]) -> T:
    """Runs an analysis to its end and gives its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def part_of(steps: Steps[T], before: int, total: int) -> Steps[T]:
    """An analysis as a part of a longer one, of which `before` texts are read already."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value
        yield Progress(before + progress.done, total)
