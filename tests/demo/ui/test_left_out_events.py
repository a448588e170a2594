"""Heads that stay out of the page's answer: what follows when some are left out or put back."""

import gradio as gr
import numpy as np
import pytest

from explorer.ui.events import Events
from explorer.ui.models import Screen

TITLE, TEXT = "Tiny random model", "the film is good"
SHOWN = {"bundle": TITLE, "text": TEXT, "text_pair": ""}
VIEW = (2, "mean", True, True, False, False)  # as in Chosen, behind what is shown


@pytest.fixture(scope="module")
def screen(model):
    return Screen([model])


@pytest.fixture
def events(screen):
    return Events(screen)


def without(*heads):
    return gr.EventData(None, {"without": [list(head) for head in heads]})


def shares(answer):
    return {bar["label"]: bar["share"] for bar in answer["bars"]}


def test_answer_maps_and_their_list_follow(events, model):
    shown, _, answer, left_out, heads, *_ = events.leave_out(without((2, 1), (1, 1)), SHOWN, *VIEW)

    mask = np.ones((1, 2, 2), np.float32)
    mask[0, 1, 0] = mask[0, 0, 0] = 0
    (alone,) = model.run([model.encode(TEXT)], mask)
    for label, share in zip(model.bundle.labels, alone.probabilities, strict=True):
        assert shares(answer)[label] == pytest.approx(share, abs=1e-6)
    assert shown == {**SHOWN, "without": [[1, 1], [2, 1]]}
    assert left_out == {"without": [[1, 1], [2, 1]], "heads": 2}
    assert heads["without"] == [[1, 1], [2, 1]]
    assert heads["chosen"] == [2, "mean"]


def test_they_stay_out_of_the_next_text_and_come_back_together(events, model):
    shown, *_ = events.leave_out(without((1, 2)), SHOWN, *VIEW)

    shown, _, answer, *_ = events.read(TITLE, "bad music", "", shown, *VIEW)

    assert shown["without"] == [[1, 2]]
    whole = model.read("bad music")
    first = shares(answer)[model.bundle.labels[0]]
    assert abs(first - whole.probabilities[0]) > 1e-6
    shown, _, answer, left_out, *_ = events.leave_out(without(), shown, *VIEW)
    assert shown["without"] == left_out["without"] == []
    assert shares(answer)[model.bundle.labels[0]] == pytest.approx(whole.probabilities[0], 1e-5)


def test_another_model_begins_with_all_its_heads(events):
    shown, *_ = events.leave_out(without((1, 2)), {**SHOWN}, *VIEW)

    other, *_ = events.read(TITLE, TEXT, "", {**shown, "bundle": "Another"}, *VIEW)

    assert other["without"] == []
    assert events.begin(TITLE, *VIEW[2:])[8]["without"] == []


def test_a_map_of_a_text_without_heads_is_the_one_that_was_read_so(events, screen):
    shown, *_ = events.leave_out(without((1, 1)), SHOWN, *VIEW)

    heads, _, tokens, *_ = events.draw(shown, 2, 1, True, False, False, False)

    assert heads["without"] == [[1, 1]]
    _, reading = screen.read(TITLE, TEXT, "", [[1, 1]])
    np.testing.assert_allclose(tokens["tops"], reading.weights[1, 0].max(axis=-1), atol=1e-6)
    _, whole = screen.read(TITLE, TEXT, "")
    assert np.abs(whole.weights[1, 0] - reading.weights[1, 0]).max() > 1e-6


@pytest.mark.parametrize(
    ("element", "data", "sent", "message"),
    [
        ("heads", SHOWN, {"without": [[1, 9]]}, "There is no head 9"),
        ("left_out", SHOWN, {"without": "all"}, "The heads to leave out are 'all'"),
        ("head_effects_result", SHOWN, {"without": [[[], {}]]}, r"There is no layer []"),
        ("pruning_result", None, {"without": [[1, 1]]}, "Nothing was read yet"),
        ("left_out", {**SHOWN, "without": 7}, {"without": []}, "The heads to leave out are 7"),
    ],
)
def test_forged_heads_get_a_sentence(forge, element, data, sent, message):
    success, output = forge(element, "leave_out", [data, *VIEW], sent)

    assert not success
    assert message in output["error"]


def test_what_is_no_list_of_heads_leaves_the_shown_text_as_it_is(events):
    skipped, notice, *_ = events.read(TITLE, TEXT, "", {**SHOWN, "without": {"a": 1}}, *VIEW)

    assert notice["error"]
    assert "The heads to leave out are {'a': 1}" in notice["lines"][0]
    assert skipped == gr.skip()
