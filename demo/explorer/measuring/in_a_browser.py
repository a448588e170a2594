"""How long the page takes that runs in its visitor's browser: its first answer, a text, a token
that is written; and how much a visitor fetches for it. Needs Linux, which tells processor time.
"""

import gzip
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_READINGS = 10
_SHOWN = "#map_view .types .type"
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def first_answers(browser: Any, address: str) -> tuple[float, float]:
    """Seconds until the first answer with its maps, of a first visit and of a later one."""
    context = browser.new_context()
    found = []
    for _ in range(2):
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(address)
        page.locator(_SHOWN).first.wait_for(state="attached", timeout=120_000)
        found.append(time.perf_counter() - begun)
        page.evaluate("navigator.serviceWorker.ready")
        page.close()
    context.close()
    return found[0], found[1]


def fetched(folder: Path, *, decoder: bool = False) -> float:
    """MB of all files that a visitor fetches to read, or of those for writing alone, by gzip."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "README.md"]
    wanted = [one for one in files if ("decoder" in one.relative_to(folder).as_posix()) == decoder]
    return sum(len(gzip.compress(one.read_bytes(), 6)) for one in wanted) / 1e6


def reading_times(page: Any, text: str) -> tuple[float, float]:
    """Milliseconds of one reading, the least of several; and of the browser's processor time for
    it, drawing included."""
    waits, before = [], 0.0
    for number in range(_READINGS + 2):
        if number == 2:  # the first ones warm up
            before = _processor_time()
        own = text if number % 2 else f"{text} "
        page.locator("#text_field").fill(own)
        page.locator("#text .submit-button").click()
        page.wait_for_function("(text) => document.body.dataset.read === text", arg=own)
        said = page.locator("#status").inner_text()
        waits.append(float(re.findall(r"read in (\d+) ms", said)[0]))
    return min(waits[2:]), 1000 * (_processor_time() - before) / _READINGS


def tokens_a_second(page: Any, text: str) -> tuple[int, float, float]:
    """How many tokens were written, and how many a second the last time: the first one fetches the
    decoder; and milliseconds of the browser's processor time for each, drawing included."""
    page.locator("#write_tab-button").click()
    for _ in range(4):
        before = _processor_time()
        page.locator("#source_field").fill(text)
        page.locator("#write").click()
        page.wait_for_function(
            "() => / written in /.test(document.querySelector('#status').textContent)"
        )
        said = page.locator("#status").inner_text()
        used = _processor_time() - before
        page.evaluate("() => (document.querySelector('#status').textContent = '')")
    count, seconds = re.findall(r"(\d+) tokens written in ([\d.]+) s", said)[0]
    return int(count), int(count) / float(seconds), 1000 * used / int(count)


def _processor_time() -> float:
    """Seconds that the processes have used that this one started, and those that they did."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return sum(used[one] for one in used if os.getpid() in _above(one, parents))


def _above(process: int, parents: dict[int, int]) -> Sequence[int]:
    found = []
    while process in parents:
        process = parents[process]
        found.append(process)
    return found
