"""A layer's matrices in int8, a scale for a column; the hidden states as `row_scales.py` has them.

A few channels of a transformer's hidden states are many times as large as the rest (Dettmers et
al. 2022, "LLM.int8()"). They make every position's steps coarse, and so they may stay in float32,
with their rows of the matrix: a second, thin product.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.row_scales import (
    AFTER_GELU,
    SYMMETRIC,
    Integers,
    Steps,
    add_constants,
    quantize_columns,
    quantize_rows,
    quantize_run,
    replace_node,
)

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
        products: `MatMul` nodes of `model` whose second input is an initializer; all that read the
            same hidden states, or those that nothing else makes integers of.
        channels: of each first input, which of its channels stay float32, sorted; may be none.
        one_scale: the hidden states have one scale for a run, not one for each position.
        unsigned: stores the matrices as uint8 around 128. The results are the same; x86 processors
            without VNNI add up products of uint8 and int8 in too few bits, but not these.
    """
    graph = model.graph
    makers = {result: node.op_type for node in graph.node for result in node.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    inputs: dict[str, list[NodeProto]] = {}
    for node in products:
        inputs.setdefault(node.input[0], []).append(node)
    for hidden, readers in inputs.items():
        layout = AFTER_GELU if makers.get(hidden) == "Gelu" else SYMMETRIC
        apart = channels.get(hidden, np.array([], np.int64))
        width = stored[readers[0].input[1]].dims[0]
        integers = _hidden_in_8_bit(hidden, None if one_scale else layout, apart, width)
        add_constants(graph, integers.constants)
        nodes = integers.nodes
        for node in readers:
            matrix = numpy_helper.to_array(stored[node.input[1]])
            new, constants = _product(node, integers, matrix, apart, unsigned=unsigned)
            graph.initializer.remove(stored[node.input[1]])
            add_constants(graph, constants)
            replace_node(graph, node, [*nodes, *new])
            nodes = []  # computed once, in front of the first
    if not one_scale:
        declare_contrib(model)


def declare_contrib(model: onnx.ModelProto) -> None:
    """Says that the graph uses onnxruntime's own operators."""
    if all(used.domain != CONTRIB for used in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIB, 1))


def _hidden_in_8_bit(hidden: str, layout: Steps | None, apart: np.ndarray, width: int) -> Integers:
    """The hidden states as integers, without the channels that stay apart, which are gathered."""
    kept = f"{hidden}.kept" if len(apart) else hidden
    if layout is None:
        integers = quantize_run(kept, prefix=hidden)
    else:
        integers = quantize_rows(kept, layout, prefix=hidden)
    if len(apart):
        keep = np.ones(width, np.float32)
        keep[apart] = 0
        integers.constants.update({f"{hidden}.keep": keep, f"{hidden}.apart": apart})
        integers.nodes[:0] = [
            helper.make_node(
                "Gather", [hidden, f"{hidden}.apart"], [f"{hidden}.channels"], axis=-1
            ),
            helper.make_node("Mul", [hidden, f"{hidden}.keep"], [kept]),
        ]
    return integers


def _product(
    node: NodeProto, integers: Integers, matrix: np.ndarray, apart: np.ndarray, *, unsigned: bool
) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """integers x integers x scales, and what is apart in float32."""
    (hidden, name), (result,) = node.input, node.output
    rest = matrix.copy()
    rest[apart] = 0
    columns, constants, zeros = _columns(name, rest, unsigned)
    scaled = f"{result}.scaled" if len(apart) else result
    of_integers = _by_position if integers.sizes else _by_run
    nodes = of_integers(integers, columns, f"{name}.scales", zeros, scaled)
    if len(apart):
        constants[f"{name}.apart"] = np.ascontiguousarray(matrix[apart])
        thin = f"{result}.apart"
        nodes += [
            helper.make_node("MatMul", [f"{hidden}.channels", f"{name}.apart"], [thin]),
            helper.make_node("Add", [scaled, thin], [result]),
        ]
    return nodes, constants


def _columns(
    name: str, matrix: np.ndarray, unsigned: bool
) -> tuple[str, dict[str, np.ndarray], list[str]]:
    """A matrix in 8 bit: its name, what is stored, and its zero point where it has one."""
    integers, scales = quantize_columns(matrix)
    if unsigned:
        integers = (integers.astype(np.int16) + 128).astype(np.uint8)
    constants = {f"{name}.8bit": integers, f"{name}.scales": scales[0]}
    if unsigned:
        constants[f"{name}.zero"] = np.array(128, np.uint8)
    return f"{name}.8bit", constants, [f"{name}.zero"] if unsigned else []


def _by_position(
    hidden: Integers, columns: str, scales: str, zeros: list[str], result: str
) -> list[NodeProto]:
    """The product where each position has a factor of its own."""
    whole, inputs = f"{result}.in_rows", [hidden.uint8, columns, hidden.scale, scales, hidden.zero]
    return [
        helper.make_node("MatMulIntegerToFloat", [*inputs, *zeros], [whole], domain=CONTRIB),
        helper.make_node("Mul", [whole, hidden.sizes], [result]),
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


def largest_channels(sizes: np.ndarray, count: int) -> np.ndarray:
    """The `count` channels of the largest values, sorted, and never more than one in sixteen."""
    count = min(count, len(sizes) // 16)
    return np.sort(np.argsort(-sizes, kind="stable")[:count]).astype(np.int64)


def channel_sizes(
    model: onnx.ModelProto, hidden: Iterable[str], feeds: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The largest absolute value of each channel of some hidden states, over some runs."""
    from export.sessions import open_session

    names, shown = list(hidden), onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = open_session(shown)
    runs = [session.run(names, feed) for feed in feeds]
    return {
        name: np.max([np.abs(run[i]).reshape(-1, run[i].shape[-1]).max(axis=0) for run in runs], 0)
        for i, name in enumerate(names)
    }
