"""Whatever a model is asked, an analysis measures what reading the changed text anew would say."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.analyses.compare import without_most_seen
from explorer.analyses.faithfulness import attention_received, faithfulness
from explorer.analyses.head_ablation import head_effects
from explorer.analyses.occlusion import occlusion
from explorer.analyses.perturbation import Contrast
from explorer.analyses.smallest_flip import smallest_flip
from explorer.inference.cost import run_to_end
from explorer.inference.logits import softmax
from explorer.inference.tasks.answer import best_spans, which_span
from explorer.inference.tasks.embed import how_alike, vectors
from explorer.inference.tasks.fill import word_at_mask
from explorer.inference.tasks.tag import label_of_word, tagged
from explorer.inference.tokens import own_words

TEXTS = {
    "tag": ("the film is not bad and the story is great", ""),
    "answer": ("was it good", "the music was dull but the film is great"),
    "fill": ("the film is [MASK] and the story is [MASK]", ""),
    "embed": ("the film is not bad", "it was a great story"),
}
TASKS = tuple(TEXTS)
WORD = 4
"""The word that is asked about: of a text that is tagged its fifth, of masks the first."""


def asked(model):
    """The model, and a reading, of which something is asked."""
    reading = model.read(*TEXTS[model.bundle.task])
    question = {
        "tag": lambda: label_of_word(tagged(reading, model.bundle.labels), WORD),
        "answer": lambda: which_span(reading),
        "fill": lambda: word_at_mask(model, reading, 0),
        "embed": lambda: how_alike(reading, model.bundle.pooling),
    }[model.bundle.task]()
    return model.asked(question), model.asked_of(question, reading)


def by_hand(model, texts, gone, target, ablated=()):
    """The target's probability once a word is gone, the text read anew."""
    words = [text.split() for text in texts]
    first = len(words[0])
    side, place = (0, gone) if gone is None or gone < first else (1, gone - first)
    mask = {"tag": WORD, "fill": 3}.get(model.bundle.task, -1)
    if gone is not None and gone == mask:
        words[side][place] = "[MASK]"
    elif gone is not None:
        del words[side][place]
    reading = model.read(*(" ".join(one) for one in words), ablated)
    own = own_words(reading.tokens)
    moved = mask - (gone is not None and side == 0 and place < mask)
    if model.bundle.task == "tag":
        return float(tagged(reading, model.bundle.labels).probabilities[moved, target])
    if model.bundle.task == "fill":
        row = reading.encoded.held.index(own[moved].places[0])
        return float(softmax(reading.outputs["logits"][row].astype(np.float64))[target])
    one, other = vectors(reading, model.bundle.pooling)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("task", ["tag", "fill", "embed"])
def test_every_effect_is_what_reading_the_changed_text_says(task_models, task):
    model = task_models[task]
    questioned, reading = asked(model)
    target = reading.likeliest
    named = model.id_of(questioned.bundle.labels[target]) if task == "fill" else target

    found = run_to_end(occlusion(questioned, reading, target, "deleted"))

    whole = by_hand(model, TEXTS[task], None, named)
    expected = [
        whole - by_hand(model, TEXTS[task], gone, named) for gone in range(len(found.words))
    ]
    np.testing.assert_allclose(found.effects, expected, atol=2e-5)
    assert np.abs(found.effects).max() > 1e-3


def test_a_span_is_followed_through_the_text_that_is_left(task_models):
    model = task_models["answer"]
    questioned, reading = asked(model)
    span = best_spans(reading)[0]
    words = own_words(reading.tokens)

    found = run_to_end(occlusion(questioned, reading, 0, "deleted"))

    for row, word in enumerate(words):
        if {*reading.encoded.held} & {*word.places}:
            continue  # it is masked, not deleted
        texts = [" ".join(one.text for place, one in enumerate(words) if place != row and
                          one.segment == side) for side in (0, 1)]  # fmt: skip
        other = model.read(*texts)
        context = [
            place for place, token in enumerate(other.tokens) if token.segment and not token.special
        ]
        at = [place - (word.places[0] < place) for place in span.span]
        share = 1.0
        for name, place in zip(("start_logits", "end_logits"), at, strict=True):
            share *= softmax(other.outputs[name][[0, *context]])[1 + context.index(place)]
        assert found.effects[row] == pytest.approx(span.probability - share, abs=2e-5)


@pytest.mark.parametrize("task", TASKS)
def test_heads_are_ablated_whatever_is_asked(task_models, task):
    model = task_models[task]
    questioned, reading = asked(model)
    target = reading.likeliest

    found = run_to_end(head_effects(questioned, reading, target))

    layer, head = 1, 0
    alone = model.read(*TEXTS[task], ((layer, head),))
    share = model.asked_of(questioned.question, alone).probabilities[target]
    expected = float(reading.probabilities[target]) - float(share)
    assert found.effects(target)[layer, head] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("task", TASKS)
def test_rankings_begin_where_the_answer_is_read(task_models, task):
    questioned, reading = asked(task_models[task])

    received = attention_received(reading)
    found = run_to_end(faithfulness(questioned, reading, reading.likeliest, "masked"))

    own = [word.places for word in own_words(reading.tokens)]
    rows = reading.weights[-1].mean(axis=0)[list(reading.read_from)].mean(axis=0)
    np.testing.assert_allclose(received, [rows[list(places)].sum() for places in own], atol=1e-6)
    assert np.isfinite(found.found.comprehensiveness).all()


def test_one_word_is_set_against_another(task_models):
    questioned, reading = asked(task_models["fill"])

    found = run_to_end(occlusion(questioned, reading, Contrast(0, 1), "deleted"))

    logs = np.log(reading.probabilities.astype(np.float64))
    between = float(found.whole.target_log_odds(Contrast(0, 1)))
    assert between == pytest.approx(logs[0] - logs[1], abs=1e-4)


def test_the_answer_flips_where_another_one_becomes_likelier(task_models):
    questioned, reading = asked(task_models["fill"])

    found = run_to_end(smallest_flip(questioned, reading, reading.likeliest, "deleted"))

    assert found.places is not None
    assert int(found.changed.probabilities.argmax()) != reading.likeliest


def test_what_cannot_be_masked_stays_and_has_no_effect(task_models, monkeypatch):
    questioned, reading = asked(task_models["tag"])
    monkeypatch.setattr(questioned, "mask_id", None)

    found = run_to_end(occlusion(questioned, reading, 0, "deleted"))

    assert np.flatnonzero(np.isnan(found.effects)).tolist() == [WORD]


def test_a_comparison_does_not_begin_without_what_is_asked_about(task_models):
    questioned, reading = asked(task_models["fill"])
    sure = replace(reading, weights=np.zeros_like(reading.weights))
    sure.weights[..., reading.encoded.held[0]] = 1

    assert without_most_seen(sure).count("[MASK]") >= 1
    assert without_most_seen(sure) != reading.text
    assert questioned.is_same(task_models["fill"])
