"""A layer's product in int8: a scale for each column of its matrix and each position of its input.

The input, hidden states, is stored as uint8, because onnxruntime multiplies signed integers slowly.
`quantize_dynamic` gives it one scale for a run and is `DynamicQuantizeLinear`: fast, but where many
positions run together, one of them with large numbers leaves few steps to all others, and a text's
numbers depend on the texts beside it. With `quantize_per_token` neither happens.

A few channels of a transformer's hidden states are many times as large as the rest (Dettmers et
al. 2022, "LLM.int8()"). They make every position's steps coarse, and so they may stay in float32,
with their rows of the matrix: a second, thin product.

The word embeddings are int8 vectors, each with a scale of its own. Words differ in length by far:
one scale for the whole table would spend the eight bits on its longest vectors. Where the table is
also the decoder's head, both read the same matrix.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.runtime.session import open_session

_ZERO = 128
"""Where uint8 has its middle."""
_TINY = 1e-30
"""Instead of the largest value of a row of zeros, which nothing can be divided by."""
_LOWEST_GELU = 0.1701
"""GELU, exact or by tanh, is never below minus this: hardly any steps are needed under zero."""


@dataclass(frozen=True)
class Int8Grid:
    """How a row is laid out on the numbers 0 to 255: its largest value becomes `zero + levels`."""

    levels: int
    zero: int
    smallest: float
    """A row's size is taken for at least this."""
    signed: bool
    """Whether the most negative value counts as well as the largest."""


SYMMETRIC = Int8Grid(levels=127, zero=_ZERO, smallest=_TINY, signed=True)
AFTER_GELU = Int8Grid(levels=239, zero=16, smallest=_LOWEST_GELU * 239 / 16, signed=False)
"""Twice as fine: a row above 2.5 is cut in 239 steps, a smaller one in the same steps as that."""


@dataclass(frozen=True, kw_only=True)
class Integers:
    """Hidden states in 8 bit: the names that a product reads, and the nodes behind them."""

    uint8: str
    scale: str
    """A scalar."""
    zero: str
    token_scales: str = ""
    """Each position's own factor, shape (..., 1): the integers less `zero`, times `scale`, times
    this are its values. Empty where `scale` alone is for all positions."""
    channels: str = ""
    """What stays in float32, shape (..., count); empty where nothing does."""
    nodes: list[NodeProto]
    constants: dict[str, np.ndarray]


def quantize_dynamic(hidden: str, *, prefix: str) -> Integers:
    """One scale for all positions of a run, as onnxruntime's `quantize_dynamic` writes it."""
    uint8, scale, zero = (f"{prefix}.{word}" for word in ("uint8", "scale", "zero"))
    node = helper.make_node("DynamicQuantizeLinear", [hidden], [uint8, scale, zero])
    return Integers(uint8=uint8, scale=scale, zero=zero, nodes=[node], constants={})


def quantize_per_token(hidden: str, layout: Int8Grid, *, prefix: str) -> Integers:
    """The nodes that turn `hidden` into integers; their results begin with `prefix`."""

    def name(word: str) -> str:
        return f"{prefix}.{word}"

    constants: dict[str, np.ndarray] = {
        name("last_axis"): np.array([-1], np.int64),
        name("smallest"): np.array(layout.smallest, np.float32),
        name("scale"): np.array(1 / layout.levels, np.float32),
        name("zero"): np.array(layout.zero, np.uint8),
    }
    nodes, measured = [], hidden
    if layout.signed:
        measured = name("absolute")
        nodes.append(helper.make_node("Abs", [hidden], [measured]))
    largest, token_scales, inverse, shares, uint8 = map(
        name, ("largest", "sizes", "inverse", "shares", "uint8")
    )
    nodes += [
        helper.make_node("ReduceMax", [measured, name("last_axis")], [largest], keepdims=1),
        helper.make_node("Max", [largest, name("smallest")], [token_scales]),
        # A division for each row, not for each number: one takes as long as several products.
        helper.make_node("Reciprocal", [token_scales], [inverse]),
        helper.make_node("Mul", [hidden, inverse], [shares]),
        helper.make_node("QuantizeLinear", [shares, name("scale"), name("zero")], [uint8]),
    ]
    return Integers(
        uint8=uint8,
        token_scales=token_scales,
        scale=name("scale"),
        zero=name("zero"),
        nodes=nodes,
        constants=constants,
    )


def quantize_columns(
    matrix: np.ndarray, axis: int = 0, *, unsigned: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A matrix as int8, or as uint8 around 128, with one scale for each of its columns (or other
    vectors along `axis`).

    Returns:
        The integers, and the scales with `axis` kept as 1; a vector of zeros has the scale 1.
    """
    scales = np.abs(matrix).max(axis=axis, keepdims=True) / 127
    scales = np.where(scales == 0, 1, scales).astype(np.float32)
    integers = np.rint(matrix / scales)
    return (integers + _ZERO).astype(np.uint8) if unsigned else integers.astype(np.int8), scales


def add_constants(graph: onnx.GraphProto, constants: Mapping[str, np.ndarray]) -> None:
    """Stores arrays in a graph by their names, each once."""
    there = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(
        numpy_helper.from_array(value, name)
        for name, value in constants.items()
        if name not in there
    )


def replace_node(graph: onnx.GraphProto, node: NodeProto, by: list[NodeProto]) -> None:
    """Puts nodes in the place of one."""
    position = list(graph.node).index(node)
    graph.node.remove(node)
    for offset, new in enumerate(by):
        graph.node.insert(position + offset, new)


CONTRIB = "com.microsoft"
"""The domain of onnxruntime's own operators, which onnxruntime-web has as well."""


def to_integer_products(
    model: onnx.ModelProto,
    products: Sequence[NodeProto],
    channels: Mapping[str, np.ndarray],
    *,
    one_scale: bool = False,
    unsigned: bool = False,
) -> None:
    """Replaces products of hidden states and matrices, in place.

    Args:
        products: `MatMul` nodes of `model` whose second input is an initializer; all that read it.
        channels: of each first input, which of its channels stay float32, sorted; may be none.
        one_scale: the hidden states have one scale for a run, not one for each position.
        unsigned: stores the matrices as uint8 around 128. The results are the same; x86 processors
            without VNNI add up products of uint8 and int8 in too few bits, but not these.
    """
    graph = model.graph
    makers = {result: node.op_type for node in graph.node for result in node.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for hidden, readers in by_input(products).items():
        layout = AFTER_GELU if makers.get(hidden) == "Gelu" else SYMMETRIC
        outliers = channels.get(hidden, np.array([], np.int64))
        width = stored[readers[0].input[1]].dims[0]
        # A constant is made integers again for each group of matrices that reads it.
        prefix = f"{hidden}.{readers[0].output[0]}" if f"{hidden}.uint8" in makers else hidden
        integers = _hidden_in_8_bit(hidden, None if one_scale else layout, outliers, width, prefix)
        add_constants(graph, integers.constants)
        nodes = integers.nodes
        for node in readers:
            matrix = numpy_helper.to_array(stored[node.input[1]])
            new, constants = _product(node, integers, matrix, outliers, unsigned=unsigned)
            add_constants(graph, constants)
            replace_node(graph, node, [*nodes, *new])
            nodes = []  # computed once, in front of the first
    for name in {node.input[1] for node in products}:
        graph.initializer.remove(stored[name])
    if not one_scale and all(used.domain != CONTRIB for used in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIB, 1))


def by_input(products: Iterable[NodeProto]) -> dict[str, list[NodeProto]]:
    """Products by the hidden states that they read."""
    found: dict[str, list[NodeProto]] = {}
    for node in products:
        found.setdefault(node.input[0], []).append(node)
    return found


def _hidden_in_8_bit(
    hidden: str, layout: Int8Grid | None, outliers: np.ndarray, width: int, prefix: str
) -> Integers:
    """The hidden states as integers, without the channels that stay apart, which are gathered.

    Args:
        prefix: how the names of all results begin.
    """
    kept = f"{prefix}.kept" if len(outliers) else hidden
    if layout is None:
        integers = quantize_dynamic(kept, prefix=prefix)
    else:
        integers = quantize_per_token(kept, layout, prefix=prefix)
    if len(outliers):
        keep = np.ones(width, np.float32)
        keep[outliers] = 0
        integers.constants.update({f"{prefix}.keep": keep, f"{prefix}.apart": outliers})
        integers = replace(integers, channels=f"{prefix}.channels")
        integers.nodes[:0] = [
            helper.make_node("Gather", [hidden, f"{prefix}.apart"], [integers.channels], axis=-1),
            helper.make_node("Mul", [hidden, f"{prefix}.keep"], [kept]),
        ]
    return integers


def _product(
    node: NodeProto, integers: Integers, matrix: np.ndarray, outliers: np.ndarray, *, unsigned: bool
) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """integers x integers x scales, and what is apart in float32."""
    (_, name), (result,) = node.input, node.output
    rest = matrix.copy()
    rest[outliers] = 0
    columns, scales = quantize_columns(rest, unsigned=unsigned)
    constants, zeros = {f"{name}.8bit": columns, f"{name}.scales": scales[0]}, []
    if unsigned:
        constants[f"{name}.zero"] = np.array(_ZERO, np.uint8)
        zeros = [f"{name}.zero"]
    scaled = f"{result}.scaled" if len(outliers) else result
    of_integers = _by_position if integers.token_scales else _by_run
    nodes = of_integers(integers, f"{name}.8bit", f"{name}.scales", zeros, scaled)
    if len(outliers):
        constants[f"{name}.apart"] = np.ascontiguousarray(matrix[outliers])
        thin = f"{result}.apart"
        nodes += [
            helper.make_node("MatMul", [integers.channels, f"{name}.apart"], [thin]),
            helper.make_node("Add", [scaled, thin], [result]),
        ]
    return nodes, constants


def _by_position(
    hidden: Integers, columns: str, scales: str, zeros: list[str], result: str
) -> list[NodeProto]:
    """The product where each position has a factor of its own."""
    whole, inputs = f"{result}.in_rows", [hidden.uint8, columns, hidden.scale, scales, hidden.zero]
    return [
        helper.make_node("MatMulIntegerToFloat", [*inputs, *zeros], [whole], domain=CONTRIB),
        helper.make_node("Mul", [whole, hidden.token_scales], [result]),
    ]


def _by_run(
    hidden: Integers, columns: str, scales: str, zeros: list[str], result: str
) -> list[NodeProto]:
    """The product where one scale is for all: standard operators that onnxruntime fuses at load,
    with the bias behind them."""
    whole, number, unit = (f"{result}.{word}" for word in ("int32", "float", "unit"))
    return [
        helper.make_node("MatMulInteger", [hidden.uint8, columns, hidden.zero, *zeros], [whole]),
        helper.make_node("Cast", [whole], [number], to=TensorProto.FLOAT),
        helper.make_node("Mul", [hidden.scale, scales], [unit]),
        helper.make_node("Mul", [number, unit], [result]),
    ]


def find_outlier_channels(token_scales: np.ndarray, count: int) -> np.ndarray:
    """The `count` channels of the largest values, sorted, and never more than one in sixteen."""
    count = min(count, len(token_scales) // 16)
    return np.sort(np.argsort(-token_scales, kind="stable")[:count]).astype(np.int64)


def channel_sizes(
    model: onnx.ModelProto, hidden: Iterable[str], feed: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The largest absolute value of each channel of some hidden states, in one run."""
    names, shown = list(hidden), onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    found = zip(names, open_session(shown).run(names, feed), strict=True)
    return {name: np.abs(one).reshape(-1, one.shape[-1]).max(axis=0) for name, one in found}


def quantize_table(
    model: onnx.ModelProto, *, unsigned: bool = False, heads: Iterable[str] = ()
) -> None:
    """Replaces the table that `input_ids` are looked up in, and its use as the head, in place.

    Args:
        unsigned: stores a table that is a head as well as uint8, as `to_integer_products` does.
        heads: matrices, (hidden, vocabulary), of heads that have one of their own.
    """
    graph = model.graph
    lookup = find_lookup(model)
    axis = axis_of_words(lookup)
    stored = next(tensor for tensor in graph.initializer if tensor.name == lookup.input[0])
    name = stored.name
    readers = [node for node in graph.node if name in node.input and node is not lookup]
    shifted = unsigned and bool(readers)
    table = numpy_helper.to_array(stored)
    words, scales = quantize_columns(table, axis=1 - axis, unsigned=shifted)
    constants = {f"{name}.8bit": words, f"{name}.scales": scales}
    if shifted:
        zero, middle = np.array(_ZERO, np.uint8), np.array(_ZERO, np.float32)
        constants = {f"{name}.zero": zero, f"{name}.middle": middle, **constants}
    graph.initializer.remove(stored)
    add_constants(graph, constants)
    replace_node(graph, lookup, _lookup(lookup, axis, shifted=shifted))
    _score_in_8_bit(graph, readers, shifted=shifted)
    for matrix in [tensor for tensor in graph.initializer if tensor.name in set(heads)]:
        of_words, scales = quantize_columns(numpy_helper.to_array(matrix), unsigned=unsigned)
        constants = {f"{matrix.name}.8bit": of_words, f"{matrix.name}.scales": scales}
        if unsigned:
            constants[f"{matrix.name}.zero"] = np.array(_ZERO, np.uint8)
        readers = [node for node in graph.node if matrix.name in node.input]
        graph.initializer.remove(matrix)
        add_constants(graph, constants)
        _score_in_8_bit(graph, readers, shifted=unsigned)


def _score_in_8_bit(
    graph: onnx.GraphProto, products: Iterable[NodeProto], *, shifted: bool
) -> None:
    for product in products:
        assert product.op_type == "MatMul", f"{product.op_type} reads the word embeddings"
        replace_node(graph, product, _integer_product(graph, product, shifted=shifted))


_VIEWS = {"Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity", "Cast"}


def find_lookup(model: onnx.ModelProto) -> NodeProto:
    """The node that looks `input_ids`, or a view of them, up in a table; a RoBERTa counts its
    positions by them as well."""
    tables = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 2}
    ids = {"input_ids"}
    for node in model.graph.node:
        if node.op_type in _VIEWS and node.input[0] in ids:
            ids.update(node.output)
        elif node.op_type == "Gather" and node.input[1] in ids and node.input[0] in tables:
            return node
    raise ValueError("no table of words is looked up by input_ids; expected an encoder's graph")


def axis_of_words(lookup: NodeProto) -> int:
    """Along which axis of its table a lookup finds a word; 1 where the table is a head as well."""
    return next((a.i for a in lookup.attribute if a.name == "axis"), 0)


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
