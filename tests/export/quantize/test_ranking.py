"""Which matrices come first when a few may be exact, and who gets what."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.quantize.graph import quantize, random_texts, rank
from export.quantize.schemes import FAITHFUL, BlockwiseInt8, Float32, PerTokenInt8, Scheme, Tier
from export.runtime.session import open_session


def changed(graph: onnx.ModelProto, layer: int, by: float) -> onnx.ModelProto:
    """The graph with noise in the matrix that narrows a layer's feed-forward again."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    matrices = {tensor.name: tensor for tensor in copy.graph.initializer if len(tensor.dims) == 2}
    read = [n.input[1] for n in copy.graph.node if n.op_type == "MatMul" and n.input[1] in matrices]
    tensor = matrices[read[4 * layer + 3]]
    values = numpy_helper.to_array(tensor)
    noise = np.random.default_rng(0).standard_normal(values.shape, np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values + by * noise, tensor.name))
    return copy


def test_what_moves_the_maps_most_comes_first(graph: onnx.ModelProto) -> None:
    """The last layer's moves no map, so how far it moves the hidden states counts."""
    noise = {
        "last, little": (1, 0.01),
        "first, little": (0, 0.01),
        "last, much": (1, 9.0),
        "first, much": (0, 0.3),
    }

    exact = open_session(graph)
    ranking = rank(graph, noise, exact, lambda place: changed(graph, *noise[place]))

    assert ranking == ["first, much", "first, little", "last, much", "last, little"]


def test_random_tokens_fit_the_graph_and_are_the_same_each_time(graph: onnx.ModelProto) -> None:
    feed = random_texts(graph)

    open_session(graph).run(None, feed)
    assert len(np.unique(feed["input_ids"])) > 10
    np.testing.assert_array_equal(feed["input_ids"], random_texts(graph)["input_ids"])


def test_a_levels_share_is_of_all_and_the_rest_gets_the_rest() -> None:
    scheme = Scheme(Float32(), (Tier(1 / 8, BlockwiseInt8(32)), Tier(1 / 2, PerTokenInt8(8))))

    kinds = scheme.assign([str(number) for number in range(8)])

    assert kinds["0"] == BlockwiseInt8(32)
    assert {kinds[str(number)] for number in range(1, 5)} == {PerTokenInt8(8)}
    assert {kinds[str(number)] for number in range(5, 8)} == {Float32()}
    assert scheme.assign([]) == {}
    assert Scheme(PerTokenInt8(), (Tier(1.0, Float32()), Tier(1.0, PerTokenInt8(8)))).assign(
        ["a"]
    ) == {"a": Float32()}


def test_a_scheme_says_what_gets_what() -> None:
    assert str(FAITHFUL) == (
        "33% of the matrices: MatMulNBits, blocks of 32, accuracy level 4; 33% of the matrices: "
        "int8 by rows and columns, 8 channels in float32; the others: int8 by rows and columns"
    )
    assert str(Scheme(PerTokenInt8())) == "layers: int8 by rows and columns"


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_the_sensitive_matrices_of_a_graph_become_finer(
    graph: onnx.ModelProto, share: float
) -> None:
    """Of the eight matrices of two layers."""
    small = quantize(graph, Scheme(PerTokenInt8(), (Tier(share, Float32()),)))

    kinds = Counter(node.op_type for node in small.graph.node)
    assert kinds["MatMulIntegerToFloat"] == 8 - 8 * share
    floats = {node.input[1] for node in small.graph.node if node.op_type == "MatMul"}
    kept = {t.name for t in small.graph.initializer if len(t.dims) == 2} & floats
    assert len(kept) == 8 * share
