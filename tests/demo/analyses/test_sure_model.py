"""A model that is sure of its answer: its effects stand in log-odds where its probabilities round
to 1, and where nothing matters nothing is said to disagree."""

import dataclasses
import json
import math
from decimal import Decimal, getcontext

import numpy as np
import pytest

from explorer.analyses.faithfulness import faithfulness
from explorer.analyses.head_ablation import head_effects
from explorer.analyses.occlusion import occlusion, word_pairs
from explorer.analyses.perturbation import Answers
from explorer.bundle import open_bundle
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import fall_of_probability, log_odds_of, probabilities_of
from explorer.ui.models import PageModels
from explorer.ui.panels import trust as trust_panel
from explorer.ui.panels.heads import effects_payload
from explorer.ui.panels.options import WordsAsked
from explorer.ui.panels.words import SMALLEST_FLIP, occlusion_payload, pairs_payload
from explorer.ui.payloads import in_percent

TEXT = "Not bad at all, the story is great!"
getcontext().prec = 60


@pytest.fixture(scope="module")
def sure(copy_of_tiny):
    """The tiny model with logits as large as to leave no probability but 0 and 1."""
    return EncoderModel(open_bundle(copy_of_tiny(temperature=0.002), "float32"))


@pytest.fixture(scope="module")
def unmoved(copy_of_tiny):
    """The tiny model with logits so small that no word moves them much."""
    return EncoderModel(open_bundle(copy_of_tiny(temperature=50.0), "float32"))


def exact_log_odds(logits, label, temperature):
    """By sixty digits."""
    scaled = [Decimal(float(logit)) / Decimal(temperature) for logit in logits]
    others = sum(score.exp() for place, score in enumerate(scaled) if place != label)
    return float(scaled[label] - others.ln())


def label_of(reading):
    return int(reading.logits.argmax())


@pytest.mark.parametrize("temperature", [0.002, 0.7, 50.0])
def test_log_odds_have_all_their_digits(bundle, copy_of_tiny, temperature):
    given = open_bundle(copy_of_tiny(temperature=temperature))
    logits = np.array([[0.1, 0.2, 0.3], [-3, 9, 0.5], [4, 4, 4], [1e-3, 0, -80]], np.float32)
    expected = [[exact_log_odds(row, label, temperature) for label in range(3)] for row in logits]

    np.testing.assert_allclose(log_odds_of(logits, given), expected, rtol=1e-12)


def test_log_odds_of_other_kinds_of_answers(copy_of_tiny):
    several, number = (
        open_bundle(copy_of_tiny(problem_type=kind, temperature=0.5))
        for kind in ("multi_label", "regression")
    )
    alone = dataclasses.replace(several, problem_type="single_label", labels=("only",))
    logits = np.array([-200.0, 0, 3], np.float32)

    assert log_odds_of(logits, several).tolist() == [-400, 0, 6]
    np.testing.assert_allclose(probabilities_of(logits, several), [0, 0.5, 0.997527], atol=1e-6)
    assert log_odds_of(logits, number).tolist() == [-200, 0, 3]
    assert log_odds_of(np.array([[7.0], [9.0]], np.float32), alone).tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("before", "after"), [(60, 50), (50, 60), (0, 1), (-40, -50), (5, 5), (900, -900), (0, 0)]
)
def test_a_fall_is_exact_where_both_probabilities_round_to_one(before, after):
    one, other = (1 / (1 + (-Decimal(odds)).exp()) for odds in (before, after))

    fall = fall_of_probability(np.float64(before), np.float64(after))
    assert fall == pytest.approx(float(one - other), rel=1e-12)


def test_words_of_a_sure_answer_have_effects(sure):
    reading = sure.read(TEXT)
    label = label_of(reading)
    found = run_to_end(occlusion(sure, reading, label, "deleted"))
    drawn = occlusion_payload(WordsAsked(sure, reading, label, "deleted"), found)

    assert reading.probabilities[label] == 1
    whole = exact_log_odds(reading.logits, label, 0.002)
    effects = zip(drawn["effects"], drawn["log_odds_effects"], strict=True)
    for place, (effect, log_odds_effect) in enumerate(effects):
        changed = exact_log_odds(found.changed.logits[place], label, 0.002)
        assert log_odds_effect == pytest.approx(whole - changed, abs=1e-6)
        assert effect != 0
        assert math.copysign(1, effect) == math.copysign(1, log_odds_effect)
    assert drawn["matters"]
    assert found.strongest[0] == int(np.abs(found.log_odds_effects).argmax())
    json.dumps(drawn, allow_nan=False)


def test_heads_and_pairs_of_a_sure_answer_have_effects(sure):
    reading = sure.read(TEXT)
    label = label_of(reading)
    heads = effects_payload(
        sure.bundle, reading, label, run_to_end(head_effects(sure, reading, label))
    )
    found = run_to_end(word_pairs(sure, reading, label, "deleted"))
    drawn = pairs_payload(WordsAsked(sure, reading, label, "deleted"), found)

    assert np.abs(heads["log_odds_effects"]).min() > 0.1
    assert heads["matters"]
    sizes = [abs(drawn["log_odds_interactions"][u][v]) for u, v in found.that_matter]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == np.abs(drawn["log_odds_interactions"]).max() > 1


def test_where_no_word_matters_nothing_is_said_to_disagree(unmoved):
    reading = unmoved.read(TEXT)
    found = run_to_end(occlusion(unmoved, reading, label_of(reading), "deleted"))
    drawn = occlusion_payload(WordsAsked(unmoved, reading, label_of(reading), "deleted"), found)

    assert 0 < np.abs(found.log_odds_effects).max() < 0.1
    assert not drawn["matters"]
    assert set(drawn["disagreements"]) == {None}
    assert run_to_end(word_pairs(unmoved, reading, 0, "deleted")).that_matter == []
    heads = run_to_end(head_effects(unmoved, reading, 0))
    assert not effects_payload(unmoved.bundle, reading, 0, heads)["matters"]


def test_where_no_order_of_words_differs_no_ranking_beats_chance(unmoved):
    reading = unmoved.read(TEXT)
    found = run_to_end(faithfulness(unmoved, reading, label_of(reading), "deleted"))

    assert not found.removal_tells
    assert not found.keeping_tells
    assert np.isnan(found.found.agreement).all()
    assert trust_panel.sentences(found, 0, "deleted") == [
        "In which order words are removed makes next to no difference here.",
        "Which words are kept alone makes next to no difference here.",
    ]


def test_programs_get_the_log_odds_that_the_page_shows(sure, endpoints_of):
    api = endpoints_of(PageModels([sure]))
    reading = sure.read(TEXT)
    label = label_of(reading)
    whole = Answers(sure.bundle, reading.logits).log_odds[label]

    answer = api.occlusion(TEXT)
    found = run_to_end(occlusion(sure, reading, label, "deleted"))
    np.testing.assert_allclose(answer["log_odds_effects"], found.log_odds_effects, atol=1e-5)
    assert answer["log_odds"] == pytest.approx(whole, abs=1e-5)
    assert (answer["value"], answer["matters"], answer["least"]) == (1, True, 0.1)
    trusted = api.trust(TEXT)["methods"]["occlusion"]
    assert trusted["log_odds_comprehensiveness"] > trusted["comprehensiveness"]
    assert 0 <= trusted["log_odds_comprehensiveness_percentile"] <= 1
    flip = api.smallest_flip(TEXT)
    assert flip["changed_log_odds"].keys() == flip["changed"].keys()
    layers = api.head_effects(TEXT)
    expected = run_to_end(head_effects(sure, reading, label)).log_odds_effects(label)
    np.testing.assert_allclose(layers["log_odds_effects"], expected, atol=1e-5)
    curve = api.pruning(TEXT)
    assert curve["log_odds"][0] == pytest.approx(whole, abs=1e-4)
    assert len(curve["log_odds"]) == len(curve["values"])


def test_a_regression_has_no_log_odds(copy_of_tiny, endpoints_of):
    number = EncoderModel(open_bundle(copy_of_tiny(problem_type="regression"), "float32"))
    api = endpoints_of(PageModels([number]))

    answer = api.occlusion(TEXT)
    assert answer["log_odds_effects"] is answer["log_odds"] is None
    assert answer["least"] == pytest.approx(abs(answer["value"]) / 100, abs=1e-6)
    assert api.trust(TEXT)["methods"]["rollout"]["log_odds_sufficiency"] is None
    assert api.head_effects(TEXT)["layer_log_odds_effects"] is None
    assert api.pruning(TEXT)["log_odds"] is None
    assert "smallest_flip" not in vars(api)
    assert not SMALLEST_FLIP.makes_sense(number.bundle)


def test_a_probability_is_never_none_and_never_all():
    shares = [np.float32(1), 0.9996, 0.9994, 0.5, 0.0006, 0.0004, 0.0]

    assert [in_percent(share) for share in shares] == [
        ">99.9%", ">99.9%", "99.9%", "50.0%", "0.1%", "<0.1%", "<0.1%",
    ]  # fmt: skip
