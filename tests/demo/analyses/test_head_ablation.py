"""Heads ablated in turn, against one run of the graph for each of them; and one after another,
against a search written out with one run a step."""

import math

import numpy as np
import pytest

from explorer.analyses import head_ablation as module
from explorer.analyses.head_ablation import (
    PruningPlan,
    head_effects,
    head_effects_cost,
    prune,
    pruning_cost,
    pruning_plan,
)
from explorer.analyses.perturbation import flips
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end

TEXT, PAIR = "unbelievable music was good", "not bad"


def alone(float_model, out):
    """The answer of one run, with an explicit mask of the heads that are in."""
    mask = np.array([[[float((i, j) not in out) for j in (0, 1)] for i in (0, 1)]], np.float32)
    (reading,) = float_model.run([float_model.encode(TEXT, PAIR)], mask)
    return reading.probabilities


@pytest.mark.parametrize("before", [(), ((1, 0),)])
def test_every_effect_is_the_fall_of_a_run_without_that_head(float_model, before):
    reading = float_model.read(TEXT, PAIR, before)

    found = run_to_end(head_effects(float_model, reading, 1))

    whole = alone(float_model, before)
    np.testing.assert_allclose(found.whole.probabilities, whole, atol=1e-6)
    for layer, head in np.ndindex(2, 2):
        without = found.without_head[layer, head].probabilities
        if (layer, head) in before:
            assert np.isnan(without).all()
            continue
        expected = alone(float_model, (*before, (layer, head)))
        np.testing.assert_allclose(without, expected, atol=1e-6)
        fall = whole[1] - expected[1]
        assert found.effects(1)[layer, head] == pytest.approx(fall, abs=2e-6)
    for layer in (0, 1):
        expected = alone(float_model, (*before, (layer, 0), (layer, 1)))
        np.testing.assert_allclose(found.without_layer[layer].probabilities, expected, atol=1e-6)
        fall = whole[1] - expected[1]
        assert found.whole.falls(found.without_layer, 1)[layer] == pytest.approx(fall, abs=2e-6)
    assert found.not_tried == 0
    assert np.nanmax(np.abs(found.effects(1))) > 1e-4  # something was left out


def test_where_time_is_short_the_heads_of_the_layer_that_matters_come_first(
    float_model, monkeypatch
):
    reading = float_model.read(TEXT, PAIR)
    whole = run_to_end(head_effects(float_model, reading, 0))
    layer = int(np.abs(whole.whole.log_odds_falls(whole.without_layer, 0)).argmax())
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: 1)  # none but the text
    monkeypatch.setattr(module, "LEAST_TEXTS", 2)

    found = run_to_end(head_effects(float_model, reading, 0))

    assert head_effects_cost(float_model, reading).texts == 5
    assert found.not_tried == 2
    assert np.isnan(found.without_head[1 - layer].logits).all()
    np.testing.assert_allclose(
        found.without_head[layer].logits, whole.without_head[layer].logits, atol=1e-5
    )


def test_the_time_is_the_one_that_an_analysis_may_take(float_model, monkeypatch):
    reading = float_model.read(TEXT)
    asked = []
    monkeypatch.setattr(
        float_model.throughput, "texts_within", lambda *given: asked.append(given) or 99
    )

    assert head_effects_cost(float_model, reading).texts == 1 + 2 + 4
    assert asked == [(module.TIME_BUDGET, len(reading.tokens))]


def test_progress_counts_the_texts_that_were_promised(float_model):
    reading = float_model.read(TEXT)

    progress = list(head_effects(float_model, reading, 0))

    assert progress[-1] == (7, 7)
    assert head_effects_cost(float_model, reading).texts == 7


def test_a_graph_without_head_masks_says_so(float_model, monkeypatch):
    reading = float_model.read(TEXT)
    monkeypatch.setattr(float_model, "can_ablate", False)

    with pytest.raises(RequestError, match="has no input head_mask"):
        head_effects_cost(float_model, reading)


def test_a_flip_is_another_label_as_the_model_names_it(bundle, copy_of_tiny, answered):
    whole = np.array([0.6, 0.3, 0.1], np.float32)
    changed = np.array(
        [[0.5, 0.4, 0.1], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1], [np.nan] * 3], np.float32
    )
    several, number = (
        open_bundle(copy_of_tiny(problem_type=kind)) for kind in ("multi_label", "regression")
    )

    def flipped(bundle, label):
        return flips(answered(bundle, whole), answered(bundle, changed), label).tolist()

    assert flipped(bundle, 2) == [False, True, False, False]
    assert flipped(several, 0) == [True, True, False, False]
    assert flipped(several, 1) == [False] * 4
    assert flipped(number, 0) == [False] * 4


TEXT_PRUNING = "unbelievable music was good"
ALL = [(0, 0), (0, 1), (1, 0), (1, 1)]


def answers_without(float_model, out):
    """The answer of one run, with an explicit mask of the heads that are in."""
    mask = np.array([[[float((i, j) not in out) for j in (0, 1)] for i in (0, 1)]], np.float32)
    (reading,) = float_model.run([float_model.encode(TEXT_PRUNING)], mask)
    return reading.probabilities


def log_odds(float_model, out, label):
    share = float(answers_without(float_model, out)[label])
    return math.log(share / (1 - share))


def flat(order):
    return [head for group in order for head in group]


def test_the_head_that_goes_is_each_time_the_one_that_moves_the_answer_least(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT_PRUNING), 2))

    out, points = [], [answers_without(float_model, [])]
    while len(out) < 4:
        moves = {
            head: abs(log_odds(float_model, [*out, head], 2) - log_odds(float_model, out, 2))
            for head in ALL
            if head not in out
        }
        out.append(min(moves, key=moves.get))
        points.append(answers_without(float_model, out))
    assert flat(curve.order) == out
    np.testing.assert_allclose(curve.answers.probabilities, points, atol=1e-6)
    assert curve.heads_gone == [0, 1, 2, 3, 4]
    assert curve.plan.every == 1


def test_measured_once_the_order_is_that_of_the_single_heads(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT_PRUNING), 2, again=False))

    whole = log_odds(float_model, [], 2)
    moves = [abs(log_odds(float_model, [head], 2) - whole) for head in ALL]
    order = [ALL[index] for index in np.argsort(moves, kind="stable")]
    assert flat(curve.order) == order
    points = [answers_without(float_model, order[:gone]) for gone in range(5)]
    np.testing.assert_allclose(curve.answers.probabilities, points, atol=1e-6)
    assert curve.plan.once


@pytest.mark.parametrize("every", [1, 2, 3])
def test_between_two_measurements_several_go(float_model, monkeypatch, every):
    texts = PruningPlan(tuple((head,) for head in ALL), every).texts
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: texts)
    curve = run_to_end(prune(float_model, float_model.read(TEXT_PRUNING), 0))

    out = []
    while len(out) < 4:
        now = log_odds(float_model, out, 0)
        staying = [head for head in ALL if head not in out]
        moves = [abs(log_odds(float_model, [*out, head], 0) - now) for head in staying]
        out += [staying[index] for index in np.argsort(moves, kind="stable")[:every]]
    assert curve.plan.every == every
    assert flat(curve.order) == out
    points = [answers_without(float_model, out[:gone]) for gone in range(5)]
    np.testing.assert_allclose(curve.answers.probabilities, points, atol=1e-6)


def test_heads_that_are_out_stay_out(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT_PRUNING, ablated=((0, 1),)), 0))

    assert sorted(flat(curve.order)) == [(0, 0), (1, 0), (1, 1)]
    np.testing.assert_allclose(
        curve.answers.probabilities[0], answers_without(float_model, [(0, 1)]), atol=1e-6
    )
    np.testing.assert_allclose(
        curve.answers.probabilities[-1], answers_without(float_model, ALL), atol=1e-6
    )


def test_with_no_head_left_there_is_one_point(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT_PRUNING, ablated=tuple(ALL)), 0))

    assert curve.order == ()
    assert curve.answers.probabilities.shape == (1, 3)


def test_where_time_is_short_whole_layers_go(float_model, monkeypatch):
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: 1)
    reading = float_model.read(TEXT_PRUNING)

    curve = run_to_end(prune(float_model, reading, 0))

    assert curve.plan.heads_at_once == 2
    assert sorted(curve.order) == [((0, 0), (0, 1)), ((1, 0), (1, 1))]
    first = curve.order[0]
    np.testing.assert_allclose(
        curve.answers.probabilities[1], answers_without(float_model, first), atol=1e-6
    )
    assert curve.heads_gone == [0, 2, 4]
    assert pruning_cost(float_model, reading).texts == 4


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("within", [1, 8, 9, 10, 99])
def test_the_plan_reads_as_many_texts_as_it_says_and_no_more_than_fit(
    float_model, monkeypatch, within, again
):
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: within)
    reading = float_model.read(TEXT_PRUNING)
    plan = pruning_plan(float_model, reading, again=again)
    asked = []
    answer = float_model.answer
    monkeypatch.setattr(
        float_model, "answer", lambda batch, mask: asked.append(len(batch)) or answer(batch, mask)
    )

    *_, last = prune(float_model, reading, 0, again=again)

    assert sum(asked) == plan.texts
    assert last == (plan.texts, plan.texts)
    assert plan.texts <= max(within, 4)
