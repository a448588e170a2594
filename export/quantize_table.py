"""The word embeddings in 8 bit: int8 vectors, each with a scale of its own.

Words differ in length by far: one scale for the whole table would spend the eight bits on its
longest vectors. Where the table is also the decoder's head, both read the same int8 matrix.
"""

from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

_LARGEST = 127
_ZERO = 128
_TINY = 1e-30
"""Instead of the largest value of a row of zeros, which nothing can be divided by."""


def quantize_table(model: onnx.ModelProto) -> None:
    """Replaces the table that `input_ids` are looked up in, and its use as the head, in place."""
    graph = model.graph
    lookup = next(n for n in graph.node if n.op_type == "Gather" and n.input[1] == "input_ids")
    axis = next((a.i for a in lookup.attribute if a.name == "axis"), 0)
    stored = next(tensor for tensor in graph.initializer if tensor.name == lookup.input[0])
    table = numpy_helper.to_array(stored)
    scales = np.abs(table).max(axis=1 - axis, keepdims=True) / _LARGEST
    scales = np.where(scales == 0, 1, scales).astype(np.float32)  # a vector of zeros stays zeros
    words = np.rint(table / scales).astype(np.int8)

    name = stored.name
    graph.initializer.remove(stored)
    graph.initializer.append(numpy_helper.from_array(words, f"{name}.int8"))
    graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))
    _replace(graph, lookup, _lookup(lookup, axis))
    for head in [node for node in graph.node if name in node.input]:
        assert head.op_type == "MatMul", f"{head.op_type} reads the word embeddings"
        graph.initializer.extend(_constants(head))
        _replace(graph, head, _integer_product(head))


def _lookup(gather: NodeProto, axis: int) -> list[NodeProto]:
    """int8 vectors times their scales."""
    (name, ids), (result,) = gather.input, gather.output
    along: dict[str, Any] = {"axis": axis} if axis else {}  # 0 need not be written
    return [
        helper.make_node("Gather", [f"{name}.int8", ids], [f"{result}.int8"], **along),
        helper.make_node("Cast", [f"{result}.int8"], [f"{result}.float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{name}.scales", ids], [f"{result}.scales"], **along),
        helper.make_node("Mul", [f"{result}.float", f"{result}.scales"], [result]),
    ]


def _constants(product: NodeProto) -> list[TensorProto]:
    values = {
        "last_axis": np.array([-1], np.int64),
        "tiny": np.float32(_TINY),
        "largest": np.float32(_LARGEST),
        "zero": np.float32(_ZERO),
        "zero_point": np.uint8(_ZERO),
    }
    (result,) = product.output
    return [
        numpy_helper.from_array(np.asarray(value), f"{result}.{name}")
        for name, value in values.items()
    ]


def _integer_product(product: NodeProto) -> list[NodeProto]:
    """hidden x table in integers, each position's hidden state with a scale of its own.

    DynamicQuantizeLinear has one scale for the whole run: where many positions run together, a
    position of small numbers would be left with few steps. One alone costs no more this way. The
    hidden states are stored around 128, because onnxruntime multiplies signed ones slowly.
    """
    (hidden, name), (result,) = product.input, product.output
    outside = {"hidden": hidden, "table": f"{name}.int8", "scales": f"{name}.scales", "": result}

    def node(kind: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
        given = [outside.get(word, f"{result}.{word}") for word in inputs.split()]
        made = outside.get(output, f"{result}.{output}")
        return helper.make_node(kind, given, [made], **attributes)

    return [
        node("Abs", "hidden", "sizes"),
        node("ReduceMax", "sizes last_axis", "size", keepdims=1),
        node("Max", "size tiny", "size_above_0"),
        node("Div", "size_above_0 largest", "scale"),
        node("Div", "hidden scale", "scaled"),
        node("Round", "scaled", "rounded"),
        node("Add", "rounded zero", "positive"),
        node("Cast", "positive", "uint8", to=TensorProto.UINT8),
        node("MatMulInteger", "uint8 table zero_point", "int32"),
        node("Cast", "int32", "float", to=TensorProto.FLOAT),
        node("Mul", "float scales", "words"),
        node("Mul", "words scale", ""),
    ]


def _replace(graph: onnx.GraphProto, node: NodeProto, by: list[NodeProto]) -> None:
    position = list(graph.node).index(node)
    graph.node.remove(node)
    for offset, new in enumerate(by):
        graph.node.insert(position + offset, new)
