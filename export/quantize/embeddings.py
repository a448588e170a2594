"""The word embeddings in 8 bit: int8 vectors, each with a scale of its own.

Words differ in length by far: one scale for the whole table would spend the eight bits on its
longest vectors. Where the table is also the decoder's head, both read the same matrix.
"""

from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.quantize.matrices import (
    SYMMETRIC,
    add_constants,
    quantize_columns,
    quantize_per_token,
    replace_node,
)

_ZERO = 128
"""Where uint8 has its middle."""


def quantize_table(model: onnx.ModelProto, *, unsigned: bool = False) -> None:
    """Replaces the table that `input_ids` are looked up in, and its use as the head, in place.

    Args:
        unsigned: stores a table that is a head as well as uint8, as `to_integer_products` does.
    """
    graph = model.graph
    lookup = find_lookup(model)
    axis = next((a.i for a in lookup.attribute if a.name == "axis"), 0)
    stored = next(tensor for tensor in graph.initializer if tensor.name == lookup.input[0])
    name = stored.name
    heads = [node for node in graph.node if name in node.input and node is not lookup]
    words, scales = quantize_columns(numpy_helper.to_array(stored), axis=1 - axis)
    shifted = unsigned and bool(heads)
    if shifted:
        words = (words.astype(np.int16) + _ZERO).astype(np.uint8)
        add_constants(
            graph,
            {
                f"{name}.zero": np.array(_ZERO, np.uint8),
                f"{name}.middle": np.array(_ZERO, np.float32),
            },
        )
    graph.initializer.remove(stored)
    add_constants(graph, {f"{name}.8bit": words, f"{name}.scales": scales})
    replace_node(graph, lookup, _lookup(lookup, axis, shifted=shifted))
    for head in heads:
        assert head.op_type == "MatMul", f"{head.op_type} reads the word embeddings"
        replace_node(graph, head, _integer_product(graph, head, shifted=shifted))


def find_lookup(model: onnx.ModelProto) -> NodeProto:
    """The node that looks `input_ids` up; a RoBERTa counts its positions by them as well."""
    nodes = model.graph.node
    return next(n for n in nodes if n.op_type == "Gather" and n.input[1] == "input_ids")


def _lookup(gather: NodeProto, axis: int, *, shifted: bool) -> list[NodeProto]:
    """8-bit vectors times their scales."""
    (name, ids), (result,) = gather.input, gather.output
    along: dict[str, Any] = {"axis": axis} if axis else {}  # 0 need not be written
    number = f"{result}.centred" if shifted else f"{result}.float"
    nodes = [
        helper.make_node("Gather", [f"{name}.8bit", ids], [f"{result}.8bit"], **along),
        helper.make_node("Cast", [f"{result}.8bit"], [f"{result}.float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{name}.scales", ids], [f"{result}.scales"], **along),
        helper.make_node("Mul", [number, f"{result}.scales"], [result]),
    ]
    if shifted:
        middle = helper.make_node("Sub", [f"{result}.float", f"{name}.middle"], [number])
        nodes.insert(2, middle)
    return nodes


def _integer_product(
    graph: onnx.GraphProto, product: NodeProto, *, shifted: bool
) -> list[NodeProto]:
    """hidden x table in integers, each position's hidden state with a scale of its own."""
    (hidden, name), (result,) = product.input, product.output
    rows = quantize_per_token(hidden, SYMMETRIC, prefix=result)
    add_constants(graph, rows.constants)
    zeros = [rows.zero, *([f"{name}.zero"] if shifted else [])]
    whole, number, words, unit = (
        f"{result}.{word}" for word in ("int32", "float", "words", "unit")
    )
    return [
        *rows.nodes,
        helper.make_node("MatMulInteger", [rows.uint8, f"{name}.8bit", *zeros], [whole]),
        helper.make_node("Cast", [whole], [number], to=TensorProto.FLOAT),
        helper.make_node("Mul", [number, f"{name}.scales"], [words]),
        helper.make_node("Mul", [rows.token_scales, rows.scale], [unit]),
        helper.make_node("Mul", [words, unit], [result]),
    ]
