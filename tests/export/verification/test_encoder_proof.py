"""The proof must fail when a graph is wrong: each test breaks one thing and expects its name."""

import copy

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from export.graphs.encoder import encoder_names
from export.verification.against_torch import prove_encoder
from export.verification.checks import Checks, check_maps


@pytest.fixture
def broken(graph: onnx.ModelProto) -> onnx.ModelProto:
    return copy.deepcopy(graph)


def initializer(graph: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in graph.graph.initializer if tensor.name.endswith(name))


def test_a_sound_graph_passes_and_its_differences_are_told(graph: onnx.ModelProto, model) -> None:
    checks = prove_encoder(graph, model)

    assert checks.failures == []
    assert set(checks.differences) == {
        "logits", "last_hidden_state", "encoder_attentions", "encoder_value_norms"
    }  # fmt: skip
    assert 0 < max(checks.differences.values()) < 1e-4
    assert any("32 tokens" in title for title in checks.batches)


def test_a_changed_weight_is_found(broken: onnx.ModelProto, model) -> None:
    stored = initializer(broken, "embeddings.position.weight")
    values = numpy_helper.to_array(stored) * 1.01
    stored.CopyFrom(numpy_helper.from_array(values, stored.name))

    failures = prove_encoder(broken, model).failures

    assert any("logits differs from torch by" in failure for failure in failures)
    assert len(failures) > 10, "every batch and output is listed, not only the first"


def test_a_map_after_the_head_mask_is_found(broken: onnx.ModelProto, model) -> None:
    """A product with 0.9 in front of an output: the rows no longer sum to one."""
    for node in broken.graph.node:
        for i, output in enumerate(node.output):
            if output == "encoder_attentions.1":
                node.output[i] = "whole"
    broken.graph.initializer.append(numpy_helper.from_array(np.float32(0.9), "share"))
    for node in broken.graph.node:
        for i, given in enumerate(node.input):
            if given == "encoder_attentions.1":
                node.input[i] = "whole"
    broken.graph.node.append(helper.make_node("Mul", ["whole", "share"], ["encoder_attentions.1"]))

    failures = prove_encoder(broken, model).failures

    assert any("encoder_attentions.1: a row misses 1 by 1.0e-01" in f for f in failures)


def test_a_head_mask_that_does_nothing_is_found(broken: onnx.ModelProto, model) -> None:
    for node in broken.graph.node:
        for i, given in enumerate(node.input):
            if given == "head_mask":
                node.input[i] = "always_one"
    ones = numpy_helper.from_array(np.ones((1, 2, 2), np.float32), "always_one")
    broken.graph.initializer.append(ones)

    failures = prove_encoder(broken, model).failures

    assert any("without layer 0 head 0: logits differs from torch" in f for f in failures)


def test_an_empty_axis_a_frozen_batch_and_a_wrong_name_are_found(
    broken: onnx.ModelProto, model
) -> None:
    shape = broken.graph.output[2].type.tensor_type.shape
    shape.dim[3].dim_value = 0
    shape.dim[0].dim_value = 2
    broken.graph.input[0].name = "ids"
    checks = Checks()

    checks.check_form(broken, encoder_names(model))

    assert any("inputs are ('ids'," in failure for failure in checks.failures)
    assert any("encoder_attentions.0 declares an empty axis" in f for f in checks.failures)
    assert any("encoder_attentions.0 has a frozen batch axis" in f for f in checks.failures)
    assert any("onnx.checker" in failure for failure in checks.failures)


def test_weight_on_padding_and_nan_are_found() -> None:
    weights = np.full((1, 1, 2, 2), 0.5, np.float32)
    feed = {"attention_mask": np.array([[1, 0]])}
    checks = Checks()

    check_maps({"encoder_attentions.0": weights}, feed["attention_mask"], "here", checks)
    check_maps({"encoder_attentions.0": weights * np.nan}, feed["attention_mask"], "there", checks)

    assert "here: encoder_attentions.0: what is hidden gets a weight of 5.0e-01" in checks.failures
    assert "there: encoder_attentions.0 is not finite" in checks.failures
