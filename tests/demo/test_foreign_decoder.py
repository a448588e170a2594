"""A decoder unlike the tiny one: wider than its encoder, with other layers and heads, byte-level
BPE, and one token that starts and ends a text. See make_foreign_decoder.py."""

import numpy as np
import pytest

from explorer.drawing.geometry import axis_labels
from explorer.inference.encoder import Runner
from explorer.inference.generator import Writer
from explorer.inference.logits import Settings
from explorer.maps.view import telling_step, writing_map

WAYS = {
    "greedy": Settings(max_tokens=24),
    "beam": Settings(strategy="beam", beams=3, max_tokens=24),
    "no repeats": Settings(repetition_penalty=1.5, no_repeat_ngram=2, max_tokens=24),
}


@pytest.fixture(scope="module")
def reader(foreign):
    return Runner(foreign)


@pytest.fixture(scope="module")
def writer(reader):
    return Writer(reader)


def test_the_encoder_and_the_decoder_have_sizes_of_their_own(foreign, expected):
    assert (foreign.layers, foreign.heads) == (2, 2)
    assert (foreign.decoder.layers, foreign.decoder.heads) == (3, 4)
    assert foreign.decoder.start_id == foreign.decoder.end_id


def test_it_writes_what_transformers_writes(reader, writer, expected):
    assert len(expected["written"]) == 9
    for asked in expected["written"]:
        *_, writing = writer.write(reader.read(asked["source"]), WAYS[asked["way"]])

        assert writing.ids == asked["ids"], asked


def test_maps_have_the_decoders_sizes_and_the_sources_width(reader, writer):
    source = reader.read("Not bad at all, the story is great!")
    *_, writing = writer.write(source, Settings(max_tokens=7))
    whole = writer.follow(source, writing.ids)

    assert writing.cross_weights.shape == (3, 4, 7, len(source.tokens))
    assert writing.self_weights.shape == (3, 4, 7, 7)
    np.testing.assert_allclose(writing.cross_weights, whole.cross_weights, atol=1e-5)
    np.testing.assert_allclose(writing.self_weights, whole.self_weights, atol=1e-5)


def test_a_text_may_end_before_it_began(reader, writer):
    *_, writing = writer.write(reader.read("the film is good"), Settings())

    assert writing.ids == [writer.decoder.end_id]
    assert (writing.text, writing.finished) == ("", True)
    assert telling_step(writing) == 0
    view = writing_map(writing, "source", 0, "mean", special_tokens=False)
    assert view.weights.shape == (0, len(writing.source.tokens) - 2)
    assert axis_labels(view.queries) == []
