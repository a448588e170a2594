"""Comprehensiveness and sufficiency against one run for every step of every order; marks where
attention and effect disagree, and the correlation of two orders."""

import math
from dataclasses import replace

import numpy as np
import pytest

from explorer.analyses import faithfulness as module
from explorer.analyses.faithfulness import (
    METHODS,
    beaten,
    disagreements,
    faithfulness,
    faithfulness_cost,
    kendall_tau,
    percentile,
    word_scores,
)
from explorer.analyses.occlusion import occlusion
from explorer.errors import RequestError
from explorer.inference.cost import Cost, run_to_end
from explorer.inference.tokenizing import deleted, masked
from explorer.inference.tokens import own_words

TEXT = "unbelievable music was not bad"


def alone(model, text, words, way):
    encoded = model.encode(text)
    places = [place for word in words for place in word.places]
    changed = (
        deleted(encoded, places) if way == "deleted" else masked(encoded, places, model.mask_id)
    )
    return model.run([changed])[0].probabilities


def metrics(model, reading, order, target, way, change):
    words = own_words(reading.tokens)
    comprehensiveness = sufficiency = 0.0
    for percent in range(10, 101, 10):
        count = math.ceil(len(words) * percent / 100)
        top = [words[place] for place in order[:count]]
        rest = [words[place] for place in order[count:]]
        whole = float(reading.probabilities[target])
        comprehensiveness += change(whole - alone(model, reading.text, top, way)[target])
        sufficiency += change(whole - alone(model, reading.text, rest, way)[target])
    return comprehensiveness / 10, sufficiency / 10


@pytest.mark.parametrize(
    ("way", "kind"),
    [("deleted", "single_label"), ("masked", "single_label"), ("deleted", "regression")],
)
def test_every_order_is_taken_at_its_word(float_model, monkeypatch, way, kind):
    bundle = replace(float_model.bundle, problem_type=kind)
    monkeypatch.setattr(float_model, "bundle", bundle)
    monkeypatch.setattr(module, "RANDOM_ORDERS", 3)
    reading = float_model.read(TEXT)
    found = run_to_end(faithfulness(float_model, reading, 1, way, seed=7))

    signed = kind != "regression"
    change = float if signed else abs
    effects = run_to_end(occlusion(float_model, reading, 1, way)).effects
    scores = word_scores(reading, found.single, signed=signed)
    random = np.random.default_rng(7)
    orders = [sorted(range(5), key=lambda place: -scores[name][place]) for name in METHODS]
    assert orders[3] == sorted(range(5), key=lambda place: -change(effects[place]))
    orders += [random.permutation(5) for _ in range(3)]
    expected = [metrics(float_model, reading, order, 1, way, change) for order in orders]
    measured = [
        *zip(found.found.comprehensiveness, found.found.sufficiency, strict=True),
        *zip(found.by_chance.comprehensiveness, found.by_chance.sufficiency, strict=True),
    ]
    np.testing.assert_allclose(measured, expected, atol=2e-5)
    assert found.percents == tuple(range(10, 101, 10))
    assert np.ptp([pair[0] for pair in measured]) > 1e-4  # orders do differ


def test_agreement_is_with_the_size_of_the_effects(float_model):
    reading = float_model.read(TEXT, "it was great")
    found = run_to_end(faithfulness(float_model, reading, 0, "deleted", seed=3))

    sizes = np.abs(found.single.effects)
    scores = word_scores(reading, found.single, signed=True)
    for name, tau in zip(found.methods, found.found.agreement, strict=True):
        assert tau == pytest.approx(kendall_tau(scores[name], sizes))
    random = np.random.default_rng(3)
    for tau in found.by_chance.agreement:
        ranks = np.empty(len(sizes))
        ranks[random.permutation(len(sizes))] = -np.arange(len(sizes))
        assert tau == pytest.approx(kendall_tau(ranks, sizes))
    assert len(found.by_chance.agreement) == 20


def test_scores_of_words_are_sums_over_their_pieces(float_model):
    reading = float_model.read(TEXT)
    single = run_to_end(occlusion(float_model, reading, 0, "deleted"))
    scores = word_scores(reading, single, signed=True)

    layers, heads, count, _ = reading.weights.shape
    attention = sum(reading.weights[-1, head, 0].astype(float) for head in range(heads)) / heads
    carried = np.zeros(count)
    for head in range(heads):
        row = reading.weights[-1, head, 0] * reading.value_norms[-1, head]
        carried += row / row.sum() / heads
    rolled = np.eye(count)
    for layer in range(layers):
        rolled = (0.5 * reading.weights[layer].mean(axis=0) + 0.5 * np.eye(count)) @ rolled
    for name, row in zip(METHODS, (attention, carried, rolled[0]), strict=False):
        expected = [sum(row[place] for place in word.places) for word in single.words]
        np.testing.assert_allclose(scores[name], expected, rtol=1e-4)


def test_a_tie_is_not_beaten_and_counts_half_in_a_percentile():
    chance = np.array([0.1, 0.2, 0.2, 0.4])

    assert (beaten(0.2, chance), beaten(0.2, chance, low=True)) == (1, 1)
    assert (percentile(0.2, chance), percentile(0.2, chance, low=True)) == (0.5, 0.5)
    assert (percentile(0.5, chance), percentile(0.5, chance, low=True)) == (1, 0)


def test_the_cost_is_an_upper_bound_and_short_of_time_the_steps_grow(float_model, monkeypatch):
    reading = float_model.read(f"{TEXT} {TEXT}")
    steps = list(faithfulness(float_model, reading, 0, "deleted"))
    assert steps[-1].done <= faithfulness_cost(float_model, reading, "deleted").texts
    # Ten words; 24 orders, nine counts short of all, each taken away and kept alone; all, and none.
    assert faithfulness_cost(float_model, reading, "masked").texts == 10 + 2 * 24 * 9 + 2

    monkeypatch.setattr(float_model.throughput, "cost", lambda texts, _: Cost(texts, texts / 12))
    assert run_to_end(faithfulness(float_model, reading, 0, "deleted")).percents == (
        20,
        40,
        60,
        80,
        100,
    )
    assert run_to_end(faithfulness(float_model, reading, 0, "masked")).percents == (50, 100)


def test_one_word_cannot_be_ranked(float_model):
    with pytest.raises(RequestError, match="fewer than two words"):
        run_to_end(faithfulness(float_model, float_model.read("unbelievable"), 0, "deleted"))


NAN = float("nan")


def test_words_are_marked_where_attention_and_effect_disagree():
    attention = np.array([0.3, 0.2, 0.15, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01], np.float32)
    effects = np.array([0.01, -0.2, 0.4, 0.1, 0.1, 0.05, 0.05, 0.5, -0.04], np.float32)

    # Of nine words three are a quarter, rounded up, and four the lower half.
    assert disagreements(attention, effects, 0.05) == [
        "idle", "against", None, None, None, None, None, "unseen", None,
    ]  # fmt: skip


def test_words_that_were_not_tried_have_no_mark():
    attention = np.array([0.5, 0.4, 0.1, 0.1], np.float32)
    effects = np.array([NAN, 0.001, 0.5, NAN], np.float32)

    assert disagreements(attention, effects, 0.05) == [None, "idle", "unseen", None]


@pytest.mark.parametrize("effects", [[], [0.5], [NAN, 0.5], [0.0, 0.0]])
def test_with_nothing_to_compare_there_is_no_mark(effects):
    effects = np.array(effects, np.float32)

    assert disagreements(np.ones_like(effects), effects, 0.1) == [None] * len(effects)


def test_kendalls_tau_counts_the_pairs_in_the_same_order():
    # Of six pairs four are in the same order, one in the other, and one is tied in the first.
    expected = (4 - 1) / math.sqrt(5 * 6)
    assert kendall_tau([1, 1, 2, 3], [1, 2, 4, 3]) == pytest.approx(expected)
    assert kendall_tau([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert kendall_tau([1, 2, 3], [9, 5, 1]) == pytest.approx(-1)
    assert math.isnan(kendall_tau([1, 1], [1, 2]))


def test_kendalls_tau_is_scipys():
    kendalltau = pytest.importorskip("scipy.stats").kendalltau
    random = np.random.default_rng(0)
    for size in range(2, 30):
        other = random.integers(0, 5, size=size)
        for one in (random.normal(size=size), random.integers(0, 9, size=size)):
            expected = kendalltau(one, other).statistic
            assert kendall_tau(one, other) == pytest.approx(expected, nan_ok=True)
