"""What the tests of the page share: a tiny bundle, readings of it, a served page, a browser.

Everything here runs with demo/requirements.txt and pytest alone. What needs more skips with the
command that installs it; under REQUIRE_ALL=1 such a skip is a failure.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from explorer.bundle import Bundle, open_bundle
from explorer.runner import Runner

TINY = Path(__file__).parent / "tiny_bundle"
DEMO = Path(__file__).parents[2] / "demo"
INSTALL_BROWSER = (
    "needs a browser: pip install playwright axe-playwright-python && playwright install chromium"
)


def skip(reason: str) -> None:
    """Skips a test for want of a tool; where all tools are promised, that is a failure."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, but this test {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def skip_for_want() -> Callable[[str], None]:
    return skip


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    return DEMO


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return open_bundle(TINY)


@pytest.fixture(scope="session")
def runner(bundle: Bundle) -> Runner:
    return Runner(bundle)


@pytest.fixture(scope="session")
def copy_of_tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a copy of the tiny bundle with changed fields in its bundle.json."""

    def copy(**changes: Any) -> Path:
        folder = tmp_path_factory.mktemp("bundle") / "copy"
        shutil.copytree(TINY, folder)
        file = folder / "bundle.json"
        content = {**json.loads(file.read_text("utf-8")), **changes}
        file.write_text(json.dumps(content), encoding="utf-8")
        return folder

    return copy


@pytest.fixture(scope="session")
def url(bundle: Bundle, copy_of_tiny: Callable[..., Path]) -> Iterator[str]:
    """The address of a page with two models, the tiny one and a copy that calls itself Second."""
    import app

    second = open_bundle(
        copy_of_tiny(title="Second", problem_type="multi_label", tasks=["classify"])
    )
    page = app.build_app([bundle, second])
    _, address, _ = app.launch(page, prevent_thread_lock=True, quiet=True)
    yield address
    page.close(verbose=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser without a window, in which pages are opened."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        skip(INSTALL_BROWSER)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
        except Error:
            skip(INSTALL_BROWSER)
        # One context for all: its cache spares every page but the first the fetching of gradio.
        yield chromium.new_context()
        chromium.close()


@pytest.fixture(scope="session")
def open_page(browser: Any) -> Callable[..., Any]:
    """Opens pages that must not complain: a context manager for each."""

    @contextmanager
    def opened(url, *, theme="light", width=1280, height=800):
        """A page that has shown its first reading; no message, dialog or foreign request."""
        troubles = []
        page = browser.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(15_000)
        page.on(
            "console",
            lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog}"), dialog.dismiss()))
        page.on(
            "request",
            lambda r: None if r.url.startswith((url, "data:", "blob:")) else troubles.append(r.url),
        )
        page.goto(f"{url}?__theme={theme}")
        page.locator("#svg:enabled").wait_for()
        yield page
        page.close()
        assert troubles == []

    return opened
