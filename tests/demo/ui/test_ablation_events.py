"""Heads that stay out of the page's answer: what follows when some are ablated or put back."""

import gradio as gr
import numpy as np
import pytest

from explorer.ui.models import PageModels

TITLE, TEXT = "Tiny random model", "the film is good"
SHOWN = {"bundle": TITLE, "text": TEXT, "text_pair": ""}
VIEW = {
    "layer": 2, "head": "mean", "special_tokens": True, "words": True, "by_norms": False,
    "dark": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def models(model):
    return PageModels([model])


@pytest.fixture(scope="module")
def tab(models, page_of):
    return page_of(models).classify


def without(*heads):
    return gr.EventData(None, {"without": [list(head) for head in heads]})


def shares(answer):
    return {bar["label"]: bar["share"] for bar in answer["bars"]}


def test_answer_maps_and_their_list_follow(tab, model):
    given = tab.ablate(without((2, 1), (1, 1)), shown=SHOWN, **VIEW)

    mask = np.ones((1, 2, 2), np.float32)
    mask[0, 1, 0] = mask[0, 0, 0] = 0
    (alone,) = model.run([model.encode(TEXT)], mask)
    for label, share in zip(model.bundle.labels, alone.probabilities, strict=True):
        assert shares(given[tab.answer])[label] == pytest.approx(share, abs=1e-6)
    assert given[tab.shown] == {**SHOWN, "without": [[1, 1], [2, 1]]}
    assert given[tab.ablated] == {"without": [[1, 1], [2, 1]], "heads": 2}
    heads = given[tab.viewer.heads]
    assert heads["without"] == [[1, 1], [2, 1]]
    assert heads["chosen"] == [2, "mean"]


def test_a_tile_that_was_chosen_just_before_is_the_one_that_is_shown(tab):
    """Its own event may be answered later; layer and head then say what the map is of."""
    event = gr.EventData(None, {"without": [[1, 2]], "layer": 1, "head": 2})

    given = tab.ablate(event, shown=SHOWN, **VIEW)

    assert (given[tab.viewer.layer], given[tab.viewer.head]) == (1, 2)
    assert given[tab.viewer.heads]["chosen"] == [1, 2]


def test_they_stay_out_of_the_next_text_and_come_back_together(tab, model):
    shown = tab.ablate(without((1, 2)), shown=SHOWN, **VIEW)[tab.shown]

    given = tab.read(TITLE, "bad music", "", shown=shown, **VIEW)

    assert given[tab.shown]["without"] == [[1, 2]]
    whole = model.read("bad music")
    first = shares(given[tab.answer])[model.bundle.labels[0]]
    assert abs(first - whole.probabilities[0]) > 1e-6
    given = tab.ablate(without(), shown=given[tab.shown], **VIEW)
    assert given[tab.shown]["without"] == given[tab.ablated]["without"] == []
    first = shares(given[tab.answer])[model.bundle.labels[0]]
    assert first == pytest.approx(whole.probabilities[0], 1e-5)


def test_another_model_begins_with_all_its_heads(tab):
    shown = tab.ablate(without((1, 2)), shown=SHOWN, **VIEW)[tab.shown]

    other = tab.read(TITLE, TEXT, "", shown={**shown, "bundle": "Another"}, **VIEW)

    switches = {name: value for name, value in VIEW.items() if name not in ("layer", "head")}
    assert other[tab.shown]["without"] == []
    assert tab.begin(TITLE, **switches)[tab.shown]["without"] == []


def test_a_map_of_a_text_without_heads_is_the_one_that_was_read_so(tab, models):
    shown = tab.ablate(without((1, 1)), shown=SHOWN, **VIEW)[tab.shown]

    given = tab.viewer.draw(shown=shown, **{**VIEW, "head": 1, "words": False})

    assert given[tab.viewer.heads]["without"] == [[1, 1]]
    tokens = given[tab.tokens]
    _, reading = models.read(TITLE, TEXT, "", [[1, 1]])
    np.testing.assert_allclose(tokens["tops"], reading.weights[1, 0].max(axis=-1), atol=1e-6)
    _, whole = models.read(TITLE, TEXT, "")
    assert np.abs(whole.weights[1, 0] - reading.weights[1, 0]).max() > 1e-6


@pytest.mark.parametrize(
    ("element", "data", "sent", "message"),
    [
        ("heads", SHOWN, {"without": [[1, 9]]}, "There is no head 9"),
        ("ablated", SHOWN, {"without": "all"}, "The heads to ablate are 'all'"),
        ("head_effects_result", SHOWN, {"without": [[[], {}]]}, r"There is no layer []"),
        ("pruning_result", None, {"without": [[1, 1]]}, "Nothing was read yet"),
        ("ablated", {**SHOWN, "without": 7}, {"without": []}, "The heads to ablate are 7"),
    ],
)
def test_forged_heads_get_a_sentence(forge, element, data, sent, message):
    success, output = forge(element, "ablate", [data, *VIEW.values()], sent)

    assert not success
    assert message in output["error"]


def test_what_is_no_list_of_heads_leaves_the_shown_text_as_it_is(tab):
    given = tab.read(TITLE, TEXT, "", shown={**SHOWN, "without": {"a": 1}}, **VIEW)

    assert given.keys() == {tab.notice}
    notice = given[tab.notice]
    assert notice["error"]
    assert "The heads to ablate are {'a': 1}" in notice["lines"][0]
