"""The proof must fail when a graph is wrong: each test breaks one thing and expects its name."""

import copy

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.verification.against_torch import prove_decoder
from export.verification.checks import Checks, check_maps
from export.verification.inputs import Sample
from training.model.decoder import GPTDecoder


@pytest.fixture
def broken(decoder_graph: onnx.ModelProto) -> onnx.ModelProto:
    return copy.deepcopy(decoder_graph)


def give_instead(graph: onnx.ModelProto, name: str, other: str) -> None:
    """Every node that read `name` reads `other`."""
    for node in graph.graph.node:
        for i, given in enumerate(node.input):
            if given == name:
                node.input[i] = other


def test_a_sound_graph_passes_and_its_differences_are_told(
    decoder_graph: onnx.ModelProto, decoder: GPTDecoder
) -> None:
    checks = prove_decoder(decoder_graph, decoder)

    assert checks.failures == []
    assert set(checks.differences) == {
        "logits", "present.key", "present.value", "decoder_attentions", "cross_attentions",
        "cross_value_norms",
    }  # fmt: skip
    assert 0 < max(checks.differences.values()) < 1e-4
    assert "1 x 40 source tokens, target 23+1" in checks.batches, "up to the limit"


def test_a_graph_that_sees_the_future_is_found(broken: onnx.ModelProto, decoder) -> None:
    """The causal mask is made by a comparison of places: turned round, the past is hidden."""
    (causal,) = (node for node in broken.graph.node if node.op_type == "LessOrEqual")
    causal.op_type = "GreaterOrEqual"

    failures = prove_decoder(broken, decoder).failures

    assert any("decoder_attentions.0: what is hidden gets a weight" in f for f in failures)
    assert any("logits differs from torch" in failure for failure in failures)


def test_a_cache_that_is_not_used_is_found_in_the_later_steps_alone(
    broken: onnx.ModelProto, decoder
) -> None:
    """The values of the past are scaled: the first step has none, so it is right."""
    name = "past_key_values.1.decoder.value"
    give_instead(broken, name, "half")
    half = numpy_helper.from_array(np.float32(0.5), "factor")
    broken.graph.initializer.append(half)
    broken.graph.node.insert(0, onnx.helper.make_node("Mul", [name, "factor"], ["half"]))

    failures = prove_decoder(broken, decoder).failures

    wrong = [f for f in failures if "logits differs from torch" in f and "target 4+1+1+2" in f]
    assert [f.split(": ")[0][-13:] for f in wrong if "without" not in f] == [
        "tokens 5 to 5", "tokens 6 to 6", "tokens 7 to 8",
    ]  # fmt: skip


@pytest.mark.parametrize("mask", ["head_mask", "cross_head_mask"])
def test_a_head_mask_that_does_nothing_is_found(
    broken: onnx.ModelProto, decoder, mask: str
) -> None:
    give_instead(broken, mask, "always_one")
    ones = numpy_helper.from_array(np.ones((1, 2, 3), np.float32), "always_one")
    broken.graph.initializer.append(ones)

    failures = prove_decoder(broken, decoder).failures

    assert any(f"without layer 0 head 0 in {mask}: logits differs" in f for f in failures)


def test_value_norms_that_are_not_the_definition_are_found(
    broken: onnx.ModelProto, decoder
) -> None:
    gram = next(t for t in broken.graph.initializer if t.name.endswith("gram_1"))
    gram.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(gram) * 1.1, gram.name))

    failures = prove_decoder(broken, decoder).failures

    assert failures
    assert all("cross_value_norms.1 differs from torch" in failure for failure in failures)


def test_weight_on_the_sources_padding_is_found() -> None:
    checks = Checks()
    given = Sample(
        source=np.zeros((2, 7, 24), np.float32),
        mask=np.array([[1] * 7, [1] * 4 + [0] * 3]),
        target=np.zeros((2, 1), np.int64),
        pieces=(1,),
    )
    even = np.full((2, 3, 1, 7), 1 / 7, np.float32)

    check_maps({"cross_attentions.0": even}, given.mask, "here", checks)

    assert checks.failures == ["here: cross_attentions.0: what is hidden gets a weight of 1.4e-01"]
