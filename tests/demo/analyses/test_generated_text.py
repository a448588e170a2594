"""What a generated text owes to its source and to heads, against runs of the decoder token by token
for every word and every head."""

from dataclasses import replace

import numpy as np
import pytest
from onnxruntime import OrtValue

from explorer.analyses import generated_text as module
from explorer.analyses.generated_text import (
    SOURCE_REMOVALS,
    attention_by_word,
    decoder_head_effects,
    decoder_head_effects_cost,
    source_attribution,
    source_attribution_cost,
)
from explorer.analyses.perturbation import LEAST
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.tokenizing import deleted, masked
from explorer.ui.panel import Asked
from explorer.ui.panels.generated_text import SOURCE_ATTRIBUTION, check_source_removal
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

TEXT = "unbelievable music was good"


@pytest.fixture(scope="module")
def model(tiny_folder):
    """In float32: 8-bit kernels round a batch otherwise than its texts alone."""
    return EncoderModel(open_bundle(tiny_folder, "float32"))


@pytest.fixture(scope="module")
def generator(model):
    return TextGenerator(model)


@pytest.fixture(scope="module")
def generation(model, generator):
    *_, generation = generator.write(model.read(TEXT), Settings(max_tokens=6))
    return generation


def alone(generator, generation, hidden, mask):
    """Log-probabilities token by token, each from a run of its own: the softmax written out."""
    given = [generator.decoder.start_id]
    scores = []
    for index in generation.ids:
        past = generator.session.begin(hidden)
        past.source["encoder_attention_mask"].update_inplace(mask[None])
        outputs, _ = generator.session.run(np.array([given], np.int64), past)
        logits = outputs.logits[0, -1].astype(np.float64)
        scores.append(logits[index] - np.log(np.exp(logits).sum()))
        given.append(index)
    return np.array(scores)


def without(model, generator, generation, places, way):
    encoded = model.encode(TEXT)
    mask = np.ones(len(encoded.ids), np.int64)
    if way == SOURCE_REMOVALS[0]:
        (reading,) = model.run([masked(encoded, places, model.mask_id)])
        return alone(generator, generation, reading.hidden, mask)
    mask[list(places)] = 0
    return alone(generator, generation, generation.source.hidden, mask)


@pytest.mark.parametrize("way", SOURCE_REMOVALS)
def test_every_effect_is_the_fall_of_the_log_probability(
    model, generator, generation, way, monkeypatch
):
    monkeypatch.setattr(module, "targets_per_run", lambda *_: 2)
    found = run_to_end(source_attribution(model, generator, generation, way))

    whole = without(model, generator, generation, [], way)
    own = [place for word in found.words for place in word.places]
    np.testing.assert_allclose(found.log_probabilities, whole, atol=1e-4)
    np.testing.assert_allclose(
        found.whole, whole - without(model, generator, generation, own, way), atol=2e-4
    )
    assert "".join(word.text for word in found.words) == TEXT.replace(" ", "")
    for column, word in enumerate(found.words):
        fall = whole - without(model, generator, generation, word.places, way)
        np.testing.assert_allclose(found.effects[:, column], fall, atol=2e-4)
    assert np.abs(found.effects).max() > 1e-3  # something was taken away


def test_attention_by_word_is_the_sum_over_its_pieces(model, generator, generation):
    words = run_to_end(source_attribution(model, generator, generation)).words
    looked = attention_by_word(generation, words)

    layers, heads, target, _ = generation.cross_weights.shape
    for row in range(target):
        for column, word in enumerate(words):
            total = 0.0
            for layer in range(layers):
                for head in range(heads):
                    for place in word.places:
                        total += generation.cross_weights[layer, head, row, place]
            assert looked[row, column] == pytest.approx(total / (layers * heads), abs=1e-6)


def test_a_plan_that_takes_too_long_keeps_the_words_that_were_looked_at_most(
    model, generator, generation, monkeypatch
):
    words = run_to_end(source_attribution(model, generator, generation, SOURCE_REMOVALS[1])).words
    cost = source_attribution_cost(model, generator, generation, SOURCE_REMOVALS[1])
    monkeypatch.setattr(module, "TIME_BUDGET", cost.seconds * 4 / cost.texts * 1.01)

    found = run_to_end(source_attribution(model, generator, generation, SOURCE_REMOVALS[1]))

    assert found.left_out == len(words) - 2 > 0
    looked = attention_by_word(generation, words).sum(axis=0)
    best = {words[index].text for index in np.argsort(-looked)[:2]}
    assert {word.text for word in found.words} == best
    assert source_attribution_cost(model, generator, generation, SOURCE_REMOVALS[1]).texts == 4


def test_without_a_mask_token_words_are_deleted(model, generator, generation, monkeypatch):
    monkeypatch.setattr(model, "mask_id", None)

    found = run_to_end(source_attribution(model, generator, generation))

    whole = [step.probability for step in generation.steps]
    for column, word in enumerate(found.words):
        shorter = model.read_encoded(deleted(generation.source.encoded, word.places))
        steps = generator.follow(shorter, generation.ids).steps
        effects = np.log(whole) - np.log([step.probability for step in steps])
        np.testing.assert_allclose(found.effects[:, column], effects, atol=1e-2)


def test_the_panel_shows_probabilities_with_and_without(model, generator, generation):
    asked = Asked(of=model, text=generation.source, options={"way": SOURCE_REMOVALS[1]},
        generator=generator, generation=generation,
    )  # fmt: skip
    drawn = run_to_end(SOURCE_ATTRIBUTION.run(asked))

    shares = [step.probability for step in generation.steps]
    assert np.exp(drawn["log_probabilities"]) == pytest.approx(shares, abs=1e-4)
    assert len(drawn["whole"]) == len(drawn["tokens"])
    assert drawn["least"] == LEAST
    assert len(drawn["effects"]) == len(drawn["attention"]) == len(drawn["tokens"])
    with pytest.raises(RequestError, match=r"way is 'by magic'; expected before the encoder"):
        SOURCE_ATTRIBUTION.cost(replace(asked, options={"way": "by magic"}))
    assert check_source_removal(SOURCE_REMOVALS[0]) == SOURCE_REMOVALS[0]


def with_masks(generator, generation, masks):
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
    whole = with_masks(generator, generation, {})
    np.testing.assert_allclose(found.log_probabilities, whole, atol=1e-4)
    for kind, name in enumerate(("cross_head_mask", "head_mask")):
        for layer, head in np.ndindex(layers, heads):
            mask = np.ones((1, layers, heads), np.float32)
            mask[0, layer, head] = 0
            fall = whole - with_masks(generator, generation, {name: mask})
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

    with pytest.raises(RequestError, match="has no input cross_head_mask and head_mask"):
        decoder_head_effects_cost(generator, generation)


def test_a_run_holds_no_more_than_its_memory(generator, generation, monkeypatch):
    monkeypatch.setattr(module, "_RUN_BYTES", 10**6)
    logits = 4 * len(generation.ids) * generator.decoder.vocabulary
    keys_and_values = (
        4 * len(generation.source.tokens) * 2 * generator.decoder.layers * generator.session.width
    )

    rows = module.targets_per_run(generator, generation)

    assert rows * (logits + 2 * keys_and_values) <= 10**6
    assert (rows + 1) * (logits + 2 * keys_and_values) > 10**6
