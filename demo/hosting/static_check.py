"""Tries a Space that runs in a browser: served as files are, opened in Chromium, read and written
with, compared with the page's own runner; every request counted, and at last no server at all."""

import http.server
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bundle_format.folder import read_manifest
from bundle_format.schema import Manifest
from hosting.folder import BUNDLES, SpaceError, most_memory, sizes

_INSTALL = "pip install playwright && playwright install chromium"
_WITHIN = 120_000
"""Milliseconds, for a busy machine."""
_OPEN, _READ = "body[data-open]", "body[data-read]"
_SAID = """() => {
  const { text, text_pair, ids, logits, weights } = document.querySelector("#map_view").reading;
  return { text, text_pair, ids, logits: [...(logits ?? [])], weights: [...weights] };
}"""
_SLACK = 1e-3
"""Of attention, by which two runtimes may differ beyond what 8 bit explains."""


class Answered(NamedTuple):
    """What a bundle's graph says of a text, or of a pair."""

    ids: list[int]
    logits: list[float]
    """Of a classifier; none of others, whose answers hang on what is asked."""
    weights: list[float]
    """All maps one behind the other, by layer, head, query and key."""


Runner = Callable[[Path, str, str], Answered]
"""Reads a text, and a second one, with the bundle of a folder."""


def check_static(folder: Path, runner: Runner) -> dict[str, Any]:
    """What was measured of such a Space, by names for a person.

    Args:
        runner: the served page's, with which its answer is compared.

    Raises:
        SpaceError: there is no browser, or the page does not answer, answers otherwise than the
            bundle does elsewhere, asks another host for anything, or complains.
    """
    (bundle,) = (folder / BUNDLES).iterdir()
    manifest = read_manifest(bundle)
    found: dict[str, Any] = {"files": len(sizes(folder)), "MB": _mega(sizes(folder).values())}
    with open_browser() as browser:
        page = browser.new_page()
        requests: list[str] = []
        troubles: list[str] = []
        page.on("request", lambda one: requests.append(one.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
        with serve_files(folder) as url, _awaiting(troubles):
            found["seconds to the first answer"] = _opened(page, url, manifest)
            if manifest.reads != "encode":
                found |= _compared(manifest, page.evaluate(_SAID), partial(runner, bundle))
            if manifest.writes:
                found["written"] = _written(page)
            page.evaluate("navigator.serviceWorker.ready")
            known = len(requests)
        with _awaiting(troubles):  # nobody serves it any more
            found["seconds to the first answer without a network"] = _opened(page, url, manifest)
        memory = [most_memory(process) or 0 for process in _processes()]
        found["most memory of one of the browser's processes, MB"] = _mega([max(memory, default=0)])
        beyond = [one for one in requests if not one.startswith((url, "data:", "blob:"))]
        if beyond or troubles:
            raise SpaceError(f"The page asks for {beyond[:3]}, and says {troubles[:3]}")
        found["requests, all of them to its own host"] = known
    return found


def _opened(page: Any, url: str, manifest: Manifest) -> float:
    """Seconds until a page that is opened has its first answer, or where it only writes, could. One
    that offers no example is given a text."""
    begun = time.monotonic()
    page.goto(url)
    page.wait_for_selector(_OPEN, state="attached", timeout=_WITHIN)
    if manifest.reads != "encode":
        if not manifest.examples:
            page.locator("#text_field").fill("Not bad at all.")
            page.locator("#text .submit-button").click()
        page.wait_for_selector(_READ, state="attached", timeout=_WITHIN)
    return round(time.monotonic() - begun, 2)


def _written(page: Any) -> str:
    button = page.locator("#write_tab-button")
    if button.is_visible():
        button.click()
    page.locator("#source_field").fill("Not bad at all.")
    page.locator("#write").click()
    page.wait_for_selector("body[data-written]", state="attached", timeout=_WITHIN)
    return str(page.locator("body").get_attribute("data-written"))


def _compared(
    manifest: Manifest, said: dict[str, Any], runner: Callable[[str, str], Answered]
) -> dict[str, str]:
    """How far the page's answer and its maps are from the same graph's in onnxruntime.

    Raises:
        SpaceError: farther than two runtimes are that round 8 bit in their own ways.
    """
    wanted = runner(said["text"], said["text_pair"])
    if said["ids"] != wanted.ids:
        raise SpaceError(
            f"The page cuts {said['text']!r:.60} into other tokens than the tokenizers library; "
            "make a Space of another kind"
        )
    tokens, weights = len(wanted.ids), said["weights"]
    differences = (abs(one - other) for one, other in zip(weights, wanted.weights, strict=True))
    moved = sum(differences) * tokens / (2 * len(weights))
    error = getattr(manifest.graphs.by_task()[manifest.reads].get("8bit"), "map_error", None)
    # Two that are each so far from float32 are at most twice that apart.
    most = _SLACK + 2 * (error.mean if error else 0)
    if moved > most:
        raise SpaceError(
            f"The page's maps differ from onnxruntime's by {moved:.4f} of a row's attention; "
            f"expected at most {most:.4f}"
        )
    rows = (sum(weights[at : at + tokens]) for at in range(0, len(weights), tokens))
    pairs = zip(said["logits"], wanted.logits, strict=True) if wanted.logits else ()
    apart = [abs(one - other) for one, other in pairs]
    return {
        "a row of a map differs from onnxruntime's by, on average": f"{moved:.1e}",
        **({"a logit by at most": f"{max(apart):.1e}"} if apart else {}),
        "rows sum to 1 within": f"{max(abs(row - 1) for row in rows):.1e}",
    }


@contextmanager
def _awaiting(troubles: Sequence[str]) -> Iterator[None]:
    """What the page complained of, where it does not do what is waited for."""
    from playwright.sync_api import Error

    try:
        yield
    except Error as error:
        said = f", and says {list(troubles[:3])}" if troubles else ""
        raise SpaceError(f"The page does not answer ({str(error)[:200]}){said}") from error


def _processes() -> list[int]:
    """Those that this one started, and those that they did; none where the system does not say."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text("utf-8").rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    found = [os.getpid()]
    for process in found:  # grows as it is read
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}


class _Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def guess_type(self, path: Any) -> str:
        """Some systems know no type for these."""
        return _TYPES.get(Path(path).suffix) or super().guess_type(path)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


class _Server(http.server.ThreadingHTTPServer):
    """Says nothing of a browser that leaves, or is stopped, while a file goes to it."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Called where an error is handled."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve_files(folder: Path, port: int = 0) -> Iterator[str]:
    """Serves a folder on this machine, by default at a port that is free; gives its address, with a
    `/` at its end."""
    handler = partial(_Files, directory=str(folder))
    with _Server(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def find_browser() -> None:
    """Raises SpaceError: there is no browser."""
    with open_browser():
        pass


@contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium without a window. Raises SpaceError: there is none."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise SpaceError(f"This kind is tried in a browser: {_INSTALL}") from error
    # A browser that is stopped while it starts leaves what it keeps for a while.
    own = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
    with own as place, sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu"],
                env={**os.environ, "TMPDIR": place},
            )
        except Error as error:
            raise SpaceError(f"This kind is tried in a browser: {_INSTALL}") from error
        try:
            yield browser
        finally:
            browser.close()


def _mega(parts: Any) -> float:
    return round(sum(parts) / 1e6, 1)
