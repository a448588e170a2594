"""Occlusion against one run of the graph for every word, by texts cut and read again."""

import numpy as np
import pytest

from explorer.analyses import perturbation as spans_module
from explorer.analyses.occlusion import occlusion, occlusion_cost, plan_occlusion
from explorer.analyses.perturbation import (
    answers_without,
    check_removal_mode,
    sentence_spans,
)
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.reading import ablation_mask
from explorer.inference.tokenizing import deleted, masked
from explorer.inference.tokens import own_words

TEXT = "The music was good. Not bad at all! An unbelievable story"


@pytest.fixture
def model(float_model):
    return float_model


def alone(model, text, pair, places, way, mask=None):
    encoded = model.encode(text, pair)
    changed = (
        deleted(encoded, places) if way == "deleted" else masked(encoded, places, model.mask_id)
    )
    (reading,) = model.run([changed], mask)
    return reading.probabilities


@pytest.mark.parametrize("way", ["deleted", "masked"])
@pytest.mark.parametrize("pair", ["", "dull, but great"])
def test_every_effect_is_the_answer_less_the_answer_without_the_word(model, way, pair):
    reading = model.read(TEXT, pair)
    for target in range(len(model.bundle.labels)):
        found = run_to_end(occlusion(model, reading, target, way))

        assert "".join(word.text for word in found.words) == (TEXT + pair).replace(" ", "")
        for word, effect in zip(found.words, found.effects, strict=True):
            less = alone(model, TEXT, pair, word.places, way)
            assert effect == pytest.approx(reading.probabilities[target] - less[target], abs=1e-5)
    assert np.abs(found.effects).max() > 1e-3


def test_a_deleted_word_is_a_text_without_it(model):
    reading = model.read("the music was good")
    found = run_to_end(occlusion(model, reading, 0, "deleted"))

    for place, word in enumerate(["the", "music", "was", "good"]):
        shorter = " ".join(w for w in ["the", "music", "was", "good"] if w != word)
        np.testing.assert_allclose(
            found.changed.probabilities[place], model.read(shorter).probabilities, atol=1e-5
        )


def test_heads_that_were_left_out_stay_out(model):
    heads = ((0, 0), (1, 1))
    reading = model.read(TEXT, ablated=heads)
    found = run_to_end(occlusion(model, reading, 1, "deleted"))

    mask = ablation_mask(heads, model.bundle.layers, model.bundle.heads)
    for word, effect in zip(found.words, found.effects, strict=True):
        less = alone(model, TEXT, "", word.places, "deleted", mask)
        assert effect == pytest.approx(reading.probabilities[1] - less[1], abs=1e-5)


def test_a_text_too_long_for_the_time_goes_by_sentences_first(model, monkeypatch):
    reading = model.read(TEXT)
    monkeypatch.setattr(model.throughput, "texts_within", lambda *_: 8)
    found = run_to_end(occlusion(model, reading, 1, "deleted"))

    words = own_words(reading.tokens)
    sentences = [[word.text for word in words[span.start : span.stop]] for span in found.sentences]
    assert ["".join(texts) for texts in sentences] == [
        "Themusicwasgood.", "Notbadatall!", "Anunbelievablestory",
    ]  # fmt: skip
    effects = []
    of_sentences = found.whole.falls(found.changed_sentences, found.target)
    for span, effect in zip(found.sentences, of_sentences, strict=True):
        places = [place for index in span for place in words[index].places]
        effects.append(reading.probabilities[1] - alone(model, TEXT, "", places, "deleted")[1])
        assert effect == pytest.approx(effects[-1], abs=1e-5)
    # 8 texts hold three sentences and five words: those of the strongest sentence whose size fits.
    strongest = int(np.argmax(np.abs(effects)))
    assert set(found.sentences[strongest][:5]) <= set(found.tried)
    assert len(found.tried) <= 5
    assert occlusion_cost(model, reading).texts == 8
    for place in found.tried:
        less = alone(model, TEXT, "", words[place].places, "deleted")
        assert found.effects[place] == pytest.approx(reading.probabilities[1] - less[1], abs=1e-5)
    assert found.strongest == sorted(found.tried, key=lambda place: -abs(found.effects[place]))


def test_sentences_end_with_their_quotes_and_long_ones_are_cut(model, monkeypatch):
    monkeypatch.setattr(spans_module, "_LONGEST", 8)

    def spans(text, most=99, pair=""):
        words = own_words(model.encode(text, pair).tokens)
        parts = [words[span.start : span.stop] for span in sentence_spans(words, most)]
        return ["".join(word.text for word in part) for part in parts]

    assert spans("It was “good.” Bad?! Great") == ["Itwas“good.”", "Bad?!", "Great"]
    assert spans("good", pair="bad") == ["good", "bad"]
    assert spans("bad " * 18) == ["bad" * 8, "bad" * 8, "bad" * 2]
    assert spans("a . a . a . a .", most=3) == ["a.a", ".a.", "a."]
    assert spans("") == []


def test_equal_texts_are_read_once(model, monkeypatch):
    reading = model.read("good good bad")
    words = own_words(reading.tokens)
    removals = [[words[0]], [words[1]], [words[2]], [words[1]]]

    batches, answer = [], model.answer
    monkeypatch.setattr(model, "answer", lambda texts, _: batches.append(texts) or answer(texts))
    found = run_to_end(answers_without(model, reading, removals, "deleted"))

    assert sum(map(len, batches)) == 2  # good bad, good good
    for row, removed in enumerate(removals):
        less = alone(model, reading.text, "", removed[0].places, "deleted")
        np.testing.assert_allclose(found[row].probabilities, less, atol=1e-5)


def test_words_cannot_be_masked_without_a_mask_token(model, monkeypatch):
    with pytest.raises(RequestError, match="way is 'burnt'; expected deleted or masked"):
        check_removal_mode("burnt", model)
    assert check_removal_mode("masked", model) == "masked"
    monkeypatch.setattr(model, "mask_id", None)

    with pytest.raises(RequestError, match=r"Tiny.* has no mask token.*Have them deleted"):
        check_removal_mode("masked", model)


def test_a_text_without_words_has_no_effects(model):
    found = run_to_end(occlusion(model, model.read("\u00ad"), 0, "deleted"))

    assert len(found.effects) == len(found.tried) == 0
    assert plan_occlusion(model, model.read("a")).texts == 1
