"""What a panel needs to know of its analysis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradio.components import Component

from explorer.analysis.pace import Cost
from explorer.analysis.steps import Steps
from explorer.bundle import Bundle
from explorer.reading import Reading
from explorer.runner import Runner
from explorer.screen import Screen
from explorer.work import ANALYSIS
from explorer.writer import Writer
from explorer.writing import Writing


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an analysis is asked about: the text that the page shows, and the panel's options."""

    runner: Runner
    reading: Reading
    """In the Write tab the source."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Unchecked: as the browser sent them."""
    screen: Screen | None = None
    """All models of the page, for what compares one with another."""
    writer: Writer | None = None
    writing: Writing | None = None
    """In the Write tab what was written."""

    @property
    def models(self) -> Screen:
        """Those of the page, for a panel of the Classify tab."""
        assert self.screen is not None, "asked in the Classify tab"
        return self.screen

    @property
    def written(self) -> tuple[Writer, Writing]:
        """What was written, and by which model, for a panel of the Write tab."""
        assert self.writer is not None, "asked in the Write tab"
        assert self.writing is not None, "asked in the Write tab"
        return self.writer, self.writing


def no_options(bundle: Bundle) -> dict[str, Component]:
    return {}


def no_updates(asked: Asked) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """An analysis as the page offers it."""

    name: str
    """Of the panel's elements: `<name>_start`, `<name>_result` and so on."""
    button: str
    """What stands on the button that starts it."""
    look_for: str
    """What to look for in the result, in a sentence or two; Markdown."""
    widget: str
    """`page/<widget>.js` draws the result."""
    cost: Callable[[Asked], Cost]
    """What it will take. Raises RequestError where it cannot be asked of this text."""
    steps: Callable[[Asked], Steps[dict[str, Any]]]
    """Runs it; gives plain data for the widget. Raises RequestError."""
    lay_out_options: Callable[[Bundle], dict[str, Component]] = no_options
    """Makes its controls, inside the row that is open; they keep the order of this dict."""
    line: Mapping[str, Any] = field(default_factory=lambda: ANALYSIS)
    """What it waits in: see `work.py`."""
    leaves_heads_out: bool = False
    """Its widget may have heads left out, by an event `leave_out` with all of them as `without`. It
    has a property of that name, and what it shows stays when others are left out."""
    refresh_options: Callable[[Asked], dict[str, Any]] = no_updates
    """New values of controls once another text or model is there, by their names."""
