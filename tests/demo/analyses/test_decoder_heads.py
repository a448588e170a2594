"""A decoder's heads left out in turn, against runs that go token by token for each of them."""

from dataclasses import replace

import numpy as np
import pytest
from onnxruntime import OrtValue

from explorer.analyses import decoder_heads as module
from explorer.analyses import perturbation as target_scores
from explorer.analyses.decoder_heads import decoder_head_effects, decoder_head_effects_cost
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.generator import TextGenerator
from explorer.inference.logits import Settings

TEXT = "unbelievable music was good"


@pytest.fixture(scope="module")
def generator(float_model):
    return TextGenerator(float_model)


@pytest.fixture(scope="module")
def generation(generator, float_model):
    *_, generation = generator.write(float_model.read(TEXT), Settings(max_tokens=5))
    return generation


def alone(generator, generation, masks):
    """Log-probabilities token by token with cached steps, and the softmax written out."""
    past = generator.session.begin(generation.source.hidden)
    given = {name: OrtValue.ortvalue_from_numpy(mask) for name, mask in masks.items()}
    scores, last = [], generator.decoder.start_id
    for index in generation.ids:
        past = replace(past, source={**past.source, **given})
        outputs, past = generator.session.run(np.array([[last]], np.int64), past)
        logits = outputs.logits[0, -1].astype(np.float64)
        scores.append(logits[index] - np.log(np.exp(logits).sum()))
        last = index
    return np.array(scores)


@pytest.mark.parametrize("rows", [1, 3, 99])
def test_every_effect_is_the_fall_of_a_text_scored_without_that_head(
    generator, generation, monkeypatch, rows
):
    monkeypatch.setattr(module, "targets_per_run", lambda *_: rows)

    found = run_to_end(decoder_head_effects(generator, generation))

    layers, heads = generator.decoder.layers, generator.decoder.heads
    whole = alone(generator, generation, {})
    np.testing.assert_allclose(found.log_probabilities, whole, atol=1e-4)
    for kind, name in enumerate(("cross_head_mask", "head_mask")):
        for layer, head in np.ndindex(layers, heads):
            mask = np.ones((1, layers, heads), np.float32)
            mask[0, layer, head] = 0
            fall = whole - alone(generator, generation, {name: mask})
            np.testing.assert_allclose(found.effects[kind, layer, head], fall, atol=2e-4)
    assert found.not_tried == 0
    for kind in (0, 1):
        assert np.abs(found.effects[kind]).max() > 1e-3  # something was left out


def test_where_time_is_short_cross_attention_of_the_last_layers_comes_first(
    generator, generation, monkeypatch
):
    heads = generator.decoder.heads
    each = decoder_head_effects_cost(generator, generation)
    monkeypatch.setattr(module, "TIME_BUDGET", each.seconds / each.texts * (1 + heads) * 1.01)

    found = run_to_end(decoder_head_effects(generator, generation))

    tried = ~np.isnan(found.effects).any(axis=-1)
    assert tried.sum() == heads
    assert tried[0, -1].all()
    assert found.not_tried == 2 * generator.decoder.layers * heads - heads
    assert decoder_head_effects_cost(generator, generation).texts == 1 + heads


def test_progress_counts_the_texts_that_were_promised(generator, generation):
    texts = decoder_head_effects_cost(generator, generation).texts

    *_, last = decoder_head_effects(generator, generation)

    assert last == (texts, texts)


def test_a_decoder_without_head_masks_says_so(generator, generation, monkeypatch):
    monkeypatch.setattr(generator.session, "can_ablate", False)

    with pytest.raises(RequestError, match="has no inputs cross_head_mask and head_mask"):
        decoder_head_effects_cost(generator, generation)


def test_a_run_holds_no_more_than_its_memory(generator, generation, monkeypatch):
    monkeypatch.setattr(target_scores, "_RUN_BYTES", 10**6)
    logits = 4 * len(generation.ids) * generator.decoder.vocabulary
    keys_and_values = (
        4 * len(generation.source.tokens) * 2 * generator.decoder.layers * generator.session.width
    )

    rows = target_scores.targets_per_run(generator, generation)

    assert rows * (logits + 2 * keys_and_values) <= 10**6
    assert (rows + 1) * (logits + 2 * keys_and_values) > 10**6
