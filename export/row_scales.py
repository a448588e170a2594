"""Hidden states in 8 bit, with a scale for each position or one for a run, as nodes of a graph.

`quantize_run` is `DynamicQuantizeLinear`: fast, but where many positions run together, one of them
with large numbers leaves few steps to all others, and a text's numbers depend on the texts beside
it. With `quantize_rows` neither happens. The integers are stored as uint8, because onnxruntime
multiplies signed ones slowly.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

_TINY = 1e-30
"""Instead of the largest value of a row of zeros, which nothing can be divided by."""
_LOWEST_GELU = 0.1701
"""GELU, exact or by tanh, is never below minus this: hardly any steps are needed under zero."""


@dataclass(frozen=True)
class Steps:
    """How a row is laid out on the numbers 0 to 255: its largest value becomes `zero + steps`."""

    steps: int
    zero: int
    smallest: float
    """A row's size is taken for at least this."""
    signed: bool
    """Whether the most negative value counts as well as the largest."""


SYMMETRIC = Steps(steps=127, zero=128, smallest=_TINY, signed=True)
AFTER_GELU = Steps(steps=239, zero=16, smallest=_LOWEST_GELU * 239 / 16, signed=False)
"""Twice as fine: a row above 2.5 is cut in 239 steps, a smaller one in the same steps as that."""


@dataclass(frozen=True, kw_only=True)
class Integers:
    """Hidden states in 8 bit: the names that a product reads, and the nodes behind them."""

    uint8: str
    scale: str
    """A scalar."""
    zero: str
    sizes: str = ""
    """Each position's own factor, shape (..., 1): the integers less `zero`, times `scale`, times
    this are its values. Empty where `scale` alone is for all positions."""
    nodes: list[NodeProto]
    constants: dict[str, np.ndarray]


def quantize_run(hidden: str, *, prefix: str) -> Integers:
    """One scale for all positions of a run, as onnxruntime's `quantize_dynamic` writes it."""
    uint8, scale, zero = (f"{prefix}.{word}" for word in ("uint8", "scale", "zero"))
    node = helper.make_node("DynamicQuantizeLinear", [hidden], [uint8, scale, zero])
    return Integers(uint8=uint8, scale=scale, zero=zero, nodes=[node], constants={})


def quantize_rows(hidden: str, layout: Steps, *, prefix: str) -> Integers:
    """The nodes that turn `hidden` into integers; their results begin with `prefix`."""

    def name(word: str) -> str:
        return f"{prefix}.{word}"

    constants: dict[str, np.ndarray] = {
        name("last_axis"): np.array([-1], np.int64),
        name("smallest"): np.array(layout.smallest, np.float32),
        name("scale"): np.array(1 / layout.steps, np.float32),
        name("zero"): np.array(layout.zero, np.uint8),
    }
    nodes, measured = [], hidden
    if layout.signed:
        measured = name("absolute")
        nodes.append(helper.make_node("Abs", [hidden], [measured]))
    largest, sizes, inverse, shares, uint8 = map(
        name, ("largest", "sizes", "inverse", "shares", "uint8")
    )
    nodes += [
        helper.make_node("ReduceMax", [measured, name("last_axis")], [largest], keepdims=1),
        helper.make_node("Max", [largest, name("smallest")], [sizes]),
        # A division for each row, not for each number: one takes as long as several products.
        helper.make_node("Reciprocal", [sizes], [inverse]),
        helper.make_node("Mul", [hidden, inverse], [shares]),
        helper.make_node("QuantizeLinear", [shares, name("scale"), name("zero")], [uint8]),
    ]
    return Integers(
        uint8=uint8,
        sizes=sizes,
        scale=name("scale"),
        zero=name("zero"),
        nodes=nodes,
        constants=constants,
    )


def quantize_columns(matrix: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A matrix as int8 with one scale for each of its columns (or other vectors along `axis`).

    Returns:
        The integers, and the scales with `axis` kept as 1; a vector of zeros has the scale 1.
    """
    scales = np.abs(matrix).max(axis=axis, keepdims=True) / 127
    scales = np.where(scales == 0, 1, scales).astype(np.float32)
    return np.rint(matrix / scales).astype(np.int8), scales


def add_constants(graph: onnx.GraphProto, constants: Mapping[str, np.ndarray]) -> None:
    """Stores arrays in a graph by their names."""
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )


def replace_node(graph: onnx.GraphProto, node: NodeProto, by: list[NodeProto]) -> None:
    """Puts nodes in the place of one."""
    position = list(graph.node).index(node)
    graph.node.remove(node)
    for offset, new in enumerate(by):
        graph.node.insert(position + offset, new)
