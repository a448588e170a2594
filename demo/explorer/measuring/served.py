"""The page in a process of its own, as readers get it, asked through its named endpoints; how much
memory and processor time it has taken, as Linux counts them.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.error import URLError

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
        lines = self.messages(endpoint, data).read().decode().split("\n")
        *_, kind, answer = [line.partition(": ")[2] for line in lines if line.strip()]
        if kind != "complete":
            raise ValueError(f"{endpoint} answers {kind}: {answer:.200}")
        return json.loads(answer)

    def messages(self, endpoint: str, data: list[Any]) -> Any:
        """Calls an endpoint and gives its messages, as they come, to be read or closed.

        Raises:
            HTTPError: of status 503 where the page is busy.
        """
        call = f"{self.address}/gradio_api/call{endpoint}"
        event = json.load(_open(call, json.dumps({"data": data}).encode()))["event_id"]
        return _open(f"{call}/{event}")

    def _info(self) -> dict[str, Any]:
        return json.load(_open(f"{self.address}/gradio_api/info"))["named_endpoints"]


@contextmanager
def served_page(
    script: Path, options: Sequence[str], log: IO[bytes] | None = None
) -> Iterator[ServedPage]:
    """Serves a page while the context is open.

    Args:
        script: the page's `app.py`.
        options: of its command.
        log: where its log goes; to that of this process if it is none.

    Raises:
        OSError: it ends at once, or does not open in two minutes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(script), *options, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
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
            time.sleep(0.05)
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


def processor_seconds(process: int) -> float:
    """What a process took of all cores together."""
    fields = (_PROCESSES / str(process) / "stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _field(process: int, name: str) -> float:
    """The kernel's unit is 1,024 bytes, though it writes kB."""
    lines = (_PROCESSES / str(process) / "status").read_text("utf-8").splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6
