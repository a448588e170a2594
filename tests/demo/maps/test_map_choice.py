"""Maps that join several heads, and norm-weighted ones: against the formulas written out, in the
order of weighting, merging, joining and hiding."""

import numpy as np
import pytest

from explorer.inference.tokens import group_words
from explorer.maps.view import attention_map, encoder_maps, generation_map, generation_maps
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

TEXTS = ("unbelievable music was unbad", "was it?")
JOIN = {"mean": np.mean, "max": np.max}


@pytest.fixture(scope="module")
def reading(model):
    return model.read(*TEXTS)


def weighted(weights, norms):
    """One head's map, each weight times the norm of its key, row by row."""
    rows = [[float(a) * float(norm) for a, norm in zip(row, norms, strict=True)] for row in weights]
    return np.array([[cell / sum(row) for cell in row] for row in rows])


def merged(weights, words):
    return np.array(
        [
            [np.mean([weights[q, list(key.places)].sum() for q in query.places]) for key in words]
            for query in words
        ]
    )


def expected_map(reading, layer, head, *, by_norms, special_tokens):
    words = group_words(reading.tokens)
    maps = np.array(
        [
            [
                merged(weighted(one, norm) if by_norms else one.astype(np.float64), words)
                for one, norm in zip(*of_layer, strict=True)
            ]
            for of_layer in zip(reading.weights, reading.value_norms, strict=True)
        ]
    )
    maps = maps[:, head] if isinstance(head, int) else JOIN[head](maps, axis=1)
    whole = maps[layer] if isinstance(layer, int) else JOIN[layer](maps, axis=0)
    shown = [place for place, word in enumerate(words) if special_tokens or not word.special]
    kept = whole[np.ix_(shown, shown)]
    removed = 1 - kept.sum(axis=1) / whole[shown].sum(axis=1)
    return (kept if "max" in (layer, head) else kept / kept.sum(axis=1, keepdims=True)), removed


@pytest.mark.parametrize("special_tokens", [True, False])
@pytest.mark.parametrize("by_norms", [True, False])
@pytest.mark.parametrize("head", [1, "mean", "max"])
@pytest.mark.parametrize("layer", [0, "mean", "max"])
def test_a_map_is_weighted_merged_joined_and_cut_in_this_order(
    reading, layer, head, by_norms, special_tokens
):
    how = {"by_norms": by_norms, "special_tokens": special_tokens}
    expected, removed = expected_map(reading, layer, head, **how)

    view = attention_map(reading, layer, head, words=True, **how)

    np.testing.assert_allclose(view.weights, expected, atol=1e-6)
    np.testing.assert_allclose(view.removed, removed, atol=2e-6)


@pytest.mark.parametrize(
    ("layer", "head", "name", "file_name"),
    [
        (1, 0, "Layer 2, head 1", "attention-layer2-head1"),
        (1, "max", "Layer 2, maximum over heads", "attention-layer2-max"),
        ("mean", 0, "Head 1, mean over layers", "attention-layers-mean-head1"),
        ("max", "max", "Maximum over all layers and heads", "attention-layers-max-max"),
        ("mean", "max", "Maximum over heads, mean over layers", "attention-layers-mean-max"),
    ],
)
def test_every_choice_has_a_name_of_its_own(reading, layer, head, name, file_name):
    view = attention_map(reading, layer, head)
    norms = attention_map(reading, layer, head, by_norms=True)

    assert (view.name, view.file_name) == (name, file_name)
    assert (norms.name, norms.file_name) == (f"{name}, norm-weighted", f"{file_name}-norms")


def test_cross_attention_is_weighted_by_the_norms_that_the_graph_gives(model):
    generator = TextGenerator(model)
    source = model.read(*TEXTS)
    *_, written = generator.write(source, Settings(max_tokens=4))
    *_, searched = generator.write(source, Settings(strategy="beam", beams=2, max_tokens=4))
    followed = generator.follow(source, written.ids)
    import onnxruntime

    session = onnxruntime.InferenceSession(generator.decoder.graph.path)
    empty = {
        one.name: np.zeros([1, one.shape[1], 0, one.shape[3]], np.float32)
        for one in session.get_inputs()
        if one.name.startswith("past")
    }
    names = [f"cross_value_norms.{layer}" for layer in range(generator.decoder.layers)]
    feed = {
        "input_ids": np.array([[generator.decoder.start_id]]),
        "encoder_attention_mask": np.ones((1, len(source.tokens)), np.int64),
        "encoder_hidden_states": source.hidden[None],
        **empty,
    }
    norms = np.stack(session.run(names, feed))[:, 0]

    for generation in (written, searched, followed):
        np.testing.assert_allclose(generation.value_norms("source"), norms, rtol=1e-4)
    view = generation_map(written, "source", 1, 0, by_norms=True)
    expected = weighted(written.cross_weights[1, 0], norms[1, 0])
    np.testing.assert_allclose(view.weights, expected, atol=1e-5)
    assert view.name == "Cross-attention, layer 2, head 1, norm-weighted"


@pytest.mark.parametrize("words", [True, False])
def test_attention_that_prefers_nothing_is_even_over_what_can_be_seen(model, reading, words):
    encoder = encoder_maps(reading, words=words)
    generation = TextGenerator(model).follow(
        reading, TextGenerator(model).target_ids(reading, "unbad film", 24)[0]
    )
    back = generation_maps(generation, "written", words=words)

    for maps in (encoder, back):
        np.testing.assert_allclose(maps.even().sum(axis=1), 1, atol=1e-6)
        seen = maps.of_layer(0).max(axis=0) > 0
        np.testing.assert_array_equal(maps.even() > 0, seen)
    whole = encoder.queries.words or [[place] for place in range(len(reading.tokens))]
    sizes = [len(word.places) if words else 1 for word in whole]
    np.testing.assert_allclose(encoder.even()[2], np.array(sizes) / len(reading.tokens), atol=1e-6)
