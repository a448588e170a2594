"""What the page's widgets get: plain data that says what the reading says."""

import base64
import dataclasses
import json
import math
import re

import numpy as np
import pytest

from bundle_format.graphs import MapError
from explorer.bundle import Graph, open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.maps.view import last_row, rollout_row
from explorer.ui import map_viewer, payloads, wording
from explorer.ui.map_viewer import maps_of_reading


def test_all_maps_of_a_short_text_come_along(model, unpacked):
    reading = model.read("the film was dull", "was it good?")

    data = json.loads(json.dumps(maps_of_reading(model, reading)))

    (itself,) = data["attentions"]
    found = unpacked(itself["weights"], reading.weights.shape)
    np.testing.assert_allclose(found, reading.weights, atol=0.004)
    norms = np.frombuffer(base64.b64decode(itself["norms"]), "<u2").reshape(2, 2, -1) / 65_535
    largest = reading.value_norms.max(axis=-1, keepdims=True)
    np.testing.assert_allclose(norms, reading.value_norms / largest, atol=1 / 131_000)
    rows = [rollout_row(reading.weights, reading.kept_heads).tolist()]
    rows.append(last_row(reading.weights, reading.kept_heads).tolist())
    assert data["rollout"] == {"query": 0, "rows": rows}
    assert (data["pair"], data["left_out"], data["without"]) == (True, 0, [])


def test_of_a_long_text_maps_are_sent_when_they_are_asked_for(model, monkeypatch):
    monkeypatch.setattr(map_viewer, "MOST_TOKENS", 8)

    short, long = (maps_of_reading(model, model.read(text)) for text in ("film", "film " * 20))

    assert short["attentions"][0]["weights"] is not None
    assert long["attentions"][0]["weights"] is None
    monkeypatch.setattr(map_viewer, "MOST_TOKENS", 128)
    monkeypatch.setattr(map_viewer, "MESSAGE", 1000)
    assert maps_of_reading(model, model.read("film " * 20))["attentions"][0]["weights"] is None


def test_tokens_are_sent_as_the_reader_wrote_them(model):
    (side,) = maps_of_reading(model, model.read("Unbad <b>好</b> Ωμ"))["sides"]
    tokens = side["tokens"]

    assert "".join(token["text"] for token in tokens[1:-1]) == "Unbad<b>好</b>Ωμ"
    numbers = {token["text"]: token["number"] for token in tokens if token["number"]}
    place = [token["text"] for token in tokens].index("好") + 1
    assert numbers == {"好": f"#{place}"}
    assert [token["text"] for token in tokens if token.get("own") == ""] == ["[CLS]", "[SEP]"]


def test_another_text_is_another_reading(model):
    def identities(text, pair="", ablated=()):
        data = maps_of_reading(model, model.read(text, pair, ablated=ablated))
        return data["reading"], data["text"]

    assert identities("a film") == identities("a film")
    found = [identities("a film"), identities("a  film"), identities("a", "film")]
    assert len({reading for reading, _ in found}) == len({text for _, text in found}) == 3
    without = identities("a film", ablated=((0, 1),))
    assert without[0] != found[0][0]
    assert without[1] == found[0][1], "the token that was chosen stays"


def test_the_likeliest_class_comes_first_and_shares_add_up(model, bundle):
    bars = payloads.answer(model.read("a good film"), bundle)["bars"]

    assert {bar["label"] for bar in bars} == set(bundle.labels)
    assert [bar["share"] for bar in bars] == sorted((bar["share"] for bar in bars), reverse=True)
    assert math.isclose(sum(bar["share"] for bar in bars), 1, abs_tol=1e-5)


def test_a_regression_shows_numbers_without_shares(copy_of_tiny):
    model = EncoderModel(open_bundle(copy_of_tiny(problem_type="regression")))
    reading = model.read("a good film")

    bars = payloads.answer(reading, model.bundle)["bars"]

    assert all("share" not in bar for bar in bars)
    assert [bar["text"] for bar in bars] == [f"{x:.3f}" for x in sorted(reading.logits)[::-1]]


def test_facts_cope_with_a_bundle_that_knows_little(copy_of_tiny):
    bundle = open_bundle(copy_of_tiny(metrics={"test": None}), "float32")

    assert payloads.facts(bundle)["facts"] == [
        "negative · neutral · positive", "encoder: 2 layers × 2 heads",
        "decoder: 2 layers × 2 heads", "float32 weights",
    ]  # fmt: skip


def test_facts_say_accuracy_and_on_how_many_texts(copy_of_tiny):
    bundle = open_bundle(copy_of_tiny(metrics={"test": {"accuracy": 0.8612, "texts": 1066}}))

    assert (
        "86.1% accuracy on 1,066 unseen texts (by the float32 weights)"
        in payloads.facts(bundle)["facts"]
    )


@pytest.mark.parametrize(
    ("error", "fact", "foot"),
    [
        (
            {"mean": 0.008, "p99": 0.026},
            "maps differ by 0.8% from",
            r"moves 0.8% .* 2.6% in one row",
        ),
        ({"mean": 0.0002}, "maps differ by less than 0.1% from", r"moves less than 0.1% of"),
        ({}, "8-bit weights", r"is not known"),
    ],
)
def test_an_8_bit_graph_says_how_far_its_maps_are_off(bundle, error, fact, foot):
    graph = Graph(precision="8bit", path=bundle.graph.path, map_error=MapError(**error))
    measured = dataclasses.replace(bundle, graph=graph)

    assert fact in wording.which_graph(measured.graph)
    assert re.search(foot, wording.about(measured)[0])


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("film " * 40, r"reads 32 tokens at most, and this text has 42: 10 were left out"),
        ("the Ωμ film", r"1 of 3 tokens is not in the model's vocabulary"),
        ("Ωμ Ωμ", r"2 of 2 tokens are not in the model's vocabulary"),
        ("?!?", r"no letter and no digit"),
        ("\ufffd", r"the model reads an empty one"),
    ],
)
def test_what_the_model_could_not_take_in_is_said(model, bundle, text, notice):
    assert re.search(notice, " ".join(wording.notices(model.read(text), bundle)))


def test_an_ordinary_text_needs_no_notice(model, bundle):
    assert wording.notices(model.read("the film is good"), bundle) == []


def test_a_tour_has_a_step_for_what_a_model_has(model, foreign, copy_of_tiny):
    def steps(bundle):
        return payloads.tour(EncoderModel(bundle))["steps"]

    assert payloads.tour(model)["steps"] == ["map", "head", "disagreement", "ablation", "writing"]
    assert steps(foreign) == ["writing"]
    only_classifies = open_bundle(copy_of_tiny(tasks=["classify"]))
    assert steps(only_classifies) == ["map", "head", "disagreement", "ablation"]
    assert steps(open_bundle(copy_of_tiny(tasks=["classify"], examples=[]))) == []
