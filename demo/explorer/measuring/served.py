"""The page in a process of its own, as readers get it, asked through its named endpoints: how much
memory it has, as Linux counts it; how long readers wait while others ask as well, and whether all
of them get the answer that each gets alone.
"""

import json
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError

import numpy as np

from explorer.measuring.analyses import Text

_PATIENCE = 120
"""Seconds that a page may take to open."""


class ServedPage(NamedTuple):
    """A page that runs."""

    process: int
    """Its number."""
    address: str

    def endpoints(self) -> list[str]:
        """The names of its endpoints, with their slash."""
        return list(self._info())

    def ask(self, endpoint: str, text: str, text_pair: str = "") -> Any:
        """Calls an endpoint with a text; all else is what it is by default.

        Raises:
            ValueError: the page answers with an error.
        """
        return self.call(endpoint, self.data(endpoint, text, text_pair))

    def data(self, endpoint: str, text: str, text_pair: str = "") -> list[Any]:
        """What to send an endpoint for a text."""
        given = {"text": text, "text_pair": text_pair, "other": text}
        parameters = self._info()[endpoint]["parameters"]
        return [
            given.get(one["parameter_name"], one.get("parameter_default")) for one in parameters
        ]

    def call(self, endpoint: str, data: list[Any]) -> Any:
        """Calls an endpoint with what it takes, and gives its last answer.

        Raises:
            HTTPError: of status 503 where the page is busy.
            ValueError: the page answers with an error.
        """
        call = f"{self.address}/gradio_api/call{endpoint}"
        event = json.load(_open(call, json.dumps({"data": data}).encode()))["event_id"]
        lines = _open(f"{call}/{event}").read().decode().split("\n")
        *_, kind, answer = [line.partition(": ")[2] for line in lines if line.strip()]
        if kind != "complete":
            raise ValueError(f"{endpoint} answers {kind}: {answer:.200}")
        return json.loads(answer)

    def _info(self) -> dict[str, Any]:
        return json.load(_open(f"{self.address}/gradio_api/info"))["named_endpoints"]


@contextmanager
def served_page(script: Path, options: Sequence[str]) -> Iterator[ServedPage]:
    """Serves a page while the context is open.

    Args:
        script: the page's `app.py`.
        options: of its command.

    Raises:
        OSError: it ends at once, or does not open in two minutes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(script), *options, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    page = ServedPage(process.pid, f"http://127.0.0.1:{port}")
    try:
        _wait(process, page)
        yield page
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen, page: ServedPage) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise OSError(f"The page ended with the code {process.returncode}.")
        try:
            page.endpoints()
        except URLError:
            time.sleep(0.2)
        else:
            return
    raise OSError(f"The page did not open within {_PATIENCE} seconds.")


def _open(address: str, body: bytes | None = None) -> Any:
    headers = {"Content-Type": "application/json"}
    return urllib.request.urlopen(urllib.request.Request(address, body, headers))


_PROCESSES = Path("/proc")


def can_measure() -> bool:
    """Whether the system tells."""
    return (_PROCESSES / "self" / "status").exists()


def resident(process: int) -> float:
    """What a process holds now, in millions of bytes."""
    return _field(process, "VmRSS")


def peak(process: int) -> float:
    """The most that it ever held, in millions of bytes."""
    return _field(process, "VmHWM")


def _field(process: int, name: str) -> float:
    """The kernel's unit is 1,024 bytes, though it writes kB."""
    lines = (_PROCESSES / str(process) / "status").read_text("utf-8").splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6


READERS, EACH = 100, 3
"""Of a crowd that comes at once, and how often each of them asks."""
MIXED_READERS, MIXED_SECONDS = 24, 60.0
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
    end = time.monotonic() + _LONGEST
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

    def until_the_end(reader: random.Random) -> list[float | None]:
        found = []
        while time.monotonic() < end:
            found.append(_seconds(page, reader.choice(requests)))
        return found

    with ThreadPoolExecutor(MIXED_READERS) as pool:
        readers = [random.Random(seed + number) for number in range(MIXED_READERS)]
        found = pool.map(until_the_end, readers)
        return _together([one for those in found for one in those])


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
