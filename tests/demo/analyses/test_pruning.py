"""Heads that go one after another, against a search written out with one run a step."""

import math

import numpy as np
import pytest

from explorer.analyses.head_ablation import PruningPlan, prune, pruning_cost, pruning_plan
from explorer.inference.cost import run_to_end

TEXT = "unbelievable music was good"
ALL = [(0, 0), (0, 1), (1, 0), (1, 1)]


def alone(float_model, out):
    """The answer of one run, with an explicit mask of the heads that are in."""
    mask = np.array([[[float((i, j) not in out) for j in (0, 1)] for i in (0, 1)]], np.float32)
    (reading,) = float_model.run([float_model.encode(TEXT)], mask)
    return reading.probabilities


def log_odds(float_model, out, label):
    share = float(alone(float_model, out)[label])
    return math.log(share / (1 - share))


def flat(order):
    return [head for group in order for head in group]


def test_the_head_that_goes_is_each_time_the_one_that_moves_the_answer_least(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT), 2))

    out, points = [], [alone(float_model, [])]
    while len(out) < 4:
        moves = {
            head: abs(log_odds(float_model, [*out, head], 2) - log_odds(float_model, out, 2))
            for head in ALL
            if head not in out
        }
        out.append(min(moves, key=moves.get))
        points.append(alone(float_model, out))
    assert flat(curve.order) == out
    np.testing.assert_allclose(curve.answers.probabilities, points, atol=1e-6)
    assert curve.heads_gone == [0, 1, 2, 3, 4]
    assert curve.plan.every == 1


def test_measured_once_the_order_is_that_of_the_single_heads(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT), 2, again=False))

    whole = log_odds(float_model, [], 2)
    moves = [abs(log_odds(float_model, [head], 2) - whole) for head in ALL]
    order = [ALL[index] for index in np.argsort(moves, kind="stable")]
    assert flat(curve.order) == order
    points = [alone(float_model, order[:gone]) for gone in range(5)]
    np.testing.assert_allclose(curve.answers.probabilities, points, atol=1e-6)
    assert curve.plan.once


@pytest.mark.parametrize("every", [1, 2, 3])
def test_between_two_measurements_several_go(float_model, monkeypatch, every):
    texts = PruningPlan(tuple((head,) for head in ALL), every).texts
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: texts)
    curve = run_to_end(prune(float_model, float_model.read(TEXT), 0))

    out = []
    while len(out) < 4:
        now = log_odds(float_model, out, 0)
        staying = [head for head in ALL if head not in out]
        moves = [abs(log_odds(float_model, [*out, head], 0) - now) for head in staying]
        out += [staying[index] for index in np.argsort(moves, kind="stable")[:every]]
    assert curve.plan.every == every
    assert flat(curve.order) == out
    points = [alone(float_model, out[:gone]) for gone in range(5)]
    np.testing.assert_allclose(curve.answers.probabilities, points, atol=1e-6)


def test_heads_that_are_out_stay_out(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT, ablated=((0, 1),)), 0))

    assert sorted(flat(curve.order)) == [(0, 0), (1, 0), (1, 1)]
    np.testing.assert_allclose(
        curve.answers.probabilities[0], alone(float_model, [(0, 1)]), atol=1e-6
    )
    np.testing.assert_allclose(curve.answers.probabilities[-1], alone(float_model, ALL), atol=1e-6)


def test_with_no_head_left_there_is_one_point(float_model):
    curve = run_to_end(prune(float_model, float_model.read(TEXT, ablated=tuple(ALL)), 0))

    assert curve.order == ()
    assert curve.answers.probabilities.shape == (1, 3)


def test_where_time_is_short_whole_layers_go(float_model, monkeypatch):
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: 1)
    reading = float_model.read(TEXT)

    curve = run_to_end(prune(float_model, reading, 0))

    assert curve.plan.heads_at_once == 2
    assert sorted(curve.order) == [((0, 0), (0, 1)), ((1, 0), (1, 1))]
    first = curve.order[0]
    np.testing.assert_allclose(curve.answers.probabilities[1], alone(float_model, first), atol=1e-6)
    assert curve.heads_gone == [0, 2, 4]
    assert pruning_cost(float_model, reading).texts == 4


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("within", [1, 8, 9, 10, 99])
def test_the_plan_reads_as_many_texts_as_it_says_and_no_more_than_fit(
    float_model, monkeypatch, within, again
):
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: within)
    reading = float_model.read(TEXT)
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
