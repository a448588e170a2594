"""One class rather than another: effects are on the difference of their two logits."""

import numpy as np
import pytest

from explorer.analyses.faithfulness import faithfulness, words_that_disagree
from explorer.analyses.head_ablation import head_effects, prune
from explorer.analyses.occlusion import occlusion, word_pairs
from explorer.analyses.perturbation import Answers, Contrast, flips
from explorer.analyses.smallest_flip import smallest_flip
from explorer.bundle import open_bundle
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel

TEXT = "Not bad at all, the story is great!"


@pytest.fixture(scope="module", params=["single_label", "multi_label"])
def contrasted(request, copy_of_tiny):
    folder = copy_of_tiny(problem_type=request.param, temperature=0.25)
    return EncoderModel(open_bundle(folder, "float32"))


def between(model, logits, label, other):
    scaled = np.asarray(logits, np.float64) / model.bundle.temperature
    return scaled[..., label] - scaled[..., other]


def sigmoid(numbers):
    return 1 / (1 + np.exp(-numbers))


def test_a_words_effect_is_on_the_difference_of_two_logits(contrasted):
    reading = contrasted.read(TEXT)
    found = run_to_end(occlusion(contrasted, reading, Contrast(0, 2), "deleted"))

    before = between(contrasted, reading.logits, 0, 2)
    changed = [
        contrasted.read(text).logits
        for text in ("bad at all, the story is great!", "Not at all, the story is great!")
    ]
    after = between(contrasted, changed, 0, 2)
    np.testing.assert_allclose(found.log_odds_effects[:2], before - after, atol=1e-5)
    np.testing.assert_allclose(found.effects[:2], sigmoid(before) - sigmoid(after), atol=1e-6)


def test_two_classes_set_against_each_other_have_opposite_effects(contrasted):
    reading = contrasted.read(TEXT)
    one, other = (
        run_to_end(occlusion(contrasted, reading, Contrast(*pair), "masked"))
        for pair in ((0, 1), (1, 0))
    )

    np.testing.assert_allclose(one.effects, -other.effects, atol=1e-9)
    np.testing.assert_allclose(one.log_odds_effects, -other.log_odds_effects, atol=1e-9)


def test_heads_and_pairs_and_rankings_follow_the_same_difference(contrasted):
    reading, target = contrasted.read(TEXT), Contrast(2, 1)
    heads = run_to_end(head_effects(contrasted, reading, target))
    without = contrasted.read(TEXT, ablated=((1, 0),)).logits
    effect = between(contrasted, reading.logits, 2, 1) - between(contrasted, without, 2, 1)
    assert heads.log_odds_effects(target)[1, 0] == pytest.approx(effect, abs=1e-5)

    curve = run_to_end(prune(contrasted, reading, target))
    assert curve.answers.target_log_odds(target)[0] == pytest.approx(
        between(contrasted, reading.logits, 2, 1), abs=1e-5
    )
    pairs = run_to_end(word_pairs(contrasted, reading, target, "deleted"))
    both = contrasted.read("at all, the story is great!").logits
    alone = pairs.single.log_odds_effects[:2].sum()
    fall = between(contrasted, reading.logits, 2, 1) - between(contrasted, both, 2, 1)
    assert pairs.log_odds_interactions[0, 1] == pytest.approx(alone - fall, abs=1e-5)
    ranked = run_to_end(faithfulness(contrasted, reading, target, "deleted"))
    assert ranked.single.target == target


def test_of_two_classes_under_one_softmax_a_contrast_says_nothing_new(bundle, answered):
    shares = np.array([[0.9, 0.1], [0.4, 0.6], [1 - 1e-9, 1e-9]])
    given = answered(bundle, shares)

    np.testing.assert_allclose(given.target_log_odds(Contrast(0, 1)), given.log_odds[:, 0])
    np.testing.assert_allclose(given.target_probability(Contrast(0, 1)), shares[:, 0], atol=1e-6)
    changed = given[[1, 0, 2]]
    np.testing.assert_allclose(
        given.falls(changed, Contrast(0, 1)), given.falls(changed, 0), atol=1e-12
    )


def test_an_answer_flips_where_the_other_of_two_is_likelier(bundle, answered):
    whole = answered(bundle, [0.5, 0.3, 0.2])
    changed = answered(bundle, [[0.32, 0.4, 0.28], [0.2, 0.1, 0.7], [0.6, 0.2, 0.2]])
    changed = Answers(bundle, np.append(changed.logits, np.full((1, 3), np.nan), axis=0))

    assert flips(whole, changed, Contrast(0, 1)).tolist() == [True, False, False, False]
    assert flips(whole, changed, Contrast(0, 2)).tolist() == [False, True, False, False]


def test_words_are_searched_for_without_which_the_other_is_likelier(contrasted):
    reading = contrasted.read(TEXT)
    for other in {0, 1, 2} - {reading.likeliest}:
        target = Contrast(reading.likeliest, other)
        found = run_to_end(smallest_flip(contrasted, reading, target, "deleted"))

        is_likelier = found.changed.target_log_odds(target) <= 0
        assert bool(is_likelier) == (found.places is not None)


@pytest.mark.parametrize("temperature", [0.25, 1000.0])
def test_words_that_move_the_answer_by_less_than_a_point_disagree_with_nothing(
    copy_of_tiny, temperature
):
    model = EncoderModel(open_bundle(copy_of_tiny(temperature=temperature), "float32"))
    reading = model.read(TEXT)
    found = run_to_end(occlusion(model, reading, reading.likeliest, "deleted"))
    marks = words_that_disagree(reading, found)

    assert found.moves_answer == (found.matters and np.abs(found.effects).max() >= 0.01)
    assert (set(marks) > {None}) == found.moves_answer


def test_a_sure_answer_that_does_not_move_by_a_point_is_no_cause_for_disagreement(
    float_model, answered
):
    reading = float_model.read(TEXT)
    found = run_to_end(occlusion(float_model, reading, 0, "deleted"))
    changed = np.full((len(found.words), 3), [0.9999, 5e-5, 5e-5])
    changed[0] = [0.995, 0.0025, 0.0025]
    sure = found._replace(
        whole=answered(float_model.bundle, [0.9999, 5e-5, 5e-5]),
        changed=answered(float_model.bundle, changed),
    )

    assert sure.matters
    assert sure.log_odds_effects.max() > 3
    assert not sure.moves_answer
    assert words_that_disagree(reading, sure) == [None] * len(found.words)
