"""The kinds of Space, a line of a table each. A new kind is a file of its own, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosting import page_kinds, static_check, static_kind


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a Space of one kind is made."""

    settings: Callable[[], Mapping[str, Any]]
    """What its card says to the Hub, `sdk` first."""
    fill: Callable[[Path], None]
    """Puts in what runs: all but the bundle, which is in `bundles/<name>` by then, and the card."""
    runs: str
    """How it runs here and elsewhere, for its card; Markdown."""
    check: Callable[[Path, static_check.Runner], Mapping[str, Any]]
    """Tries a finished folder as its host would, and where that runs the model by other means than
    the page's own runner, compares them; gives what was measured, by names for a person.
    Raises SpaceError: it does not run as it should."""
    find_tools: Callable[[], None] = lambda: None
    """Raises SpaceError: something is not installed that `check` needs here."""
    accounts: str
    """Which accounts of the Hub can host it, and what that costs."""
    free: bool = False
    """Whether every account can host it, which a payment that is asked for is answered by."""


_PAID = (
    "a PRO account, or a Team or Enterprise organisation; its CPU Basic hardware costs nothing more"
)

KINDS: Mapping[str, Kind] = {
    "gradio": Kind(
        settings=page_kinds.gradio_settings,
        fill=page_kinds.fill_gradio,
        check=lambda folder, _: page_kinds.check_gradio(folder),
        runs="`pip install -r requirements.txt`, then `python app.py`. Python 3.11 or newer.",
        accounts=_PAID,
    ),
    "zerogpu": Kind(
        settings=page_kinds.zerogpu_settings,
        fill=page_kinds.fill_zerogpu,
        check=lambda folder, _: page_kinds.check_zerogpu(folder),
        runs=(
            "`pip install -r requirements.txt`, then `python on_zerogpu.py`. The model runs on the "
            "processor: the one function that asks for a GPU is never called, so that visitors "
            "spend none of their share."
        ),
        accounts=(
            "any account older than 30 days with a confirmed address, free ones included, which "
            "may have two such Spaces; it costs nothing. This kind has not been tried on the "
            "platform itself"
        ),
        free=True,
    ),
    "docker": Kind(
        settings=page_kinds.docker_settings,
        fill=page_kinds.fill_docker,
        check=lambda folder, _: page_kinds.check_docker(folder),
        runs=(
            "`docker build -t page .`, then `docker run --read-only --tmpfs /tmp -p 7860:7860 "
            "page`. It runs as a user who may write nothing, and tells docker whether it is well."
        ),
        accounts=_PAID,
    ),
    "static": Kind(
        settings=static_kind.static_settings,
        fill=static_kind.fill_static,
        check=static_check.check_static,
        find_tools=static_check.find_browser,
        runs=(
            "`python -m http.server`, or any host of files. The model runs in the visitor's "
            "browser: no text leaves it. After a first visit it reads without a network, and after "
            "a first visit to its Write tab, where it has one, it writes without one."
        ),
        accounts="any account, free ones included; it costs nothing",
        free=True,
    ),
}
"""By the words that `--sdk` takes."""
