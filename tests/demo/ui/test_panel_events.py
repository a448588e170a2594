"""A panel's cost, progress, Stop and refusals, with an analysis made for the test."""

import gradio as gr
import pytest

from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progress
from explorer.ui import panel as module
from explorer.ui.panel import Analysis, Asked, Panel, Panels, describe_cost

NO_TEXT = "What it takes is told once there is a text."
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
    monkeypatch.setattr(module, "_PAUSE", 0)
    return Counting()


@pytest.fixture
def panel(counting):
    analysis = Analysis(
        name="counting", button="Count", look_for="", widget="pairs",
        cost=counting.cost, run=counting.run,
        lay_out_options=lambda bundle: {"count": gr.Number()},
        refresh_options=lambda asked: {"count": gr.update(value=3)},
    )  # fmt: skip
    with gr.Blocks():
        panel, shown = Panel(analysis, None, gr.Tab()), gr.JSON()
        panel.wire(lambda shown: Asked(of=None, text=shown), shown)
    return panel


def test_the_cost_is_told_before_it_is_paid(panel):
    told = panel.tell_cost(SHOWN, count=48)

    assert told == {panel.cost: {"text": "Reads 48 changed texts, about 4.8 s."}}
    assert panel.tell_cost(None, count=48) == {panel.cost: {"text": NO_TEXT}}
    assert describe_cost(Cost(1, 12.4)) == "Reads 1 changed text, about 12 s."


def test_another_text_clears_the_result_and_tells_the_cost_of_the_new_options(panel):
    given = panel.prepare(Asked(of=None, text=SHOWN, options={"count": 48}))

    assert given[panel.cost] == {"text": "Reads 3 changed texts, about 0.3 s."}
    assert given[panel.result] == {}
    assert given[panel.options["count"]]["value"] == 3


def test_what_a_tab_shows_is_found_once_for_all_its_panels(panel):
    asked = []

    def ask(shown):
        asked.append(shown)
        return Asked(of=None, text=shown)

    panels = Panels([panel, panel], ask, gr.JSON(render=False))

    given = panels.prepare(SHOWN, counting_count=48)

    assert asked == [SHOWN]
    assert given[panel.stop]["interactive"] is False, "what ran for the text before is cancelled"
    assert given[panel.cost] == {"text": "Reads 3 changed texts, about 0.3 s."}
    assert panels.prepare(None, counting_count=48)[panel.cost] == {"text": NO_TEXT}
    assert asked == [SHOWN]


def test_a_run_tells_how_far_it_is_and_ends_with_its_result(panel):
    given = list(panel.run(SHOWN, count=2))

    assert [one[panel.cost].get("share") for one in given] == [0, 0.5, 1, None]
    assert given[1][panel.cost]["text"] == "1 of 2 texts read, a moment left"
    assert given[0][panel.stop]["interactive"] is True
    last = given[-1]
    assert last[panel.result] == {"counted": 2}
    assert last[panel.cost] == {"text": "Reads 2 changed texts, about 0.2 s."}
    assert last[panel.stop]["interactive"] is False


def test_stopping_ends_the_analysis_and_tells_the_cost_again(panel, counting):
    run = panel.run(SHOWN, count=5)
    next(run), next(run)

    run.close()

    assert counting.closed
    settled = panel.settle(SHOWN, count=5)
    assert settled[panel.cost] == {"text": "Reads 5 changed texts, about 0.5 s."}
    assert settled[panel.stop]["interactive"] is False


@pytest.mark.parametrize(
    ("shown", "count", "sentence"),
    [
        (SHOWN, "many", "There is no count 'many'; expected a whole number."),
        (None, 2, "Nothing was read yet. Write a sentence, and press Analyze."),
    ],
)
def test_what_cannot_be_done_is_said_and_the_old_result_stays(panel, shown, count, sentence):
    last = list(panel.run(shown, count=count))[-1]

    assert last[panel.cost] == {"error": sentence}
    assert panel.result not in last
    assert last[panel.stop]["interactive"] is False
