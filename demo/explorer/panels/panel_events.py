"""What happens in a panel: its price is told, it runs, it is stopped.

Whoever speaks HTTP can call these with anything; `ask` and the analysis check what they are given.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, Protocol

import gradio as gr

from explorer.analysis.pace import Cost
from explorer.analysis.steps import Progress
from explorer.panels.analysis import Analysis, Asked
from explorer.panels.panel import Panel
from explorer.request import RequestError

_PAUSE = 0.1
"""Seconds between two tellings of the progress: more often, nobody sees."""


class Asking(Protocol):
    """Finds what the page shows; unchecked values in. Raises RequestError."""

    def __call__(self, shown: Any, options: dict[str, Any]) -> Asked: ...


class PanelEvents:
    """The handlers of one panel."""

    def __init__(self, panel: Panel, ask: Asking) -> None:
        self._analysis: Analysis = panel.analysis
        self._names = list(panel.options)
        self._ask = ask

    def prepare(self, shown: Any, *values: Any) -> list:
        """Another text is there. Gives: price, result, and the options in their order."""
        unchanged = [gr.skip() for _ in self._names]
        if not shown:
            return [{"text": ""}, {}, *unchanged]
        try:
            asked = self._asked(shown, values)
            updates = self._analysis.refresh_options(asked)
        except RequestError as error:
            return [{"error": str(error)}, {}, *unchanged]
        current = [
            updates.get(name, {}).get("value", value)
            for name, value in zip(self._names, values, strict=True)
        ]
        options = [updates.get(name, gr.skip()) for name in self._names]
        return [self.price(shown, *current), self._result(asked, value={}), *options]

    def follow_heads(self, shown: Any, *values: Any) -> list:
        """Other heads are left out of the same text. Gives what `prepare` gives; the options stay,
        and the result where its analysis says so."""
        unchanged = [gr.skip() for _ in self._names]
        try:
            result = self._result(self._asked(shown, values))
        except RequestError as error:
            return [{"error": str(error)}, {}, *unchanged]
        return [self.price(shown, *values), result, *unchanged]

    def price(self, shown: Any, *values: Any) -> dict[str, Any]:
        """An option has changed, or the text. Gives what the analysis would take now."""
        if not shown:
            return {"text": ""}
        return _or_error(lambda: {"text": price_in_words(self._cost(shown, values))})

    def run(self, shown: Any, *values: Any) -> Iterator[tuple]:
        """The analysis is to run. Gives, again and again: price, result, stop."""
        yield {"text": "It begins.", "share": 0}, gr.skip(), gr.update(interactive=True)
        try:
            asked = self._asked(shown, values)
            result = yield from self._follow(asked)
            price = {"text": price_in_words(self._analysis.cost(asked))}
        except RequestError as error:
            yield {"error": str(error)}, gr.skip(), gr.update(interactive=False)
            return
        yield price, result, gr.update(interactive=False)

    def settle(self, shown: Any, *values: Any) -> tuple:
        """It was stopped. Gives: price, stop."""
        return self.price(shown, *values), gr.update(interactive=False)

    def _follow(self, asked: Asked) -> Generator[tuple, None, dict[str, Any]]:
        started, told = time.monotonic(), 0.0
        # Whoever leaves or stops closes this generator, and with it the analysis.
        with closing(self._analysis.steps(asked)) as steps:
            while True:
                try:
                    progress = next(steps)
                except StopIteration as end:
                    return end.value
                now = time.monotonic()
                if now - told >= _PAUSE:
                    told = now
                    yield _how_far(progress, now - started), gr.skip(), gr.skip()

    def _result(self, asked: Asked, **changes: Any) -> Any:
        if not self._analysis.leaves_heads_out:
            return {}
        return gr.update(without=asked.reading.without, **changes)

    def _asked(self, shown: Any, values: tuple) -> Asked:
        if not shown:
            raise RequestError("Nothing was read yet. Write a sentence, and press Read.")
        return self._ask(shown, dict(zip(self._names, values, strict=True)))

    def _cost(self, shown: Any, values: tuple) -> Cost:
        return self._analysis.cost(self._asked(shown, values))


def price_in_words(cost: Cost) -> str:
    """What an analysis will take, for the reader who may start it."""
    many = f"{cost.texts:,} changed text{'' if cost.texts == 1 else 's'}"
    return f"Reads {many}, {_seconds(cost.seconds)}."


def _how_far(progress: Progress, seconds: float) -> dict[str, Any]:
    left = seconds / max(progress.done, 1) * (progress.total - progress.done)
    return {
        "text": f"{progress.done:,} of {progress.total:,} texts read, {_seconds(left)} left",
        "share": progress.done / max(progress.total, 1),
    }


def _seconds(seconds: float) -> str:
    if seconds < 0.1:
        return "a moment"
    return f"about {seconds:.1f} s" if seconds < 10 else f"about {seconds:.0f} s"


def _or_error(tell: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return tell()
    except RequestError as error:
        return {"error": str(error)}
