"""Interactions of two words against four runs of the graph for every pair."""

import itertools
import math

import numpy as np
import pytest

from explorer.analyses import occlusion as module
from explorer.analyses.occlusion import word_pairs, word_pairs_cost
from explorer.inference.cost import run_to_end
from explorer.inference.tokenizing import deleted, masked
from explorer.inference.tokens import own_words


@pytest.fixture(scope="module")
def alone(float_model):
    """The answer without some words, from a run of its own."""

    def read(text, pair, words, way):
        encoded = float_model.encode(text, pair)
        places = [place for word in words for place in word.places]
        changed = (
            deleted(encoded, places)
            if way == "deleted"
            else masked(encoded, places, float_model.mask_id)
        )
        return float_model.run([changed])[0].probabilities

    return read


@pytest.mark.parametrize("way", ["deleted", "masked"])
def test_an_interaction_is_the_second_difference(float_model, alone, way):
    text, pair = "unbelievable music was not bad", "it was good"
    reading = float_model.read(text, pair)
    found = run_to_end(word_pairs(float_model, reading, 1, way))

    words = own_words(reading.tokens)
    assert found.places == list(range(len(words)))
    for (u, one), (v, other) in itertools.permutations(enumerate(words), 2):
        whole, *less = (
            each[1]
            for each in (
                reading.probabilities,
                alone(text, pair, [one], way),
                alone(text, pair, [other], way),
                alone(text, pair, [one, other], way),
            )
        )
        expected = whole - less[0] - less[1] + less[2]
        assert found.interactions[u, v] == pytest.approx(expected, abs=2e-5)
        odds = [math.log(share / (1 - share)) for share in map(float, (whole, *less))]
        expected = odds[0] - odds[1] - odds[2] + odds[3]
        assert found.log_odds_interactions[u, v] == pytest.approx(expected, abs=1e-4)
    assert not found.interactions.diagonal().any()
    assert np.abs(found.interactions).max() > 1e-4
    sizes = [abs(found.log_odds_interactions[pair]) for pair in found.strongest]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == len(words) * (len(words) - 1) / 2


def test_the_words_with_the_largest_effects_are_paired(float_model, monkeypatch):
    reading = float_model.read("not bad at all, the story is great!")
    monkeypatch.setattr(module, "MOST_WORDS", 3)
    found = run_to_end(word_pairs(float_model, reading, 0, "deleted"))

    largest = np.argsort(-np.abs(found.single.log_odds_effects), kind="stable")[:3]
    assert found.places == sorted(largest.tolist())
    assert found.left_out == len(found.single.words) - 3
    assert word_pairs_cost(float_model, reading).texts == len(found.single.words) + 3


def test_no_more_pairs_than_fit_into_the_time(float_model, monkeypatch):
    reading = float_model.read("not bad at all")
    words = len(own_words(reading.tokens))
    monkeypatch.setattr(
        float_model.throughput, "texts_within", lambda seconds, _: words + (5 if seconds > 8 else 0)
    )
    assert (
        word_pairs_cost(float_model, reading).texts == words + 3
    )  # of 3 words; 4 would make 6 pairs
    assert len(run_to_end(word_pairs(float_model, reading, 0, "deleted")).places) == 3


def test_a_single_word_makes_no_pair(float_model):
    found = run_to_end(word_pairs(float_model, float_model.read("good"), 0, "deleted"))

    assert (found.strongest, found.interactions.shape) == ([], (1, 1))
