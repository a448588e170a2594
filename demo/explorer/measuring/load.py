"""How long readers of a served page wait while others ask as well, and whether all of them get the
answer that each gets alone.
"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any, NamedTuple
from urllib.error import HTTPError

import numpy as np

from explorer.measuring.faithfulness import Text
from explorer.measuring.served import ServedPage

READERS, EACH = 100, 3
"""Of a crowd that comes at once, and how often each of them asks."""
MIXED_READERS, MIXED_SECONDS = 24, 60.0
ANALYSES = ("/pairs", "/trust", "/occlusion", "/source_reliance", "/decoder_head_effects")
"""Three of them, as far as the page has them, are what a simple reading waits beside."""
MIXED = ("/classify", "/attention", "/occlusion", "/head_types", "/generate")
"""What a crowd asks for, as far as the page has it."""
_WORDS, _TEXTS = 8, 10
"""Of a short text, each of whose words an analysis takes away on the slowest machine; how many."""
_PATIENCE = 120.0
"""Seconds after which no more is asked beside analyses, however far these are."""
_BUSY = 503


class Asked(NamedTuple):
    """What may be asked of a page, and the answer that it gives alone."""

    endpoint: str
    data: list[Any]
    answer: Any


class Waits(NamedTuple):
    """How long the answers took, in seconds, those that were right; and how many were not."""

    seconds: list[float]
    wrong: int

    def describe(self) -> str:
        """The numbers of a table's row."""
        right = f"{len(self.seconds)} of {len(self.seconds) + self.wrong} right"
        if not self.seconds:
            return right
        median, late, most = np.quantile(self.seconds, (0.5, 0.95, 1))
        return f"{right}, p50 {median:.2f} s, p95 {late:.2f} s, at most {most:.2f} s"


def short_requests(page: ServedPage, texts: Sequence[Text]) -> list[Asked]:
    """Some short texts, each asked about in every way, alone."""
    beginnings = (" ".join(text.split()[:_WORDS]) for text, _ in texts)
    some = list(islice(dict.fromkeys(text for text in beginnings if text), _TEXTS))
    names = [name for name in MIXED if name in page.endpoints()]
    requests = [(name, page.data(name, text)) for text in some for name in names]
    return [Asked(name, data, page.call(name, data)) for name, data in requests]


def beside_analyses(page: ServedPage, simple: Asked, long: Text) -> Waits:
    """One simple request after another while three analyses of a long text are asked for."""
    names = [name for name in ANALYSES if name in page.endpoints()][:3]
    data = [page.data(name, *long) for name in names]
    end = time.monotonic() + _PATIENCE
    with ThreadPoolExecutor(len(names)) as pool:
        analyses = [pool.submit(page.call, *one) for one in zip(names, data, strict=True)]
        found = []
        while not all(one.done() for one in analyses) and time.monotonic() < end:
            found.append(_seconds(page, simple))
            time.sleep(0.1)
        for one in analyses:
            one.result()
    return _together(found)


def crowd(page: ServedPage, requests: Sequence[Asked]) -> Waits:
    """Many readers at once, each with a few requests one after another."""
    turns = cycle(requests)
    of_each = [list(islice(turns, EACH)) for _ in range(READERS)]
    with ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda those: [_seconds(page, one) for one in those], of_each)
        return _together([one for those in found for one in those])


def mixed(page: ServedPage, requests: Sequence[Asked], seed: int) -> Waits:
    """Some readers who go on asking for this and that."""
    end = time.monotonic() + MIXED_SECONDS
    with ThreadPoolExecutor(MIXED_READERS) as pool:
        readers = [random.Random(seed + number) for number in range(MIXED_READERS)]
        found = pool.map(lambda reader: list(_until(end, page, requests, reader)), readers)
        return _together([one for those in found for one in those])


def _until(
    end: float, page: ServedPage, requests: Sequence[Asked], reader: random.Random
) -> Iterator[float | None]:
    while time.monotonic() < end:
        yield _seconds(page, reader.choice(requests))


def _seconds(page: ServedPage, asked: Asked) -> float | None:
    """How long an answer took, asked again while the page is busy; None if it was a wrong one."""
    started = time.monotonic()
    while True:
        try:
            answer = page.call(asked.endpoint, asked.data)
        except HTTPError as error:
            error.close()
            if error.code != _BUSY:
                raise
            time.sleep(0.2)
        else:
            return time.monotonic() - started if answer == asked.answer else None


def _together(found: Sequence[float | None]) -> Waits:
    right = [seconds for seconds in found if seconds is not None]
    return Waits(right, len(found) - len(right))
