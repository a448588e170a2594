"""What no file says is tried at start: positions, rows of the vocabulary, shapes of the outputs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bundle_format.folder import BundleError
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.inference.session import check_outputs, trying
from explorer.writing.generator import TextGenerator


def opened(folder):
    return TextGenerator(EncoderModel(open_bundle(folder)))


@pytest.fixture
def told(bundle):
    """What the tiny bundle says, to be changed."""
    return json.loads((bundle.folder / "bundle.json").read_text("utf-8"))


def with_a_token_more(folder, relist, part=""):
    """Adds a token to a tokenizer: its id is the first that the graph has no row for."""
    file = folder / part / "tokenizer.json"
    content = json.loads(file.read_text("utf-8"))
    content["model"]["vocab"]["extra"] = len(content["model"]["vocab"])
    file.write_text(json.dumps(content), encoding="utf-8")
    relist(folder)
    return folder


@pytest.mark.parametrize("tokens", [33, 5_000, 1_000_000])
def test_more_tokens_than_the_graph_has_positions_are_refused(copy_of_tiny, tokens):
    with pytest.raises(BundleError, match=r"model_quantized.onnx .* does not run on [\d]+ tokens"):
        opened(copy_of_tiny(max_tokens=tokens))


@pytest.mark.parametrize("tokens", [25, 1_000_000])
def test_more_written_tokens_than_positions_are_refused(copy_of_tiny, told, tokens):
    with pytest.raises(BundleError, match=r"decoder_\S+ opens but does not run on token \d+"):
        opened(copy_of_tiny(decoder={**told["decoder"], "max_tokens": tokens}))


def test_a_token_without_a_row_in_the_graph_is_refused(copy_of_tiny, told, relist):
    stated = copy_of_tiny(sizes={**told["sizes"], "vocabulary": 102})
    with pytest.raises(BundleError, match=r"does not run on 32 tokens with ids up to 101"):
        opened(with_a_token_more(stated, relist))

    with pytest.raises(BundleError, match=r"has 102 ids; bundle\.json has 101 as sizes\.vocab"):
        opened(with_a_token_more(copy_of_tiny(), relist))

    with pytest.raises(BundleError, match=r"decoder/tokenizer\.json has 102 ids; bundle\.json has"):
        opened(with_a_token_more(copy_of_tiny(), relist, "decoder"))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden": 9}, r"gives last_hidden_state of shape \(1, \d+, 8\) .* it has \(1, \d+, 9\)"),
        ({"heads": 1}, r"does not run on a text|gives encoder_attentions\.0 of shape \(1, 2,"),
        ({"layers": 3}, r"lacks 2 of 8 outputs"),
        ({"layers": 1_000}, r"lacks 1996 of 2002 outputs: encoder_attentions\.2, "),
        ({"heads": 1_000}, r"does not run on a text|gives encoder_attentions\.0 of shape \(1, 2,"),
    ],
)
def test_sizes_that_are_not_the_graphs_are_refused_in_a_sentence(
    copy_of_tiny, told, sizes, message
):
    folder = copy_of_tiny(sizes={**told["sizes"], **sizes})

    with pytest.raises(BundleError, match=message) as refused:
        opened(folder)

    assert len(str(refused.value).replace(str(folder), "")) < 500


def test_layers_that_the_graph_has_and_bundle_json_has_not_are_refused(copy_of_tiny, told):
    with pytest.raises(BundleError, match=r"gives the maps of 2 layers; bundle\.json says 1"):
        opened(copy_of_tiny(sizes={**told["sizes"], "layers": 1}))

    decoder = {**told["decoder"], "layers": 1}
    with pytest.raises(BundleError, match=r"gives the maps of 2 layers; bundle\.json says 1"):
        opened(copy_of_tiny(decoder=decoder))


def test_a_tokenizer_that_leaves_nothing_of_a_text_is_refused(copy_of_tiny, relist):
    folder = copy_of_tiny()
    file = folder / "tokenizer.json"
    nothing = {"type": "Replace", "pattern": {"Regex": "."}, "content": ""}
    content = json.loads(file.read_text("utf-8")) | {"normalizer": nothing, "post_processor": None}
    file.write_text(json.dumps(content), encoding="utf-8")
    relist(folder)

    with pytest.raises(BundleError, match=r"tokenizer\.json makes no token of a text"):
        opened(folder)


def test_examples_are_cut_into_tokens_at_start(copy_of_tiny, monkeypatch):
    seen = []
    encode = EncoderModel.encode
    monkeypatch.setattr(
        EncoderModel, "encode", lambda self, *texts: seen.append(texts) or encode(self, *texts)
    )

    EncoderModel(open_bundle(copy_of_tiny(examples=[{"text": "a film", "text_pair": "dull"}])))

    assert ("a film", "dull") in seen


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 3), np.float64), r"gives logits of shape \(1, 3\) in float64"),
        (np.zeros((3,), np.float32), r"gives logits of shape \(3,\)"),
        (np.array([[0, np.nan, 0]], np.float32), r"gives logits with NaN or infinite values"),
        (np.array([[0, np.inf, 0]], np.float32), r"gives logits with NaN or infinite values"),
    ],
)
def test_outputs_are_what_the_bundle_says(bundle, array, message):
    with pytest.raises(BundleError, match=message):
        check_outputs(bundle.graph, {"logits": array}, {"logits": (1, 3)})


def test_what_a_runtime_says_is_one_line_and_cut(bundle):
    with (
        pytest.raises(BundleError, match=r"does not run on a text: a b a b .* Export") as refused,
        trying(bundle.graph, "a text"),
    ):
        raise RuntimeError("a\nb " * 10**6)

    assert len(str(refused.value).replace(str(bundle.graph.path), "")) < 400


def test_a_sound_bundle_opens(bundle):
    assert opened(replace(bundle).folder).session.width == bundle.width == 8
