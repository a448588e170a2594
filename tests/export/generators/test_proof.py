"""The proof of a decoder alone finds one wrong place of its graph."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.generators.opening import make_decoder_graph
from export.generators.proof import prove_decoder
from export.generators.random_models import random_generator
from export.loading.generators import decoder_spec


@pytest.fixture(scope="module")
def made() -> tuple[onnx.ModelProto, Any, Any]:
    model = random_generator("gpt2")
    spec, _ = decoder_spec(model)
    return make_decoder_graph(model, spec), model, spec


def test_norms_of_other_tokens_than_the_new_ones_are_told(made) -> None:
    graph, model, spec = made
    assert prove_decoder(graph, model, spec).failures == []
    spoiled = onnx.ModelProto.FromString(graph.SerializeToString())
    (new,) = (n for n in spoiled.graph.node if n.output[0] == "decoder_value_norms.1.new")
    first = numpy_helper.from_array(np.array([0]), "first")
    second = numpy_helper.from_array(np.array([1]), "second")
    spoiled.graph.initializer.extend([first, second])
    new.input[1], new.input[2] = "first", "second"

    failures = prove_decoder(spoiled, model, spec).failures

    # A step of one token gives one norm either way: that of the text's first token here.
    told = [failure for failure in failures if "by their definition" in failure]
    assert any("decoder_value_norms.1 differs" in failure for failure in told)
