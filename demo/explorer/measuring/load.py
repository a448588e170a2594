"""How long readers of a page wait while others ask as well, whether all of them get the answer that
each gets alone, and what is left of those who leave in the middle.
"""

import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any, NamedTuple
from urllib.error import HTTPError

import numpy as np

from explorer.measuring.analyses import Text
from explorer.measuring.served import ServedPage

READERS, EACH = 100, 3
"""Of a crowd that comes at once, and how often each of them asks."""
MIXED_READERS = 24
"""Of those who go on asking for this and that."""
_LEAVE, _STAY = 0.2, 0.5
"""How often such a reader asks for something long and leaves; seconds after which, at most."""
ANALYSES = ("/pairs", "/trust", "/occlusion", "/source_reliance", "/decoder_head_effects")
"""Three of them, as far as the page has them, are what a simple reading waits beside."""
MIXED = ("/classify", "/attention", "/occlusion", "/head_types", "/generate")
"""What a crowd asks for, as far as the page has it."""
_WORDS, _TEXTS = 8, 10
"""Of a short text, each of whose words an analysis takes away on the slowest machine; how many."""
_LONGEST = 120.0
"""Seconds after which no more is asked beside analyses, however far these are."""
_BUSY = 503


class Asked(NamedTuple):
    """What may be asked of a page, and the answer that it gives alone."""

    endpoint: str
    data: list[Any]
    answer: Any


class Waits(NamedTuple):
    """How long the answers took, in seconds, those that were right; how many were not; how often
    one was told that the page is busy, and asked again; how many left before their answer."""

    seconds: list[float]
    wrong: int = 0
    busy: int = 0
    left: int = 0

    def describe(self) -> str:
        """The numbers of a table's row."""
        told = f"{len(self.seconds)} of {len(self.seconds) + self.wrong} right"
        if self.seconds:
            median, late, most = np.quantile(self.seconds, (0.5, 0.95, 1))
            told += f", p50 {median:.2f} s, p95 {late:.2f} s, at most {most:.2f} s"
        told += f"; {self.busy} times told that the page is busy" if self.busy else ""
        return told + (f"; {self.left} left in the middle" if self.left else "")


def short_requests(page: ServedPage, texts: Sequence[Text]) -> list[Asked]:
    """Some short texts, each asked about in every way, alone."""
    beginnings = (" ".join(text.split()[:_WORDS]) for text, _ in texts)
    some = list(islice(dict.fromkeys(text for text in beginnings if text), _TEXTS))
    names = [name for name in MIXED if name in page.endpoints()]
    requests = [(name, page.data(name, text)) for text in some for name in names]
    return [Asked(name, data, page.call(name, data)) for name, data in requests]


def beside_analyses(page: ServedPage, simple: Asked, long: Text) -> Waits:
    """One simple request after another while three analyses of a long text are asked for."""
    with ThreadPoolExecutor(3) as pool:
        analyses = [pool.submit(page.call, *one) for one in long_requests(page, long)[:3]]
        found, end = [], time.monotonic() + _LONGEST
        while not all(one.done() for one in analyses) and time.monotonic() < end:
            found.append(_ask(page, simple))
            time.sleep(0.1)
        for one in analyses:
            one.result()
    return _together(found)


def long_requests(page: ServedPage, long: Text) -> list[tuple[str, list[Any]]]:
    """What takes long: analyses, as far as the page has them, of a long text."""
    names = page.endpoints()
    return [(name, page.data(name, *long)) for name in ANALYSES if name in names]


def crowd(page: ServedPage, requests: Sequence[Asked]) -> Waits:
    """Many readers at once, each with a few requests one after another."""
    turns = cycle(requests)
    of_each = [list(islice(turns, EACH)) for _ in range(READERS)]
    with ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda those: [_ask(page, one) for one in those], of_each)
        return _together([one for those in found for one in those])


def mixed(
    page: ServedPage, requests: Sequence[Asked], long: Text, seconds: float, seed: int
) -> Waits:
    """Some readers who go on asking for this and that, and now and then for an analysis of a long
    text, whose end they do not wait for."""
    end, analyses = time.monotonic() + seconds, long_requests(page, long)

    def until_the_end(reader: random.Random) -> list[Waits]:
        found = []
        while time.monotonic() < end:
            if analyses and reader.random() < _LEAVE:
                found.append(_leave(page, reader.choice(analyses), _STAY * reader.random()))
            else:
                found.append(_ask(page, reader.choice(requests)))
        return found

    with ThreadPoolExecutor(MIXED_READERS) as pool:
        readers = [random.Random(seed + number) for number in range(MIXED_READERS)]
        found = pool.map(until_the_end, readers)
        return _together([one for those in found for one in those])


def afterwards(page: ServedPage, requests: Sequence[Asked]) -> Waits:
    """Each request once more, alone, soon after others left.

    Raises:
        HTTPError: of status 503 where those who left still have their places.
    """
    time.sleep(_STAY + 2)  # the page looks once a second who is still there
    found = []
    for one in requests:
        started = time.monotonic()
        is_right = page.call(one.endpoint, one.data) == one.answer
        found.append(Waits([time.monotonic() - started]) if is_right else Waits([], wrong=1))
    return _together(found)


def _ask(page: ServedPage, asked: Asked) -> Waits:
    """One answer, asked for again while the page is busy."""
    started, busy = time.monotonic(), 0
    while True:
        try:
            answer = page.call(asked.endpoint, asked.data)
        except HTTPError as error:
            _check_is_busy(error)
            busy += 1
            time.sleep(0.2)
        else:
            if answer != asked.answer:
                return Waits([], wrong=1, busy=busy)
            return Waits([time.monotonic() - started], busy=busy)


def _leave(page: ServedPage, request: tuple[str, list[Any]], seconds: float) -> Waits:
    """Asks for something, and closes the connection in the middle."""
    try:
        with page.messages(*request):
            time.sleep(seconds)
    except HTTPError as error:
        _check_is_busy(error)
        return Waits([], busy=1)
    return Waits([], left=1)


def _check_is_busy(error: HTTPError) -> None:
    """Raises what it is given, unless it says so in a sentence."""
    with error:
        if error.code != _BUSY or "The page is busy" not in json.load(error)["detail"]:
            raise error


def _together(found: Sequence[Waits]) -> Waits:
    seconds = [one for waits in found for one in waits.seconds]
    wrong, busy, left = (sum(column) for column in list(zip(*found, strict=True))[1:])
    return Waits(seconds, wrong, busy, left)
