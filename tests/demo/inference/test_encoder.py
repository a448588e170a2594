"""A reading holds what onnxruntime gives when it is called by hand."""

import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel

TEXT = "Not bad at all, the story is great!"
PAIR = ("The music was dull but the film is good.", "Was it good?")


@pytest.fixture(scope="module")
def session(bundle):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(bundle.graph.path, options)


@pytest.fixture(scope="module")
def by_hand(bundle, session):
    """Runs the graph on one text, or pair, with nothing of ours."""

    def run(text, text_pair=None, **more):
        encoding = Tokenizer.from_file(str(bundle.folder / "tokenizer.json")).encode(
            text, text_pair
        )
        feed = {
            "input_ids": [encoding.ids],
            "attention_mask": [encoding.attention_mask],
            "token_type_ids": [encoding.type_ids],
        }
        feed = {name: np.array(value, np.int64) for name, value in feed.items()}
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, {**feed, **more}), strict=True))

    return run


@pytest.mark.parametrize("texts", [(TEXT,), PAIR])
def test_a_reading_equals_onnxruntime_by_hand(model, by_hand, texts):
    expected = by_hand(*texts)

    reading = model.read(*texts)

    np.testing.assert_array_equal(reading.logits, expected["logits"][0])
    for layer in range(model.bundle.layers):
        np.testing.assert_array_equal(
            reading.weights[layer], expected[f"encoder_attentions.{layer}"][0]
        )
        np.testing.assert_array_equal(
            reading.value_norms[layer], expected[f"encoder_value_norms.{layer}"][0]
        )


def test_every_row_of_every_map_sums_to_one(model):
    np.testing.assert_allclose(model.read(*PAIR).weights.sum(axis=-1), 1, atol=1e-5)


def test_a_batch_reads_like_its_texts_one_by_one(model):
    texts = [(TEXT, ""), ("a", ""), PAIR]

    readings = model.run([model.encode(*pair) for pair in texts])

    for pair, reading in zip(texts, readings, strict=True):
        alone = model.read(*pair)
        assert reading.tokens == alone.tokens
        np.testing.assert_allclose(reading.logits, alone.logits, atol=1e-4)
        np.testing.assert_allclose(reading.weights, alone.weights, atol=1e-4)
        np.testing.assert_allclose(reading.value_norms, alone.value_norms, atol=1e-4)


def test_a_head_mask_reaches_the_graph_text_by_text(model, by_hand):
    mask = np.ones((2, model.bundle.layers, model.bundle.heads), np.float32)
    mask[1, 0, 1] = 0

    whole, without = model.run([model.encode(TEXT)] * 2, head_mask=mask)

    np.testing.assert_allclose(whole.logits, by_hand(TEXT)["logits"][0], atol=1e-5)
    expected = by_hand(TEXT, head_mask=mask[1:])["logits"][0]
    np.testing.assert_allclose(without.logits, expected, atol=1e-5)
    assert np.abs(whole.logits - without.logits).max() > 1e-3


def test_classes_are_a_softmax_at_the_bundles_temperature(copy_of_tiny, by_hand):
    model = EncoderModel(open_bundle(copy_of_tiny(temperature=2.5)))
    exponentials = np.exp(by_hand(TEXT)["logits"][0] / 2.5)

    probabilities = model.read(TEXT).probabilities

    np.testing.assert_allclose(probabilities, exponentials / exponentials.sum(), rtol=1e-5)


def test_independent_classes_are_a_sigmoid_each(copy_of_tiny, by_hand):
    model = EncoderModel(open_bundle(copy_of_tiny(problem_type="multi_label", temperature=0.5)))
    logits = by_hand(TEXT)["logits"][0]

    probabilities = model.read(TEXT).probabilities

    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-2 * logits)), rtol=1e-5)


def test_a_regression_gives_its_numbers_as_they_are(copy_of_tiny, by_hand):
    model = EncoderModel(open_bundle(copy_of_tiny(problem_type="regression", temperature=9.0)))

    np.testing.assert_array_equal(model.read(TEXT).probabilities, by_hand(TEXT)["logits"][0])


def test_a_reading_cannot_be_changed_by_whoever_got_it(model):
    reading = model.read(TEXT)

    with pytest.raises(ValueError, match="read-only"):
        reading.weights[0, 0, 0, 0] = 1


def test_the_longest_text_fills_the_model_and_no_more(model):
    reading = model.read("film " * 500)

    assert len(reading.tokens) == model.bundle.max_tokens
    assert reading.tokens_left_out == 502 - model.bundle.max_tokens
    assert reading.weights.shape[-2:] == (model.bundle.max_tokens,) * 2


def test_a_batch_is_padded_where_its_tokenizer_pads_it(bundle) -> None:
    """On the left a shorter text stands at the end of its row, and its reading is that part."""
    model = EncoderModel(replace(open_bundle(bundle.folder, "float32"), pads_left=True))

    long, short = model.run([model.encode(*PAIR), model.encode("Not bad")])

    assert len(short.tokens) < len(long.tokens)
    assert short.weights.shape[-2:] == (len(short.tokens), len(short.tokens))
    np.testing.assert_allclose(short.weights.sum(axis=-1), 1, atol=1e-5)


def test_a_text_without_a_token_is_told_so(copy_of_tiny, relist):
    folder = copy_of_tiny()
    file = folder / "tokenizer.json"
    rules = json.loads(file.read_text("utf-8"))
    rules["post_processor"] = None  # no [CLS] that would be left of any text
    file.write_text(json.dumps(rules), "utf-8")
    relist(folder)
    bare = EncoderModel(open_bundle(folder))

    assert len(bare.read("good").tokens) == 1
    with pytest.raises(RequestError, match=r"makes no token of this text\. Write words"):
        bare.read("\u0301")  # an accent alone, which the normalizer strips
