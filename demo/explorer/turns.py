"""Whose turn it is to run a graph: one at a time, and who waits for a single text goes first.

Every graph uses all cores that there are, so two runs at once would make both late and hold the
memory of both. What runs a graph many times takes a turn for each run; a reading that came
meanwhile goes before its next one, so that nobody waits for more than the run that is under way.
"""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from itertools import count
from threading import Condition

_PATIENCE = 10.0
"""Seconds that the end of the program waits for the run that is under way."""


class Turns:
    """Turns in the order in which they were asked for, but those asked for as first."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._numbers = count()
        self._waiting: list[tuple[bool, int]] = []
        self._taken = False
        self._closed = False

    @contextmanager
    def take(self, *, first: bool = False) -> Iterator[None]:
        """Waits for a turn and holds it while the context is open; not to be taken inside another.

        Args:
            first: it is for one text that somebody waits for: it goes before all that are not.
        """
        place = (not first, next(self._numbers))
        with self._changed:
            heappush(self._waiting, place)
            try:
                self._changed.wait_for(lambda: self._is_next(place))
            finally:
                self._leave(place)
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()

    def close(self) -> None:
        """Nobody gets a turn any more, and whoever waits for one waits until the program ends.
        Returns once the run that is under way has ended."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._taken, _PATIENCE)

    def _is_next(self, place: tuple[bool, int]) -> bool:
        return not self._taken and not self._closed and self._waiting[0] == place

    def _leave(self, place: tuple[bool, int]) -> None:
        if self._waiting[0] == place:
            heappop(self._waiting)
        else:  # interrupted while it waited
            self._waiting.remove(place)
            heapify(self._waiting)
            self._changed.notify_all()


TURNS = Turns()
"""Those of this machine, for all models of a page."""

# A program that ends while a graph runs in a thread of the server is aborted by the C++ library.
atexit.register(TURNS.close)
