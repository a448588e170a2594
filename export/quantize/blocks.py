"""A product in blocks, onnxruntime's `MatMulNBits`: 8-bit weights with a scale for every few of a
column, and with accuracy level 4 an input with a scale for every few of its channels.

Eight bits of the input are enough for most layers, and too few for a model that chooses among tens
of thousands of words: what one rounding of its last hidden state moves is as much as often lies
between the two best. So what the rounding of a block loses is rounded and multiplied as well, as a
second row beside the first (residual quantization): 15 bits instead of 8, and the weights, whose
reading takes most of a step's time, are still read once.

A table of words that is the head as well is one matrix for both, in the head's blocks; a word's
vector is its column.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.quantize.block_scales import pack_blocks
from export.quantize.matrices import (
    CONTRIB,
    add_constants,
    axis_of_words,
    by_input,
    find_lookup,
    replace_node,
)
from export.quantize.schemes import BlockwiseInt8

_LEVELS = 127
_MIDDLE = 128
"""What stands for 0 among the weights, which are uint8."""
_TINY = 1e-30
"""Instead of the largest value of a block of zeros, which nothing can be divided by."""


def to_blocks(model: onnx.ModelProto, names: Iterable[str], kind: BlockwiseInt8) -> None:
    """Replaces the products of these names, of hidden states and matrices, in place.

    An input whose width is no multiple of the block's size is rounded once, residual or not.
    """
    graph, wanted = model.graph, set(names)
    nodes = [node for node in graph.node if node.name in wanted]
    results = {node.output[0] for node in nodes}
    _multiply_in_blocks(graph, nodes, kind.size, kind.level)
    if kind.residual:
        found = [node for node in graph.node if node.output[0] in results]
        for hidden, readers in by_input(found).items():
            _multiply_residual(graph, hidden, readers, kind.size)
    if all(used.domain != CONTRIB for used in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIB, 1))


def _multiply_in_blocks(
    graph: onnx.GraphProto, nodes: Sequence[NodeProto], size: int, level: int
) -> None:
    """Puts `MatMulNBits` in the place of products, in place; matrices that nothing reads then are
    taken out."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for name in dict.fromkeys(node.input[1] for node in nodes):
        integers, scales = pack_blocks(numpy_helper.to_array(stored[name]), size)
        add_constants(graph, {f"{name}_Q8": integers, f"{name}_scales": scales})
    for node in nodes:
        (hidden, name), width = node.input, stored[node.input[1]].dims
        product = helper.make_node(
            "MatMulNBits",
            [hidden, f"{name}_Q8", f"{name}_scales"],
            node.output,
            name=f"{node.name}_Q8",
            domain=CONTRIB,
            K=width[0],
            N=width[1],
            accuracy_level=level,
            bits=8,
            block_size=size,
        )
        replace_node(graph, node, [product])
    read = {name for node in graph.node for name in node.input}
    for name in {node.input[1] for node in nodes} - read:
        graph.initializer.remove(stored[name])


def _multiply_residual(
    graph: onnx.GraphProto, hidden: str, readers: Sequence[NodeProto], size: int
) -> None:
    """Gives products two rows for each of the input's, in place, and adds what comes of both."""
    width, prefix = _number(readers[0], "K"), readers[0].output[0]
    if width % size:
        return
    nodes = _in_two_rows(graph, hidden, prefix, width, size)
    for node in readers:
        (result,), product = node.output, NodeProto()
        product.CopyFrom(node)
        product.input[0], product.output[0] = f"{prefix}.parts", f"{result}.of_parts"
        add_constants(graph, {f"{result}.columns": np.array([_number(node, "N")], np.int64)})
        added, shape = f"{result}.sum", f"{result}.shape"
        behind = [
            helper.make_node(
                "ReduceSum", [product.output[0], f"{prefix}.first"], [added], keepdims=0
            ),
            helper.make_node("Concat", [f"{prefix}.rest", f"{result}.columns"], [shape], axis=0),
            # allowzero: a step may have no positions, as of a source that was read before.
            helper.make_node("Reshape", [added, shape], [result], allowzero=1),
        ]
        replace_node(graph, node, [*nodes, product, *behind])
        nodes = []  # computed once, in front of the first


def _in_two_rows(
    graph: onnx.GraphProto, hidden: str, prefix: str, width: int, size: int
) -> list[NodeProto]:
    """The nodes that make of an input (..., width) its `parts`, (2, positions, width): what its
    blocks are rounded to, which `MatMulNBits` then takes over as it is, and what that loses. `rest`
    are its other axes."""

    def name(word: str) -> str:
        return f"{prefix}.{word}"

    constants: dict[str, np.ndarray] = {
        "blocks": np.array([-1, width // size, size], np.int64),
        "both": np.array([2, -1, width], np.int64),
        "last": np.array([-1], np.int64),
        "first": np.array([0], np.int64),
        "step": np.array(1 / _LEVELS, np.float32),
        "smallest": np.array(_TINY, np.float32),
    }
    add_constants(graph, {name(word): value for word, value in constants.items()})
    steps = (
        ("absolute", "Abs", "in_blocks"),
        ("largest", "ReduceMax", "absolute", "last"),
        ("sizes", "Max", "largest", "smallest"),
        ("scales", "Mul", "sizes", "step"),
        ("shares", "Div", "in_blocks", "scales"),
        ("whole", "Round", "shares"),
        ("rounded", "Mul", "whole", "scales"),
        ("lost", "Sub", "in_blocks", "rounded"),
    )
    return [
        helper.make_node("Reshape", [hidden, name("blocks")], [name("in_blocks")]),
        *(
            helper.make_node(kind, [name(word) for word in read], [name(made)])
            for made, kind, *read in steps
        ),
        helper.make_node("Concat", [name("rounded"), name("lost")], [name("rows")], axis=0),
        helper.make_node("Reshape", [name("rows"), name("both")], [name("parts")]),
        helper.make_node("Shape", [hidden], [name("rest")], end=-1),
    ]


def _number(node: NodeProto, name: str) -> int:
    return next(int(one.i) for one in node.attribute if one.name == name)


def products_of_words(model: onnx.ModelProto) -> list[str]:
    """The names of the products that score words by the columns of the table in which they are
    looked up; none where no table is a head as well."""
    lookup = find_lookup(model)
    if axis_of_words(lookup) == 0:
        return []
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] == lookup.input[0]
    ]


def words_to_blocks(model: onnx.ModelProto, kind: BlockwiseInt8) -> None:
    """Puts a table of words in blocks, and the products that score them, in place. A vector is
    looked up among the rows of what `MatMulNBits` reads."""
    graph, lookup = model.graph, find_lookup(model)
    (table, ids), (columns,) = lookup.input, lookup.output
    width = next(tensor.dims[0] for tensor in graph.initializer if tensor.name == table)
    to_blocks(model, products_of_words(model), kind)
    turn = next(node for node in graph.node if columns in node.input)
    assert turn.op_type == "Transpose", f"{turn.op_type} reads the columns of words"
    (result,) = turn.output
    replace_node(graph, lookup, [])
    replace_node(graph, turn, _lookup(f"{table}_Q8", f"{table}_scales", ids, result))
    constants: dict[str, np.ndarray] = {
        f"{result}.middle": np.array(_MIDDLE, np.float32),
        f"{result}.shape": np.array([0, 0, -1], np.int64),
        f"{result}.begin": np.array([0], np.int64),
        f"{result}.end": np.array([width], np.int64),
        f"{result}.last_axis": np.array([-1], np.int64),
    }
    add_constants(graph, constants)
    graph.initializer.remove(next(one for one in graph.initializer if one.name == table))


def _lookup(blocks: str, scales: str, ids: str, result: str) -> list[NodeProto]:
    """The vectors of words, (batch, sequence, hidden), without what fills up their last block."""

    def name(word: str) -> str:
        return f"{result}.{word}"

    ends = [name("begin"), name("end"), name("last_axis")]
    return [
        helper.make_node("Gather", [blocks, ids], [name("8bit")], axis=0),
        helper.make_node("Cast", [name("8bit")], [name("float")], to=TensorProto.FLOAT),
        helper.make_node("Sub", [name("float"), name("middle")], [name("centred")]),
        helper.make_node("Gather", [scales, ids], [name("of_blocks")], axis=0),
        helper.make_node("Unsqueeze", [name("of_blocks"), name("last_axis")], [name("scales")]),
        helper.make_node("Mul", [name("centred"), name("scales")], [name("in_blocks")]),
        helper.make_node("Reshape", [name("in_blocks"), name("shape")], [name("filled")]),
        helper.make_node("Slice", [name("filled"), *ends], [result]),
    ]
