"""The word embeddings in 8 bit: int8 vectors, each with a scale of its own.

Words differ in length by far: one scale for the whole table would spend the eight bits on its
longest vectors. Where the table is also the decoder's head, both read the same int8 matrix.
"""

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper


def quantize_table(model: onnx.ModelProto) -> None:
    """Replaces the table that `input_ids` are looked up in, and its use as the head, in place."""
    graph = model.graph
    lookup = next(n for n in graph.node if n.op_type == "Gather" and n.input[1] == "input_ids")
    axis = next((a.i for a in lookup.attribute if a.name == "axis"), 0)
    stored = next(tensor for tensor in graph.initializer if tensor.name == lookup.input[0])
    table = numpy_helper.to_array(stored)
    scales = np.abs(table).max(axis=1 - axis, keepdims=True) / 127
    scales = np.where(scales == 0, 1, scales).astype(np.float32)  # a vector of zeros stays zeros
    words = np.rint(table / scales).astype(np.int8)

    name = stored.name
    graph.initializer.remove(stored)
    graph.initializer.append(numpy_helper.from_array(words, f"{name}.int8"))
    graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))
    _replace(graph, lookup, _lookup(lookup, axis))
    for head in [node for node in graph.node if name in node.input]:
        assert head.op_type == "MatMul", f"{head.op_type} reads the word embeddings"
        _replace(graph, head, _integer_product(head))


def _lookup(gather: NodeProto, axis: int) -> list[NodeProto]:
    """int8 vectors times their scales."""
    (name, ids), (result,) = gather.input, gather.output
    return [
        helper.make_node("Gather", [f"{name}.int8", ids], [f"{result}.int8"], axis=axis),
        helper.make_node("Cast", [f"{result}.int8"], [f"{result}.float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{name}.scales", ids], [f"{result}.scales"], axis=axis),
        helper.make_node("Mul", [f"{result}.float", f"{result}.scales"], [result]),
    ]


def _integer_product(product: NodeProto) -> list[NodeProto]:
    """hidden x table in integers: the hidden states get one scale and one zero point a run."""
    (hidden, name), (result,) = product.input, product.output
    small, scale, zero = (f"{result}.hidden.{part}" for part in ("uint8", "scale", "zero"))
    return [
        helper.make_node("DynamicQuantizeLinear", [hidden], [small, scale, zero]),
        helper.make_node("MatMulInteger", [small, f"{name}.int8", zero], [f"{result}.int32"]),
        helper.make_node("Cast", [f"{result}.int32"], [f"{result}.float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [scale, f"{name}.scales"], [f"{result}.scales"]),
        helper.make_node("Mul", [f"{result}.float", f"{result}.scales"], [result]),
    ]


def _replace(graph: onnx.GraphProto, node: NodeProto, by: list[NodeProto]) -> None:
    position = list(graph.node).index(node)
    graph.node.remove(node)
    for offset, new in enumerate(by):
        graph.node.insert(position + offset, new)
