"""A bundle in the clients of JavaScript, under node, beside onnxruntime on the same files."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from export.runtime.other_runtimes import NODE, WebSession, missing_for_web

TINY = Path(__file__).parents[2] / "demo" / "tiny_bundle"
HEADS, HIDDEN, SOURCE, NEW = 2, 8, 5, (3, 1, 1, 2)
TEXTS = ["not bad at all", "", "a film , 😍 é", ["a film", "not bad"]]


@pytest.fixture
def needs(skip_for_want: Callable[[str], None]) -> Callable[[str], None]:
    """Skips where a package of node/package.json is missing."""

    def check(package: str) -> None:
        if command := missing_for_web(package):
            skip_for_want(f"needs {package} under node: {command}")

    return check


@pytest.mark.parametrize(
    ("dtype", "file"), [("fp32", "model.onnx"), ("q8", "model_quantized.onnx")]
)
def test_transformers_js_classifies_and_gives_the_maps(
    dtype: str, file: str, needs: Callable[[str], None]
) -> None:
    needs("@huggingface/transformers")
    session = onnxruntime.InferenceSession(TINY / "onnx" / file)
    tokenizer = Tokenizer.from_file(str(TINY / "tokenizer.json"))
    labels = json.loads((TINY / "bundle.json").read_text())["labels"]
    names = [value.name for value in session.get_outputs()]
    assert names[0] == "logits"

    done = subprocess.run(
        ["node", str(NODE / "classify.mjs"), str(TINY), dtype],
        input=json.dumps(TEXTS),
        check=True,
        capture_output=True,
        text=True,
    )

    for text, found in zip(TEXTS, json.loads(done.stdout)["results"], strict=True):
        encoded = tokenizer.encode(*([text] if isinstance(text, str) else text))
        assert max(encoded.type_ids) == (0 if isinstance(text, str) else 1)
        expected = session.run(
            None,
            {
                "input_ids": [encoded.ids],
                "attention_mask": [encoded.attention_mask],
                "token_type_ids": [encoded.type_ids],
            },
        )
        arrays = [found["logits"], *found["others"]]
        for name, array, values in zip(names, arrays, expected, strict=True):
            theirs = np.array(array["data"]).reshape(array["dims"])
            np.testing.assert_allclose(theirs, values, rtol=1e-4, atol=1e-5, err_msg=name)
        if found["answers"]:
            said = {answer["label"]: answer["score"] for answer in found["answers"]}
            shares = np.exp(expected[0][0]) / np.exp(expected[0][0]).sum()
            assert said == pytest.approx(dict(zip(labels, shares, strict=True)), abs=1e-4)


def _steps(web: WebSession) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """What goes into a decoder and what comes out, step by step: the first reads the source, each
    later one gets the keys and values of the one before."""
    random = np.random.default_rng(0)
    source = {
        "encoder_attention_mask": np.array([[1] * SOURCE, [1, 1, 1, 0, 0]]),
        "encoder_hidden_states": random.standard_normal((2, SOURCE, HIDDEN), np.float32),
    }
    kept = {
        name: np.zeros((2, HEADS, 0, HIDDEN // HEADS), np.float32)
        for name in web.inputs
        if name.startswith("past_key_values.")
    }
    for new in NEW:
        feed = {"input_ids": random.integers(5, 100, (2, new)), **source, **kept}
        found = web.run(feed)
        yield feed, found
        kept = {name: found[name.replace("past_key_values", "present")] for name in kept}


def test_onnxruntime_web_steps_the_decoder_as_onnxruntime_does(
    needs: Callable[[str], None],
) -> None:
    needs("onnxruntime-web")
    graph = TINY / "onnx" / "decoder_model_merged.onnx"
    session = onnxruntime.InferenceSession(graph)
    names = [value.name for value in session.get_outputs()]
    past = 0
    with WebSession(graph) as web:
        for feed, found in _steps(web):
            assert set(found) == set(names)
            for name, values in zip(names, session.run(names, feed), strict=True):
                np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
            new = feed["input_ids"].shape[1]
            past += new
            assert found["decoder_attentions.1"].shape == (2, HEADS, new, past)
            assert found["cross_attentions.1"].shape == (2, HEADS, new, SOURCE)
    assert past == sum(NEW)


def test_onnxruntime_web_is_as_near_to_float32_in_8_bit_as_onnxruntime(
    needs: Callable[[str], None],
) -> None:
    """Not the same numbers: the two have kernels of their own for 8-bit products."""
    needs("onnxruntime-web")
    graphs = [TINY / "onnx" / f"decoder_model_merged{end}.onnx" for end in ("", "_quantized")]
    float32, eight_bit = map(onnxruntime.InferenceSession, graphs)
    names = ["logits", "decoder_attentions.1", "cross_attentions.1"]
    theirs, ours = [], []
    with WebSession(graphs[1]) as web:
        for feed, found in _steps(web):
            exact = float32.run(names, feed)
            theirs.append([np.abs(found[n] - e).mean() for n, e in zip(names, exact, strict=True)])
            native = eight_bit.run(names, feed)
            ours.append([np.abs(f - e).mean() for f, e in zip(native, exact, strict=True)])

    ratios = np.mean(theirs, axis=0) / np.mean(ours, axis=0)
    assert (ratios > 0.1).all(), "8 bit is not float32"
    assert (ratios < 2).all()
