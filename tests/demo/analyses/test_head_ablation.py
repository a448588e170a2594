"""Heads left out in turn, against one run of the graph for each of them."""

import numpy as np
import pytest

from explorer.analyses import head_ablation as module
from explorer.analyses.head_ablation import head_effects, head_effects_cost
from explorer.analyses.perturbation import flips
from explorer.bundle.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end

TEXT, PAIR = "unbelievable music was good", "not bad"


def alone(float_model, out):
    """The answer of one run, with an explicit mask of the heads that are in."""
    mask = np.array([[[float((i, j) not in out) for j in (0, 1)] for i in (0, 1)]], np.float32)
    (reading,) = float_model.run([float_model.encode(TEXT, PAIR)], mask)
    return reading.probabilities


@pytest.mark.parametrize("before", [(), ((1, 0),)])
def test_every_effect_is_the_fall_of_a_run_without_that_head(float_model, before):
    reading = float_model.read(TEXT, PAIR, before)

    found = run_to_end(head_effects(float_model, reading, 1))

    whole = alone(float_model, before)
    np.testing.assert_allclose(found.whole.probabilities, whole, atol=1e-6)
    for layer, head in np.ndindex(2, 2):
        without = found.without_head[layer, head].probabilities
        if (layer, head) in before:
            assert np.isnan(without).all()
            continue
        expected = alone(float_model, (*before, (layer, head)))
        np.testing.assert_allclose(without, expected, atol=1e-6)
        fall = whole[1] - expected[1]
        assert found.effects(1)[layer, head] == pytest.approx(fall, abs=2e-6)
    for layer in (0, 1):
        expected = alone(float_model, (*before, (layer, 0), (layer, 1)))
        np.testing.assert_allclose(found.without_layer[layer].probabilities, expected, atol=1e-6)
        fall = whole[1] - expected[1]
        assert found.layer_effects(1)[layer] == pytest.approx(fall, abs=2e-6)
    assert found.not_tried == 0
    assert np.nanmax(np.abs(found.effects(1))) > 1e-4  # something was left out


def test_where_time_is_short_the_heads_of_the_layer_that_matters_come_first(
    float_model, monkeypatch
):
    reading = float_model.read(TEXT, PAIR)
    whole = run_to_end(head_effects(float_model, reading, 0))
    layer = int(np.abs(whole.layer_log_odds_effects(0)).argmax())
    monkeypatch.setattr(float_model.throughput, "texts_within", lambda *_: 1 + 2 + 2)

    found = run_to_end(head_effects(float_model, reading, 0))

    assert head_effects_cost(float_model, reading).texts == 5
    assert found.not_tried == 2
    assert np.isnan(found.without_head[1 - layer].logits).all()
    np.testing.assert_allclose(
        found.without_head[layer].logits, whole.without_head[layer].logits, atol=1e-5
    )


def test_the_time_is_the_one_that_an_analysis_may_take(float_model, monkeypatch):
    reading = float_model.read(TEXT)
    asked = []
    monkeypatch.setattr(
        float_model.throughput, "texts_within", lambda *given: asked.append(given) or 99
    )

    assert head_effects_cost(float_model, reading).texts == 1 + 2 + 4
    assert asked == [(module.TIME_BUDGET, len(reading.tokens))]


def test_progress_counts_the_texts_that_were_promised(float_model):
    reading = float_model.read(TEXT)

    progress = list(head_effects(float_model, reading, 0))

    assert progress[-1] == (7, 7)
    assert head_effects_cost(float_model, reading).texts == 7


def test_a_graph_without_head_masks_says_so(float_model, monkeypatch):
    reading = float_model.read(TEXT)
    monkeypatch.setattr(float_model, "can_ablate", False)

    with pytest.raises(RequestError, match="has no input head_mask"):
        head_effects_cost(float_model, reading)


def test_a_flip_is_another_label_as_the_model_names_it(bundle, copy_of_tiny, answered):
    whole = np.array([0.6, 0.3, 0.1], np.float32)
    changed = np.array(
        [[0.5, 0.4, 0.1], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1], [np.nan] * 3], np.float32
    )
    several, number = (
        open_bundle(copy_of_tiny(problem_type=kind)) for kind in ("multi_label", "regression")
    )

    def flipped(bundle, label):
        return flips(answered(bundle, whole), answered(bundle, changed), label).tolist()

    assert flipped(bundle, 2) == [False, True, False, False]
    assert flipped(several, 0) == [True, True, False, False]
    assert flipped(several, 1) == [False] * 4
    assert flipped(number, 0) == [False] * 4
