"""Adds to a graph what opens a block: a map's output, a head's number, the norms of its values.

Nodes are added at the end; whoever is done sorts the graph.
"""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from export.any_model.blocks import Block
from export.any_model.layout import Layout
from export.any_model.refusal import Refusal
from export.graphs.names import Axes, GraphNames


def declare(value: ir.Value, axes: Axes, *, traced: bool = False) -> None:
    """Writes a value's axes.

    Args:
        traced: refuse a number that the tracer has where a name is wanted.
    """
    if traced and value.shape is not None:
        for axis, found in zip(axes, value.shape, strict=False):
            if isinstance(axis, str) and isinstance(found, int):
                raise Refusal(
                    f"its graph runs only on the lengths that it was traced with: {value.name} has "
                    f"{found} as its axis {axis}, where any length is wanted"
                )
    value.shape, value.dtype = ir.Shape(axes), value.dtype or ir.DataType.FLOAT


def name_axes(
    model: ir.Model,
    seen: Mapping[str, np.ndarray],
    names: GraphNames,
    lengths: Mapping[str, int],
    probe: str,
) -> None:
    """Names for what the tracer calls s95, after each length was seen to be what it is called.

    Args:
        seen: the outputs on a probe.
        lengths: axis -> how long it is in the probe.
        probe: what that was, in words.
    """
    for value in model.graph.inputs:
        declare(value, names.inputs[str(value.name)], traced=True)
    for value in model.graph.outputs:
        axes, shape = names.outputs[str(value.name)], seen[str(value.name)].shape
        expected = tuple(lengths[axis] if isinstance(axis, str) else axis for axis in axes)
        if shape != expected:
            raise Refusal(
                f"its output {value.name} has the shape {shape}; expected {expected}, for {probe}"
            )
        declare(value, axes, traced=True)


class Surgeon:
    """Adds nodes and constants to a graph."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph

    def add_default(self, name: str, names: GraphNames) -> ir.Value:
        """An input that need not be given."""
        value = self._constant(name, names.optional[name])
        declare(value, names.inputs[name])
        self._graph.inputs.append(value)
        return value

    def show_map(self, block: Block, layout: Layout, name: str) -> ir.Value:
        """The softmax's result as (batch, heads, queries, keys), before any mask."""
        if layout.map_rank == 4:
            block.weights.name = name
            return block.weights
        return self._with_heads(block.weights, layout.map_rank, layout.heads, name)

    def minus_length(self, value: ir.Value, axis: int) -> ir.Value:
        """How long an axis is, negative, in an array of one number: where its last ones begin."""
        name = f"{value.name}.length.{axis}"
        length = self._add("Shape", [value], name, start=axis, end=axis + 1)
        return self._add("Neg", [length], f"{name}.minus")

    def add_norms(
        self, block: Block, layout: Layout, name: str, start: ir.Value | None = None
    ) -> ir.Value:
        """|v W| = |v R^T|, W = R^T Q^T a head's slice of the projection: (batch, heads, keys).

        Args:
            start: from which key on; all unless given.
        """
        wide = layout.matrices.astype(np.float64).transpose(0, 2, 1)
        roots = np.asarray(np.linalg.qr(wide, mode="r")).transpose(0, 2, 1).astype(np.float32)
        values, lead, texts = block.values, layout.text_of.shape, layout.text_of.max() + 1
        apart = len(lead) > 1 and lead[0] == texts
        if apart and all(np.ptp(layout.text_of[text]) == 0 for text in range(texts)):
            order = layout.head_of[0].ravel()
            root = roots[order].reshape(1, *lead[1:], *roots.shape[1:])
        else:
            in_turn = np.tile(np.arange(layout.heads), texts)
            if not np.array_equal(layout.head_of.ravel(), in_turn):
                raise Refusal(f"{block.place}: its values lie as {layout.values_shape}")
            values = self._with_heads(values, 3, layout.heads, f"{name}.values")
            root = roots[None]
        if start is not None:
            stop, keys = (
                self._constant(f"{name}.{word}", np.array([at]))
                for word, at in (("stop", np.iinfo(np.int64).max), ("keys", -2))
            )
            values = self._add("Slice", [values, start, stop, keys], f"{name}.new")
        stored = self._constant(f"{name}.root", root)
        product = self._add("MatMul", [values, stored], f"{name}.long")
        last = self._constant(f"{name}.axes", np.array([-1]))
        if root.ndim == 4:
            return self._add("ReduceL2", [product, last], name, keepdims=0)
        # Keys in groups have an axis for the group and one for its heads.
        grouped = self._add("ReduceL2", [product, last], f"{name}.grouped", keepdims=0)
        shape = self._constant(f"{name}.shape", np.array([0, layout.heads, -1]))
        return self._add("Reshape", [grouped, shape], name)

    def add_mask(self, layout: Layout, mask: ir.Value, layer: int) -> None:
        """Multiplies a head's part with the mask's number for it, in one layer."""
        place, name = layout.mask, f"{mask.name}.{layer}"
        readers = [(node, at) for node, at in place.value.uses() if node.op_type != "Shape"]
        number = self._constant(f"{name}.layer", np.array(layer))
        row = self._add("Gather", [mask, number], f"{name}.row", axis=1)
        if place.text_axis > place.head_axis:
            row = self._add("Transpose", [row], f"{name}.turned", perm=[1, 0])
        taken = (place.text_axis, place.head_axis)
        others = np.array([axis for axis in range(place.rank) if axis not in taken])
        axes = self._constant(f"{name}.axes", others)
        wide = self._add("Unsqueeze", [row, axes], f"{name}.wide")
        masked = self._add("Mul", [place.value, wide], f"{name}.masked")
        for node, at in readers:
            node.replace_input_with(at, masked)

    def _with_heads(self, value: ir.Value, rank: int, heads: int, name: str) -> ir.Value:
        """(batch, heads, ...) of a value whose leading axes are these in some arrangement.

        Args:
            rank: its number of axes, of which the last two stay.
        """
        start, stop = (
            self._constant(f"{name}.{word}", np.array([at]))
            for word, at in (("from", rank - 2), ("to", rank))
        )
        first = self._constant(f"{name}.first", np.array([-1, heads]))
        size = self._add("Shape", [value], f"{name}.size")
        last = self._add("Slice", [size, start, stop], f"{name}.tail")
        shape = self._add("Concat", [first, last], f"{name}.shape", axis=0)
        return self._add("Reshape", [value, shape], name)

    def _constant(self, name: str, array: np.ndarray) -> ir.Value:
        stored = ir.tensor(np.array(array, order="C"), name=name)
        value = ir.Value(name=name, const_value=stored)
        value.shape, value.dtype = ir.Shape(array.shape), stored.dtype
        self._graph.register_initializer(value)
        return value

    def _add(
        self, operator: str, inputs: list[ir.Value], name: str, **attributes: int | list[int]
    ) -> ir.Value:
        node = ir.node(operator, inputs, attributes or None)
        node.outputs[0].name, node.name = name, f"open/{name}"
        self._graph.append(node)
        return node.outputs[0]
