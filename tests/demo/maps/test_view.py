"""The maths of what is shown, against the formula written out."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.maps.maps import Axis
from explorer.maps.view import attention_map, first_head, renormalised

TEXTS = ("The music was dull", "Was it good?")


@pytest.fixture(scope="module")
def reading(model):
    return model.read(*TEXTS)


def test_one_head_is_shown_as_it_is(reading):
    view = attention_map(reading, 1, 0)

    np.testing.assert_array_equal(view.weights, reading.weights[1, 0])
    np.testing.assert_array_equal(view.removed, 0)
    assert view.queries.tokens == view.keys.tokens == reading.tokens
    assert view.name == "Layer 2, head 1"


def test_the_mean_over_heads_is_the_mean(reading):
    view = attention_map(reading, 0, "mean")

    expected = (reading.weights[0, 0] + reading.weights[0, 1]) / 2
    np.testing.assert_allclose(view.weights, expected, atol=1e-7)
    assert view.name == "Layer 1, mean over heads"


@pytest.mark.parametrize("head", [0, 1, "mean"])
def test_hiding_special_tokens_scales_each_row_by_what_is_left_of_it(reading, head):
    full = attention_map(reading, 0, head).weights
    words = [index for index, token in enumerate(reading.tokens) if not token.special]

    view = attention_map(reading, 0, head, special_tokens=False)

    assert view.queries.indexes.tolist() == words
    assert [token.special for token in view.queries.tokens] == [False] * len(words)
    for row, query in enumerate(words):
        removed = sum(full[query, key] for key in range(len(full)) if key not in words)
        assert view.removed[row] == pytest.approx(removed, abs=1e-6)
        for column, key in enumerate(words):
            expected = full[query, key] / (1 - removed)
            assert view.weights[row, column] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(view.weights.sum(axis=-1), 1, atol=1e-6)


def test_a_row_that_only_looked_at_hidden_tokens_is_zero_not_nan():
    weights = np.array([[1, 0, 0], [1, 0, 0], [0, 0.25, 0.75]], np.float32)

    axis = Axis(whole=(), indexes=np.array([1, 2]))

    shown, removed = renormalised(weights, axis, axis)

    np.testing.assert_array_equal(shown, [[0, 0], [0.25, 0.75]])
    np.testing.assert_array_equal(removed, [1, 0])


def test_hiding_works_on_all_heads_at_once(reading):
    alone = attention_map(reading, 1, 1, special_tokens=False)

    together, removed = renormalised(reading.weights, alone.queries, alone.keys)

    np.testing.assert_allclose(together[1, 1], alone.weights, atol=1e-7)
    np.testing.assert_allclose(removed[1, 1], alone.removed, atol=1e-7)


def test_the_first_view_is_the_head_whose_words_look_far(reading, model):
    count = len(reading.tokens)
    weights = np.zeros_like(reading.weights)
    weights[..., np.arange(count), np.arange(count)] = 1  # every head looks at itself ...
    weights[1, 0] = np.roll(np.eye(count), 3, axis=1)  # ... but for one, three places on

    changed = replace(reading, weights=weights)

    assert first_head(changed) == (1, 0)


def test_a_single_word_has_a_first_view_too(model):
    reading = model.read("film")

    assert first_head(reading) == (0, 0)
