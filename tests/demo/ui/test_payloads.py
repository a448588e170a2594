"""What the page's widgets get: plain data that says what the reading says."""

import base64
import dataclasses
import json
import math
import re

import numpy as np
import pytest

from bundle_format.schema import MapError
from explorer.bundle import Graph, open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.maps.view import attention_map
from explorer.ui import payloads, wording


def weights_of(payload):
    """Undoes the packing as tokens.js does."""
    shape = len(payload["queries"]), len(payload["keys"])
    rows = np.frombuffer(base64.b64decode(payload["rows"]), "<u2").reshape(shape)
    return rows / 65535 * np.array(payload["tops"])[:, None]


@pytest.mark.parametrize("special_tokens", [True, False])
def test_the_map_survives_its_packing(model, bundle, special_tokens):
    reading = model.read("the film was dull", "was it good?")
    view = attention_map(reading, 1, 0, special_tokens=special_tokens)

    payload = json.loads(json.dumps(payloads.tokens(reading, view, bundle)))

    np.testing.assert_allclose(weights_of(payload), view.weights, atol=1 / 65535)
    assert payload["queries"] == view.queries.indexes.tolist()
    assert payload["removed"] == pytest.approx(view.removed.tolist())


def test_tokens_are_sent_as_the_reader_wrote_them(model, bundle):
    reading = model.read("Unbad <b>好</b> Ωμ")
    payload = payloads.tokens(reading, attention_map(reading, 0, 0), bundle)

    assert "".join(token["text"] for token in payload["tokens"][1:-1]) == "Unbad<b>好</b>Ωμ"
    numbers = {token["text"]: token["number"] for token in payload["tokens"] if token["number"]}
    place = [token["text"] for token in payload["tokens"]].index("好") + 1
    assert numbers == {"好": f"#{place}"}


def test_another_text_is_another_reading(model, bundle):
    def identity(text, pair=""):
        reading = model.read(text, pair)
        return payloads.tokens(reading, attention_map(reading, 0, 0), bundle)["reading"]

    assert identity("a film") == identity("a film")
    assert len({identity("a film"), identity("a  film"), identity("a", "film")}) == 3


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


def test_the_removed_share_is_said_with_its_numbers(model):
    reading = model.read("the film is good")
    full = reading.weights[0, 0]
    words = slice(1, -1)
    drawn = full[words, 0] + full[words, -1]

    (hidden,) = wording.map_notes(attention_map(reading, 0, 0, special_tokens=False), reading)
    (shown,) = wording.map_notes(attention_map(reading, 0, 0), reading)

    assert f"had drawn {drawn.mean():.0%} of a row's attention on average" in hidden
    assert f"{drawn.max():.0%} at most" in hidden
    assert f"[CLS] and [SEP] draw {drawn.mean():.0%}" in shown
