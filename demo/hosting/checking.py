"""Tries a Space as its host does: a new environment from its pins, its start, every endpoint.

It runs from a copy in a temporary folder, so that running leaves nothing in the Space.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from bundle_format.folder import FILE, read_manifest
from bundle_format.schema import Example
from hosting.folder import BUNDLES, SpaceError, most_memory, sizes

HOST = "127.0.0.1"
_TEXT = "Not bad at all: the story is great."
_STARTS_WITHIN, _ANSWERS_WITHIN = 180, 120
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a host installs what a Space needs, and starts it."""

    install: tuple[str, ...]
    """Arguments of pip."""
    command: tuple[str, ...]
    """Arguments of Python."""
    variables: Mapping[str, str] = field(default_factory=dict)
    health: tuple[str, ...] = ()
    """Arguments of Python, by which the host asks whether the Space is well; none if it does not.
    In them and in `variables` the port is `{port}`."""
    reports: bool = False
    """Whether it reports to ZeroGPU when it starts, for which something here stands in."""


def check_page(folder: Path, start: Start) -> dict[str, Any]:
    """What was measured of a Space's page, by names for a person; all endpoints answered.

    Raises:
        SpaceError: something could not be installed, did not start or did not answer.
    """
    with tempfile.TemporaryDirectory(prefix="space-") as place:
        copy = Path(place) / "space"
        shutil.copytree(folder, copy)
        python = _install(Path(place) / "environment", copy, start.install)
        installed = sum(sizes(Path(place) / "environment").values())
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = free.getsockname()[1]
        begun = time.monotonic()
        with _running(python, copy, start, port) as page:
            url = f"http://{HOST}:{port}"
            info = _wait_for(url, page)
            answered, waited = _ask_all(url, info, _texts(copy), begun)
            if start.health:
                asked = [part.replace("{port}", str(port)) for part in start.health]
                subprocess.run([python, *asked], cwd=copy, check=True, timeout=30)
            memory = most_memory(page.pid)
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "files of the Space, MB": _mega(sum(sizes(folder).values())),
        "packages installed, MB": _mega(installed),
        "start to first answer, seconds": round(waited, 1),
        "most memory, MB": memory and _mega(memory),
        "endpoints, seconds": answered,
    }


def _install(environment: Path, copy: Path, pins: tuple[str, ...]) -> Path:
    _run([sys.executable, "-m", "venv", str(environment)], copy)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    _run([str(python), "-m", "pip", "install", "--quiet", *pins], copy)
    return python


def _run(command: list[str], folder: Path) -> None:
    """Raises SpaceError: it fails. Whoever stops this stops it, and what it started, too."""
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    given = {**os.environ, **_temporary(folder.parent)}
    process = subprocess.Popen(
        command, cwd=folder, env=given, text=True, start_new_session=True, **pipes
    )
    try:
        said = process.communicate()[1]
    except BaseException:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode:
        raise SpaceError(
            f"{' '.join(command[1:])[:200]} ended with {process.returncode}: {said[-1500:]}"
        )


def _temporary(place: Path) -> dict[str, str]:
    """Variables by which a process keeps what is temporary in a folder of ours: one that is killed
    leaves it."""
    own = place / "temporary"
    own.mkdir(exist_ok=True)
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(own))


@contextmanager
def _running(
    python: Path, copy: Path, start: Start, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """The Space's process, which ends with the block, with a home of its own."""
    home = copy.parent / "home"
    home.mkdir()
    given = {name: value.replace("{port}", str(port)) for name, value in start.variables.items()}
    platform = _stand_in() if start.reports else None
    if platform:
        address = f"http://{HOST}:{platform.server_port}"
        given |= {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": address}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GRADIO_", "PYTHON", "HF_", "SPACE"))
    }
    log = copy.parent / "log.txt"
    with log.open("wb") as written:
        page = subprocess.Popen(
            [str(python), *start.command],
            cwd=copy,
            env={**kept, **_temporary(copy.parent), "HOME": str(home), **given},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        yield page
    except (OSError, SpaceError, subprocess.SubprocessError) as error:
        said = log.read_text("utf-8", errors="replace")[-1500:]
        raise SpaceError(f"{error}. It said: {said or 'nothing'}") from error
    finally:
        page.terminate()
        try:
            page.wait(timeout=20)
        except subprocess.TimeoutExpired:
            page.kill()
            page.wait()
        if platform:
            platform.shutdown()
            platform.server_close()


def _stand_in() -> HTTPServer:
    """A server that takes any report, as ZeroGPU takes a Space's when it starts."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer((HOST, 0), Taking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _wait_for(url: str, page: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the page says of its endpoints, once it answers."""
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until:
        if page.poll() is not None:
            raise SpaceError(f"The Space stopped with code {page.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/gradio_api/info", timeout=5) as answer:
                return json.load(answer)["named_endpoints"]
        except OSError:
            time.sleep(0.1)
    raise SpaceError(f"The Space did not answer within {_STARTS_WITHIN} seconds")


def _texts(space: Path) -> dict[str, str]:
    """What endpoints are given, by the names of their arguments: the first example of the Space's
    bundle, or where it has none, texts of which its task can be asked."""
    folder = next(iter(sorted(path.parent for path in space.glob(f"{BUNDLES}/*/{FILE}"))), None)
    text, pair = _TEXT, ""
    if folder is not None:
        manifest = read_manifest(folder)
        needs_two = manifest.reads in ("answer", "embed")
        gap = f"The story is {_mask(folder)}." if manifest.reads == "fill" else _TEXT
        example = next(iter(manifest.examples), Example(text=gap, text_pair=_TEXT * needs_two))
        text, pair = example.text, example.text_pair
    return {"text": text, "question": text, "other": text, "text_pair": pair, "context": pair}


def _mask(folder: Path) -> str:
    """How a bundle's tokenizer writes a masked word."""
    token = json.loads((folder / "tokenizer_config.json").read_text("utf-8")).get("mask_token")
    return token["content"] if isinstance(token, dict) else str(token)


def _ask_all(
    url: str, endpoints: Mapping[str, Any], texts: Mapping[str, str], begun: float
) -> tuple[dict[str, float], float]:
    """Seconds of each endpoint, and from the process's start to the first answer."""
    seconds, first = {}, 0.0
    for name, about in endpoints.items():
        asked = time.monotonic()
        _ask(url, name, _values(about["parameters"], texts))
        seconds[name] = round(time.monotonic() - asked, 2)
        first = first or time.monotonic() - begun
    if not seconds:
        raise SpaceError("The Space offers no endpoint")
    return seconds, first


def _values(parameters: list[dict[str, Any]], texts: Mapping[str, str]) -> dict[str, Any]:
    """What must be given, and a second text where there is one."""
    return {
        one["parameter_name"]: texts.get(one["parameter_name"], _TEXT)
        for one in parameters
        if not one["parameter_has_default"]
        or (one["parameter_name"] == "text_pair" and texts["text_pair"])
    }


def _ask(url: str, name: str, values: Mapping[str, Any]) -> None:
    """Gradio's call of two steps. Raises SpaceError: it did not come to an end as it should."""
    call = f"{url}/gradio_api/call"
    request = urllib.request.Request(
        f"{call}/v2{name}", json.dumps(values).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_ANSWERS_WITHIN) as answer:
            event = json.load(answer)["event_id"]
        with urllib.request.urlopen(f"{call}{name}/{event}", timeout=_ANSWERS_WITHIN) as stream:
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", errors="replace")
        raise SpaceError(f"{name} answered {error.code}: {said[:300]}") from error
    if "event: complete" not in lines:
        raise SpaceError(f"{name} did not answer: {' '.join(lines)[-300:]}")
    said = [line for line in lines if line.startswith("data: ")][-1]
    if name == "/health" and not json.loads(said.removeprefix("data: "))[0]["well"]:
        raise SpaceError(f"The page says that it is not well: {said[:1000]}")


def _mega(size: int) -> float:
    return round(size / 1e6, 1)
