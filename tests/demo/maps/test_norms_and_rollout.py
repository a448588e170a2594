"""Norm-weighted maps and rollout, against their formulas in loops and against the weights
themselves."""

import numpy as np
import pytest

from explorer.maps.maps import MAX, MEAN, norm_weighted
from explorer.maps.view import attention_map, last_row, rollout_row


def test_a_weight_counts_by_the_norm_of_what_it_lets_through():
    generator = np.random.default_rng(1)
    weights = generator.dirichlet(np.ones(5), (2, 3, 4)).astype(np.float32)
    vectors = generator.normal(size=(2, 3, 5, 8))

    found = norm_weighted(weights, np.linalg.norm(vectors, axis=-1).astype(np.float32))

    for place in np.ndindex(2, 3, 4):
        carried = [
            np.linalg.norm(weights[place][key] * vectors[place[:2]][key]) for key in range(5)
        ]
        np.testing.assert_allclose(found[place], carried / np.sum(carried), atol=1e-6)


def test_equal_norms_change_nothing_and_a_row_that_carries_nothing_is_zero():
    weights = np.array([[0.25, 0.75], [0, 1]], np.float32)

    np.testing.assert_allclose(norm_weighted(weights, np.full(2, 3, np.float32)), weights)
    assert norm_weighted(weights, np.array([1, 0], np.float32)).tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize("query", [0, 3])
def test_rollout_is_the_product_of_the_layers_with_their_residuals(model, query):
    reading = model.read("the film was not bad at all")
    count = len(reading.tokens)
    expected = np.eye(count)
    for layer in reading.weights.astype(np.float64):
        mixed = np.array(
            [
                [
                    0.5 * np.mean([head[i, j] for head in layer]) + 0.5 * (i == j)
                    for j in range(count)
                ]
                for i in range(count)
            ]
        )
        expected = mixed @ expected

    row = rollout_row(reading.weights, reading.kept_heads, query)

    np.testing.assert_allclose(row, expected[query], atol=1e-6)
    assert row.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(
        last_row(reading.weights, reading.kept_heads, query),
        reading.weights[-1].mean(axis=0)[query],
        atol=1e-7,
    )


def test_heads_that_are_left_out_have_no_part_in_rollout_mean_and_maximum(model):
    without = ((0, 0), (0, 1), (1, 0))  # of layer 1 both heads, of layer 2 the first
    reading = model.read("the film was good", "", without)
    only = reading.weights[1, 1]
    tokens = len(reading.tokens)

    # Layer 1 leaves everything where it is; layer 2 has one head.
    expected = 0.5 * only[0] + 0.5 * np.eye(tokens)[0]
    np.testing.assert_allclose(
        rollout_row(reading.weights, reading.kept_heads), expected, atol=1e-6
    )
    np.testing.assert_array_equal(last_row(reading.weights, reading.kept_heads), only[0])
    for layer, head in ((2 - 1, MEAN), (2 - 1, MAX), (MEAN, MEAN), (MAX, MAX)):
        np.testing.assert_allclose(attention_map(reading, layer, head).weights, only, atol=1e-6)
    assert attention_map(reading, 0, MEAN).weights.max() == 0
    none = np.zeros((2, 2), np.bool_)
    np.testing.assert_array_equal(last_row(reading.weights, none), np.eye(tokens)[0])
