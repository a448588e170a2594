"""How long a reader waits for a picture: in a browser without a window, as its page gets a text, as
another head is chosen, and as the mouse moves over a map; and how large that text is as a page of
its own. Needs playwright and a Chromium.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

CLICKS, MOVES = 15, 30

_READY = """(count) => document.querySelectorAll("#map_view .own .chip").length === count
    && document.querySelector("#map_view .types .type")
    && !document.querySelector("#map_view .waiting")"""

# From the answer's change to the map's, and to the frame that shows it.
_FIRST = """() => {
  window.first = new Promise((resolve) => {
    let answered = null;
    let drawn = null;
    const done = () => answered && drawn && requestAnimationFrame(() =>
      setTimeout(() => resolve(Math.max(0, performance.now() - answered))));
    new MutationObserver(() => { answered ??= performance.now(); done(); })
      .observe(document.querySelector("#answer"), { subtree: true, childList: true });
    new MutationObserver(() => { drawn ??= answered && performance.now(); done(); })
      .observe(document.querySelector("#map_view .map-box"), { attributes: true });
  });
}"""

_CLICK = """async (index) => {
  const tiles = document.querySelectorAll("#map_view .tile[data-layer='2']:not(.mean)");
  const start = performance.now();
  tiles[index % tiles.length].click();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
}"""

# A frame: from its beginning, past the widget's own work, to the time when it is painted.
_MOVE = """async (step) => {
  const box = document.querySelector("#map_view .map-box");
  const { left, top } = box.getBoundingClientRect();
  let start = 0;
  requestAnimationFrame(() => (start = performance.now()));
  const at = { clientX: left + 150 + 5 * step, clientY: top + 150 + 3 * step, bubbles: true };
  box.dispatchEvent(new PointerEvent("pointermove", at));
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
}"""


class Waits(NamedTuple):
    """Milliseconds that a reader waits, of many tries; and of the first picture once."""

    click: Sequence[float]
    move: Sequence[float]
    first: float
    kept: int
    """Bytes of the text as a page."""

    def cells(self) -> list[str]:
        """Each as the middle one of all, and the least."""
        return [
            *(f"{median(of):.0f} ({min(of):.0f})" for of in (self.click, self.move)),
            f"{self.first:.0f}",
            f"{self.kept / 1e6:.2f}",
        ]


ROWS = (
    "another head",
    "a move over the map",
    "first picture after the answer",
    "the text kept as a page, MB",
)


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """The page in a browser.

    Raises:
        ValueError: there is no browser.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise ValueError("Clicks need a browser: pip install playwright") from error
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
        except Error as error:
            raise ValueError("Clicks need a browser: playwright install chromium") from error
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.locator("#map_view .type").first.wait_for()
        yield page
        browser.close()


def waits_of(page: Any, text: str, shown: int) -> Waits:
    """Has a text read, and then clicks and moves.

    Args:
        shown: how many words or special tokens the text has, as the page shows them.
    """
    page.evaluate(_FIRST)
    page.locator("#text textarea").fill(text)
    page.locator("#text textarea").press("Enter")
    first = page.evaluate("window.first")
    page.wait_for_function(_READY, arg=shown)
    page.locator("#map_view .tile[data-layer='2']").first.click()
    page.wait_for_timeout(3000)  # for the rest of a long text's layer
    clicks, moves = [], []
    for number in range(CLICKS):
        clicks.append(page.evaluate(_CLICK, 7 * number + 1))
        page.wait_for_timeout(150)
    moves = [page.evaluate(_MOVE, number) for number in range(MOVES)]
    with page.expect_download() as download:
        page.locator("#map_view button.page").click()
    return Waits(clicks, moves, first, Path(download.value.path()).stat().st_size)
