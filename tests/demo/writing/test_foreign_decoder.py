"""A decoder unlike the tiny one: wider than its encoder, with other layers and heads, byte-level
BPE, and one token that starts and ends a text. See make_foreign_decoder.py."""

import numpy as np
import pytest

from explorer.drawing import axis_labels
from explorer.inference.encoder import EncoderModel
from explorer.maps.view import first_step, generation_map
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

STRATEGIES = {
    "greedy": Settings(max_tokens=24),
    "beam": Settings(strategy="beam", beams=3, max_tokens=24),
    "no repeats": Settings(repetition_penalty=1.5, no_repeat_ngram=2, max_tokens=24),
}


@pytest.fixture(scope="module")
def reader(foreign):
    return EncoderModel(foreign)


@pytest.fixture(scope="module")
def generator(reader):
    return TextGenerator(reader)


def test_the_encoder_and_the_decoder_have_sizes_of_their_own(foreign, expected):
    assert (foreign.layers, foreign.heads) == (2, 2)
    assert (foreign.decoder.layers, foreign.decoder.heads) == (3, 4)
    assert (foreign.decoder.start_id,) == foreign.decoder.settings.ends


def test_it_writes_what_transformers_writes(reader, generator, expected):
    assert len(expected["written"]) == 9
    for asked in expected["written"]:
        *_, generation = generator.write(reader.read(asked["source"]), STRATEGIES[asked["way"]])

        assert generation.ids == asked["ids"], asked


def test_maps_have_the_decoders_sizes_and_the_sources_width(reader, generator):
    source = reader.read("Not bad at all, the story is great!")
    *_, generation = generator.write(source, Settings(max_tokens=7))
    whole = generator.follow(source, generation.ids)

    assert generation.cross_weights.shape == (3, 4, 7, len(source.tokens))
    assert generation.self_weights.shape == (3, 4, 7, 7)
    np.testing.assert_allclose(generation.cross_weights, whole.cross_weights, atol=1e-5)
    np.testing.assert_allclose(generation.self_weights, whole.self_weights, atol=1e-5)


def test_a_text_may_end_before_it_began(reader, generator):
    *_, generation = generator.write(reader.read("the film is good"), Settings())

    assert generation.ids == [generator.decoder.start_id]
    assert (generation.text, generation.finished) == ("", True)
    assert first_step(generation) == 0
    view = generation_map(generation, "source", 0, "mean", special_tokens=False)
    assert view.weights.shape == (0, len(generation.source.tokens) - 2)
    assert axis_labels(view.queries) == []
