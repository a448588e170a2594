"""Words out of pieces, against loops over pieces."""

import numpy as np
import pytest

from explorer.inference.tokens import group_words
from explorer.maps.axes import merge_words


def test_sums_over_key_pieces_and_means_over_query_pieces(model):
    reading = model.read("unbelievable music was good", "was it?")
    words = group_words(reading.tokens)
    merged = merge_words(reading.weights, words, words)

    assert any(len(word.places) > 1 for word in words)
    layers, heads = reading.weights.shape[:2]
    assert merged.shape == (layers, heads, len(words), len(words))
    for row, query in enumerate(words):
        for column, key in enumerate(words):
            expected = np.mean(
                [
                    np.sum([reading.weights[1, 0, i, j] for j in key.places], dtype=np.float64)
                    for i in query.places
                ]
            )
            assert merged[1, 0, row, column] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(merged.sum(axis=-1), 1, atol=1e-5)


def test_no_words_no_map():
    assert merge_words(np.ones((2, 3, 3), np.float32), [], []).shape == (2, 0, 0)
