"""The smallest flip against a search through all sets of words."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from explorer.analyses import smallest_flip as module
from explorer.analyses.smallest_flip import flip_cost, smallest_flip
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.tokenizing import deleted
from explorer.inference.tokens import own_words

WEIGHTS = {
    "the": 0.1, "music": 1, "was": 1.2, "good": 3, "not": -2, "bad": -4, "great": 1.1,
    "so": 2.5, "but": -6.5, "story": 0, "dull": 0,
}  # fmt: skip
SIZES = {
    "good": 1,
    "the music was good": 2,
    "the music was great": 2,
    "not bad bad": 1,
    "not bad music": 1,
    "good music was great not bad": 2,
    "bad the": None,
    "good good good": 3,
    "music was great great great": 4,
    "great great great great music good": 5,
    "but so so so story dull": 2,
}
"""Each with the size of its smallest set."""


def score(words):
    """A model whose answer is plain to see: a sum, but "not" and "bad" turn each other round, and
    of "story" and "dull" one is enough."""
    present = set(words)
    total = -1.5 + sum(WEIGHTS[word] for word in words)
    return total + 9 * ({"not", "bad"} <= present) + 6 * bool({"story", "dull"} & present)


def logits(words):
    return np.array([0, score(words), -50], np.float32)


def probabilities(words):
    positive = 1 / (1 + np.exp(-score(words)))
    return np.array([1 - positive, positive, 0], np.float32)


@pytest.fixture
def plain(float_model, monkeypatch):
    """Reads a text with the plain model; the model that does so."""

    def answer(batch, masks):
        return np.stack([logits([word.text for word in own_words(text.tokens)]) for text in batch])

    monkeypatch.setattr(float_model, "answer", answer)
    monkeypatch.setattr(
        float_model.throughput, "texts_within", lambda *_: 1000
    )  # however slow it is

    def read(text):
        words = text.split()
        shares = probabilities(words)
        return replace(float_model.read(text), logits=logits(words), probabilities=shares)

    return float_model, read


def smallest(words):
    """By trying all sets."""
    label = score(words) > 0
    for size in range(1, len(words) + 1):
        for gone in itertools.combinations(range(len(words)), size):
            rest = [word for place, word in enumerate(words) if place not in gone]
            if (score(rest) > 0) != label:
                return size
    return None


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_the_set_flips_and_no_word_of_it_can_go_back(plain, text, size):
    model, read = plain
    reading = read(text)
    label = int(reading.probabilities.argmax())
    words = text.split()
    assert smallest(words) == size

    found = run_to_end(smallest_flip(model, reading, label, "deleted"))

    if size is None:
        assert found.places is None
        assert not found.is_smallest
        np.testing.assert_allclose(found.changed.probabilities, probabilities([]), atol=1e-6)
        return
    rest = [word for place, word in enumerate(words) if place not in found.places]
    np.testing.assert_allclose(found.changed.probabilities, probabilities(rest), atol=1e-6)
    assert probabilities(rest).argmax() != label
    assert len(found.places) >= size
    assert len(found.places) == size or not found.is_smallest
    assert found.is_smallest == (size <= 3)
    for back in found.places if size > 1 else ():
        gone = [place for place in found.places if place != back]
        rest = [word for place, word in enumerate(words) if place not in gone]
        assert probabilities(rest).argmax() == label


def test_without_time_for_pairs_the_greedy_set_stands(plain, monkeypatch):
    model, read = plain
    text = "but so so so story dull"
    reading = read(text)
    pairs = flip_cost(model, reading).texts - 3 * 6
    assert pairs == 6 * 5 / 2
    monkeypatch.setattr(model.throughput, "texts_within", lambda *_: 20)

    found = run_to_end(smallest_flip(model, reading, 1, "deleted"))

    assert [text.split()[place] for place in found.places] == ["so"] * 3
    assert not found.tried_pairs
    assert not found.is_smallest
    assert flip_cost(model, reading).texts == 3 * 6


def test_a_long_search_looks_several_words_ahead(plain, monkeypatch):
    model, read = plain
    reading = read("great great great great music good")
    monkeypatch.setattr(module, "_AT_ONCE", 2)

    found = run_to_end(smallest_flip(model, reading, 1, "deleted"))

    assert len(found.places) == 5
    progress = [step.done for step in smallest_flip(model, reading, 1, "deleted")]
    assert progress == sorted(progress)
    assert progress[-1] <= flip_cost(model, reading).texts


def test_a_multi_label_model_flips_where_it_says_otherwise_of_the_class(plain, monkeypatch):
    model, read = plain
    monkeypatch.setattr(model, "bundle", replace(model.bundle, problem_type="multi_label"))
    reading = read("bad good")
    assert reading.probabilities[1] < 0.5

    found = run_to_end(smallest_flip(model, reading, 1, "deleted"))

    assert found.places == [0]  # without "bad" the class fits


def test_the_answer_without_the_words_is_that_of_the_shorter_text(float_model):
    text = "unbelievable music was bad"
    reading = float_model.read(text, "good")
    target = int(reading.probabilities.argmax())
    found = run_to_end(smallest_flip(float_model, reading, target, "deleted"))

    words = found.single.words if found.places is None else [
        found.single.words[place] for place in found.places
    ]  # fmt: skip
    gone = [place for word in words for place in word.places]
    (changed,) = float_model.run([deleted(float_model.encode(text, "good"), gone)])
    np.testing.assert_allclose(found.changed.probabilities, changed.probabilities, atol=1e-5)


def test_a_regression_has_no_label_to_flip(float_model, monkeypatch):
    bundle = replace(float_model.bundle, problem_type="regression")
    monkeypatch.setattr(float_model, "bundle", bundle)

    with pytest.raises(RequestError, match=r"gives a number, so there is no label"):
        run_to_end(smallest_flip(float_model, float_model.read("good"), 0, "deleted"))
