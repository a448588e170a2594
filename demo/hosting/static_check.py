"""Tries a Space that runs in a browser: served as files are, opened in Chromium, read and written
with; every request counted."""

import functools
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bundle_format.folder import read_manifest
from hosting.folder import BUNDLES, SpaceError, sizes

_INSTALL = "pip install playwright && playwright install chromium"
_WITHIN = 120_000
"""Milliseconds, for a busy machine."""
_ROWS = """() => {
  const { weights, tokens } = document.querySelector("#map_view").reading;
  let most = 0;
  for (let at = 0; at < weights.length; at += tokens.length) {
    const row = weights.subarray(at, at + tokens.length);
    most = Math.max(most, Math.abs(row.reduce((sum, share) => sum + share, 0) - 1));
  }
  return most;
}"""


def check_static(folder: Path) -> dict[str, Any]:
    """What was measured of such a Space, by names for a person.

    Raises:
        SpaceError: there is no browser, or the page does not answer, asks another host for
            anything, or complains.
    """
    (bundle,) = (folder / BUNDLES).iterdir()
    manifest = read_manifest(bundle)
    with serve_files(folder) as url, open_browser() as browser:
        page = browser.new_page()
        requests: list[str] = []
        troubles: list[str] = []
        page.on("request", lambda one: requests.append(one.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
        found: dict[str, Any] = {"files": len(sizes(folder)), "MB": _mega(sizes(folder).values())}
        begun = time.monotonic()
        page.goto(url)
        if manifest.classifies:
            page.wait_for_selector("body[data-read]", state="attached", timeout=_WITHIN)
            found["seconds to the first answer"] = round(time.monotonic() - begun, 2)
            found["rows sum to 1 within"] = f"{page.evaluate(_ROWS):.1e}"
        if manifest.writes:
            _write(page)
        beyond = [one for one in requests if not one.startswith((url, "data:", "blob:"))]
        if beyond or troubles:
            raise SpaceError(f"The page asks for {beyond[:3]}, and says {troubles[:3]}")
        found["requests, all of them to its own host"] = len(requests)
    return found


def _write(page: Any) -> None:
    button = page.locator("#write_tab-button")
    if button.is_visible():
        button.click()
    page.locator("#source_field").fill("Not bad at all.")
    page.locator("#write").click()
    page.wait_for_selector("body[data-written]", state="attached", timeout=_WITHIN)


_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}


class _Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def guess_type(self, path: Any) -> str:
        """Some systems know no type for these."""
        return _TYPES.get(Path(path).suffix) or super().guess_type(path)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def serve_files(folder: Path) -> Iterator[str]:
    """Serves a folder on this machine; gives its address, with a `/` at its end."""
    handler = functools.partial(_Files, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium without a window. Raises SpaceError: there is none."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise SpaceError(f"This kind is tried in a browser: {_INSTALL}") from error
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
        except Error as error:
            raise SpaceError(f"This kind is tried in a browser: {_INSTALL}") from error
        try:
            yield browser
        finally:
            browser.close()


def _mega(parts: Any) -> float:
    return round(sum(parts) / 1e6, 1)
