"""A panel's price, progress, Stop and refusals, with an analysis made for the test."""

import gradio as gr
import pytest

from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progress
from explorer.ui import panel as panel_events
from explorer.ui.panel import Analysis, Asked, Panel, PanelEvents, describe_cost

SHOWN = {"bundle": "Tiny", "text": "good"}


class Counting:
    """An analysis of `count` texts that remembers whether it was closed."""

    def __init__(self):
        self.closed = False

    def cost(self, asked):
        count = asked.options["count"]
        if not isinstance(count, int):
            raise RequestError(f"There is no count {count!r}; expected a whole number.")
        return Cost(count, count / 10)

    def run(self, asked):
        try:
            for done in range(self.cost(asked).texts):
                yield Progress(done + 1, self.cost(asked).texts)
        finally:
            self.closed = True
        return {"counted": asked.options["count"]}


@pytest.fixture
def counting(monkeypatch):
    monkeypatch.setattr(panel_events, "_PAUSE", 0)
    return Counting()


@pytest.fixture
def events(counting):
    analysis = Analysis(
        name="counting", button="Count", look_for="", widget="counting",
        cost=counting.cost, run=counting.run,
        refresh_options=lambda asked: {"count": gr.update(value=3)},
    )  # fmt: skip
    panel = Panel(analysis, {"count": object()}, *[None] * 4)
    return PanelEvents(
        panel, lambda shown, options: Asked(model=None, reading=shown, options=options)
    )


def test_the_price_is_told_before_it_is_paid(events):
    assert events.cost(SHOWN, 48) == {"text": "Reads 48 changed texts, about 4.8 s."}
    assert events.cost(None, 48) == {"text": ""}
    assert describe_cost(Cost(1, 12.4)) == "Reads 1 changed text, about 12 s."


def test_another_text_clears_the_result_and_prices_the_new_options(events):
    cost, result, option = events.prepare(SHOWN, 48)

    assert cost == {"text": "Reads 3 changed texts, about 0.3 s."}
    assert result == {}
    assert option["value"] == 3


def test_a_run_tells_how_far_it_is_and_ends_with_its_result(events):
    given = list(events.run(SHOWN, 2))

    assert [cost.get("share") for cost, *_ in given] == [0, 0.5, 1, None]
    assert given[1][0]["text"] == "1 of 2 texts read, a moment left"
    assert given[0][2]["interactive"] is True
    cost, result, stop = given[-1]
    assert result == {"counted": 2}
    assert cost == {"text": "Reads 2 changed texts, about 0.2 s."}
    assert stop["interactive"] is False


def test_stopping_ends_the_analysis_and_tells_the_price_again(events, counting):
    run = events.run(SHOWN, 5)
    next(run), next(run)

    run.close()

    assert counting.closed
    cost, stop = events.settle(SHOWN, 5)
    assert cost == {"text": "Reads 5 changed texts, about 0.5 s."}
    assert stop["interactive"] is False


@pytest.mark.parametrize(
    ("shown", "count", "sentence"),
    [
        (SHOWN, "many", "There is no count 'many'; expected a whole number."),
        (None, 2, "Nothing was read yet. Write a sentence, and press Read."),
    ],
)
def test_what_cannot_be_done_is_said_and_the_old_result_stays(events, shown, count, sentence):
    cost, result, stop = list(events.run(shown, count))[-1]

    assert cost == {"error": sentence}
    assert result == gr.skip()
    assert stop["interactive"] is False
