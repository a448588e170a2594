"""Heads that stay out of the page's answer: what follows when some are ablated or put back."""

import gradio as gr
import numpy as np
import pytest

from explorer.ui.models import PageModels

TITLE, TEXT = "Tiny random model", "the film is good"
SHOWN = {"bundle": TITLE, "text": TEXT, "text_pair": ""}


@pytest.fixture(scope="module")
def models(model):
    return PageModels([model])


@pytest.fixture(scope="module")
def tab(models, page_of):
    return page_of(models).reading


def without(*heads):
    return gr.EventData(None, {"without": [list(head) for head in heads]})


def shares(answer):
    return {bar["label"]: bar["share"] for bar in answer["bars"]}


def test_answer_maps_and_their_list_follow(tab, model):
    given = tab.ablate(without((2, 1), (1, 1)), shown=SHOWN)

    mask = np.ones((1, 2, 2), np.float32)
    mask[0, 1, 0] = mask[0, 0, 0] = 0
    (alone,) = model.run([model.encode(TEXT)], mask)
    for label, share in zip(model.bundle.labels, alone.probabilities, strict=True):
        assert shares(given[tab.answer])[label] == pytest.approx(share, abs=1e-6)
    assert given[tab.shown] == {**SHOWN, "without": [[1, 1], [2, 1]]}
    assert given[tab.ablated] == {"without": [[1, 1], [2, 1]], "heads": 2}
    assert given[tab.viewer.maps]["without"] == [[1, 1], [2, 1]]
    assert "begins" not in given[tab.viewer.maps], "what a reader had chosen stays"


def test_they_stay_out_of_the_next_text_and_come_back_together(tab, model):
    shown = tab.ablate(without((1, 2)), shown=SHOWN)[tab.shown]

    given = tab.read(TITLE, "bad music", "", shown=shown)

    assert given[tab.shown]["without"] == [[1, 2]]
    whole = model.read("bad music")
    first = shares(given[tab.answer])[model.bundle.labels[0]]
    assert abs(first - whole.probabilities[0]) > 1e-6
    given = tab.ablate(without(), shown=given[tab.shown])
    assert given[tab.shown]["without"] == given[tab.ablated]["without"] == []
    first = shares(given[tab.answer])[model.bundle.labels[0]]
    assert first == pytest.approx(whole.probabilities[0], 1e-5)


def test_another_model_begins_with_all_its_heads(tab):
    shown = tab.ablate(without((1, 2)), shown=SHOWN)[tab.shown]

    other = tab.read(TITLE, TEXT, "", shown={**shown, "bundle": "Another"})

    assert other[tab.shown]["without"] == []
    assert tab.begin(TITLE)[tab.shown]["without"] == []


def test_maps_of_a_text_without_heads_are_those_that_were_read_so(tab, models, unpacked):
    given = tab.ablate(without((1, 1)), shown=SHOWN)[tab.viewer.maps]

    (itself,) = given["attentions"]
    _, reading = models.read(TITLE, TEXT, "", [[1, 1]])
    maps = unpacked(itself["weights"], reading.weights.shape)
    np.testing.assert_allclose(maps, reading.weights, atol=0.004)
    _, whole = models.read(TITLE, TEXT, "")
    assert np.abs(whole.weights[1, 0] - reading.weights[1, 0]).max() > 1e-6
    assert given["reading"] != tab.ablate(without(), shown=SHOWN)[tab.viewer.maps]["reading"]


@pytest.mark.parametrize(
    ("element", "data", "sent", "message"),
    [
        ("map_view", SHOWN, {"without": [[1, 9]]}, "There is no head 9"),
        ("ablated", SHOWN, {"without": "all"}, "The heads to ablate are 'all'"),
        ("head_effects_result", SHOWN, {"without": [[[], {}]]}, r"There is no layer []"),
        ("pruning_result", None, {"without": [[1, 1]]}, "Nothing was read yet"),
        ("ablated", {**SHOWN, "without": 7}, {"without": []}, "The heads to ablate are 7"),
    ],
)
def test_forged_heads_get_a_sentence(forge, element, data, sent, message):
    success, output = forge(element, "ablate", [data], sent)

    assert not success
    assert message in output["error"]


def test_what_is_no_list_of_heads_leaves_the_shown_text_as_it_is(tab):
    given = tab.read(TITLE, TEXT, "", shown={**SHOWN, "without": {"a": 1}})

    assert given.keys() == {tab.notice}
    notice = given[tab.notice]
    assert notice["error"]
    assert "The heads to ablate are {'a': 1}" in notice["lines"][0]
