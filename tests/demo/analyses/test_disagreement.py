"""Marks where attention and effect disagree, and the correlation of two orders."""

import math

import numpy as np
import pytest

from explorer.analyses.faithfulness import disagreements, kendall_tau

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
