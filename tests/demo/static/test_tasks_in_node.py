"""Tasks in the browser, under node: what is asked of a text, its answer, and what its analyses find
are what the served page has."""

import json

import numpy as np
import pytest

from explorer.analyses.head_ablation import head_effects
from explorer.analyses.occlusion import occlusion
from explorer.errors import RequestError
from explorer.inference.cost import LEAST_TEXTS, run_to_end
from explorer.maps.view import first_head
from explorer.ui import payloads, wording
from explorer.ui.map_viewer import maps_of_reading
from explorer.ui.panels.compare import drawn
from explorer.ui.panels.heads import effects_payload
from explorer.ui.panels.options import WordsAsked
from explorer.ui.panels.words import occlusion_payload
from explorer.ui.tasks.known import ask, promise, task_of

ASKED = {
    "tag": {"text": "Not bad at all, the story is great!", "other": "Bad, the story is dull"},
    "tag, another word": {
        "text": "Not bad at all, the story is great!", "other": "The story", "place": 6,
    },
    "answer": {
        "text": "Was it good?", "pair": "The music was dull, the film is good.",
        "other": "Is it bad?",
    },
    "fill": {
        "text": "The film is [MASK] and the [MASK] is great!", "other": "The [MASK] is a [MASK]",
        "place": 2,
    },
    "embed": {"text": "The film is good.", "pair": "The story is great!", "other": "A bad film"},
    "second layer": {"text": "Not bad at all, the story is great!", "other": "The story is dull"},
}  # fmt: skip
REFUSED = {
    "tag": [{"text": "", "place": None}, {"text": "a film", "place": 3}],
    "answer": [{"text": "Was it good?"}, {"text": "a", "pair": "b", "place": 1}],
    "fill": [{"text": "a film"}, {"text": "a [MASK]", "place": 2}],
    "embed": [{"text": "a film"}, {"text": "a", "pair": "b", "place": 1}],
}


@pytest.fixture(scope="module")
def models(task_models, second_layer):
    return {**task_models, "second layer": second_layer}


def model_of(models, name):
    return models[name.partition(",")[0]]


@pytest.fixture(scope="module")
def found(ask_page, models):
    """All that is asked, in one process of node."""
    questions = []
    for name, asked in ASKED.items():
        folder = str(model_of(models, name).bundle.folder)
        questions += [{"ask": one, "folder": folder, **asked} for one in ("read", "analyses")]
    for name, refused in REFUSED.items():
        folder = str(models[name].bundle.folder)
        questions += [{"ask": "refused", "folder": folder, **one} for one in refused]
    said = iter(ask_page(*questions))
    answers = {name: {"read": next(said), **next(said)} for name in ASKED}
    return {**answers, "refused": list(said)}


def asked_of(models, name):
    asked, model = ASKED[name], model_of(models, name)
    reading = model.read(asked["text"], asked.get("pair", ""))
    return model, reading, ask(model, reading, asked.get("place"))


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_and_its_maps(found, models, alike, name):
    model, reading, asked = asked_of(models, name)
    said, wanted = found[name]["read"], maps_of_reading(model, asked.reading, asked.place)

    alike(said["answer"], task_of(model.bundle).show(model, reading, asked))
    assert said["place"] == asked.place
    assert said["notices"] == wording.notices(reading, model.bundle)
    for other in (said["maps"], wanted):
        for key in ("reading", "text"):
            del other[key]
        for token in other["sides"][0]["tokens"]:
            token["number"] = ""
    (maps,), (own,) = said["maps"].pop("attentions"), wanted.pop("attentions")
    np.testing.assert_allclose(maps.pop("weights"), reading.weights.ravel(), atol=5e-6)
    np.testing.assert_allclose(maps.pop("norms"), reading.value_norms.ravel(), atol=2e-5)
    assert maps == {key: own[key] for key in maps}
    alike(said["maps"], wanted)
    layer, head = first_head(reading)
    assert said["first"] == {"layer": layer + 1, "head": head + 1}


@pytest.mark.parametrize("name", ASKED)
def test_its_analyses(found, models, alike, name):
    model, _, asked = asked_of(models, name)
    inside, reading = asked.model, asked.reading
    for way in ("deleted", "masked"):
        result = run_to_end(occlusion(inside, reading, 0, way))
        said = found[name][way]
        alike(said, occlusion_payload(WordsAsked(inside, reading, 0, way), result))
        assert said["left_out"] == len(result.words) - len(result.tried)
        assert said["held"] == (way == "deleted" and bool(reading.encoded.held))
        assert said["looks"] == payloads.looks(reading)
        assert said["layer"] == wording.last_with_maps(model.bundle)
    effects = run_to_end(head_effects(inside, reading, 0))
    alike(found[name]["heads"], effects_payload(inside.bundle, reading, 0, effects))
    place = asked.place
    other = model.read(ASKED[name]["other"], ASKED[name].get("pair", ""))
    if place is not None:
        place = task_of(model.bundle).follow(reading, place, other)
    second = ask(model, other, place)
    wanted = drawn((inside, reading), (second.model, second.reading))
    maps, own = (one.pop("maps") for one in (found[name]["compare"], wanted))
    alike(found[name]["compare"], wanted)
    alike(maps, own, atol=2e-4)  # of four decimals


def test_what_cannot_be_asked_gets_the_same_sentence(found, models):
    sentences = []
    for name, refused in REFUSED.items():
        for one in refused:
            reading = models[name].read(one["text"], one.get("pair", ""))
            with pytest.raises(RequestError) as error:
                ask(models[name], reading, one.get("place"))
            sentences.append(str(error.value))

    assert found["refused"] == sentences


def test_some_is_tried_however_slow_the_machine_and_all_where_there_is_time(ask_page):
    """One run that had to wait is no measure of the others; before the first nothing is known."""
    asked = {"ask": "pace", "layers": 6, "heads": 12, "words": 40, "tokens": 10}
    runs = ([], [0.1] * 3 + [90, 0.1], [90] * 3)

    none, quick, slow = ask_page(*({**asked, "seconds": seconds} for seconds in runs))

    assert quick == {"found": 5, "pace": 0.01, "room": 100, "heads": 1 + 6 + 72, "words": 40}
    assert slow == {"found": 3, "pace": 9, "room": 1, "heads": 1 + 6 + LEAST_TEXTS, "words": 8}
    assert {**none, "found": 3, "pace": 9} == slow


def test_what_the_page_says_of_its_model(ask_page, models):
    manifests = [
        json.loads((one.bundle.folder / "bundle.json").read_text("utf-8"))
        for one in models.values()
    ]

    said = ask_page(*({"ask": "said", "manifest": one} for one in manifests))

    for model, one in zip(models.values(), said, strict=True):
        assert one["promise"] == promise([model.bundle])
        assert one["facts"] == payloads.facts(model.bundle)
        assert one["most"] == model.bundle.most_tokens
