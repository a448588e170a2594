"""Finds every attention block of a graph by its structure. No family is named here.

    scores -> Softmax over the last axis -> [Mul] -> [views] -> MatMul with the values -> context
    context -> [views] -> MatMul, Gemm or 1 x 1 Conv with a constant matrix: the output projection

A view only arranges numbers anew. Whatever else stands between the softmax and the projection (a
gate, a norm, a convolution's channels beside the heads') changes what a head hands on: then neither
a head mask nor a value norm would mean what it says, and the graph is refused. What multiplies the
softmax itself, as some models set a row to 0 that may see nothing, is a part of the map.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from export.any_model.refusal import Refusal, place_of

_VIEWS = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast", "Dropout"}
_PROJECTIONS = {"MatMul", "Gemm", "Conv"}
_OF_CONSTANTS = {"Transpose", "Reshape", "Cast", "Identity", "Constant"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """One layer's attention, from the softmax to the output projection."""

    softmax: ir.Node
    map: ir.Node
    """What gives the map: the softmax, or the `Mul` behind it."""
    to_product: tuple[ir.Node, ...]
    """Views between the map and the product."""
    product: ir.Node
    """Weights times values."""
    to_projection: tuple[ir.Node, ...]
    """Views between the product and the projection."""
    projection: ir.Node
    matrix: np.ndarray
    """The projection's, (features, hidden)."""
    features_axis: int
    """Of the projection's input, which axis is multiplied."""

    @property
    def weights(self) -> ir.Value:
        """The map, in whatever arrangement."""
        return self.map.outputs[0]

    @property
    def values(self) -> ir.Value:
        """What the map is multiplied with."""
        found = self.product.inputs[1]
        assert found is not None, "a product has two factors"
        return found

    @property
    def context(self) -> ir.Value:
        """Weights times values."""
        return self.product.outputs[0]

    @property
    def place(self) -> str:
        """Where it is in the model, for messages."""
        return place_of(self.softmax)

    @property
    def path(self) -> list[ir.Value]:
        """Every value whose arrangement has to be known."""
        views = (*self.to_product, *self.to_projection)
        return [self.weights, self.values, self.context, *(node.outputs[0] for node in views)]


def find_blocks(graph: ir.Graph) -> list[Block]:
    """Every softmax whose result is multiplied with what is no constant, in the graph's order.

    Raises:
        Refusal: between a softmax and its projection stands something that cannot be opened.
    """
    found = (_block_of(node) for node in graph if node.op_type == "Softmax")
    return [block for block in found if block]


def _block_of(softmax: ir.Node) -> Block | None:
    """The block behind a softmax; None where nothing is multiplied with its result."""
    readers = [node for node, _ in softmax.outputs[0].uses() if node.op_type != "Shape"]
    factor = readers[0] if [node.op_type for node in readers] == ["Mul"] else softmax
    products = [
        (node, path)
        for node, path in _readers(factor.outputs[0], ())
        if node.op_type == "MatMul"
        if node.inputs[0] is (path[-1] if path else factor).outputs[0]
        if constant_of(node.inputs[1]) is None
    ]
    if not products:
        return None
    if len(products) > 1:
        raise Refusal(
            f"{place_of(softmax)}: its map is multiplied with values {len(products)} times; one "
            "product is expected, whose result goes through the output projection"
        )
    product, to_product = products[0]
    to_projection, projection = _way_to_projection(product, place_of(softmax))
    reads = (to_projection[-1] if to_projection else product).outputs[0]
    matrix, axis = _matrix_of(projection, reads)
    return Block(
        softmax=softmax,
        map=factor,
        to_product=to_product,
        product=product,
        to_projection=to_projection,
        projection=projection,
        matrix=matrix,
        features_axis=axis,
    )


def _readers(
    value: ir.Value, path: tuple[ir.Node, ...]
) -> Iterator[tuple[ir.Node, tuple[ir.Node, ...]]]:
    """Whatever reads a value or a view of it, with the views in between."""
    for node, _ in value.uses():
        if node.op_type == "Shape":
            continue
        if node.op_type in _VIEWS:
            yield from _readers(node.outputs[0], (*path, node))
        else:
            yield node, path


def _way_to_projection(product: ir.Node, place: str) -> tuple[tuple[ir.Node, ...], ir.Node]:
    """The views behind the product, and the projection that reads the last of them."""
    value, views = product.outputs[0], list[ir.Node]()
    while True:
        readers = [node for node, _ in value.uses() if node.op_type != "Shape"]
        if len(readers) != 1 or value.is_graph_output():
            kinds = ", ".join(node.op_type for node in readers) or "nothing"
            raise Refusal(
                f"{place}: what comes of weights times values is read {len(readers)} times "
                f"(by {kinds}), not by the output projection alone"
            )
        (node,) = readers
        if node.op_type in _PROJECTIONS:
            return tuple(views), node
        if node.op_type not in _VIEWS:
            raise Refusal(
                f"{place}: between the heads and their output projection stands a {node.op_type}, "
                f"at {place_of(node)}; only views are expected there, for a head's part to be told "
                "from the others'"
            )
        views.append(node)
        value = node.outputs[0]


def constant_of(value: ir.Value | None) -> np.ndarray | None:
    """The numbers of a constant, or of a view of one; None if it is computed."""
    if value is None:
        return None
    if value.const_value is not None:
        return value.const_value.numpy()
    node = value.producer()
    if node is None or node.op_type not in _OF_CONSTANTS:
        return None
    if node.op_type == "Constant":
        stored = node.attributes.get("value")
        return stored.as_tensor().numpy() if stored else None
    inner = constant_of(node.inputs[0])
    if inner is None:
        return None
    if node.op_type == "Transpose":
        return inner.transpose(node.attributes["perm"].as_ints())
    if node.op_type == "Reshape":
        shape = constant_of(node.inputs[1])
        return None if shape is None else inner.reshape(shape)
    return inner


def _matrix_of(node: ir.Node, heads: ir.Value) -> tuple[np.ndarray, int]:
    """The projection's matrix, (features, hidden), and the axis of its input that it multiplies.

    Args:
        heads: the context, as the projection reads it.
    """
    if node.inputs[0] is not heads:
        raise Refusal(
            f"{place_of(node)}: the heads are the right factor of their projection; expected as "
            "the left one"
        )
    matrix = constant_of(node.inputs[1])
    if matrix is None:
        raise Refusal(
            f"{place_of(node)}: what follows the heads multiplies them with something computed; a "
            "constant matrix, the output projection, is expected"
        )
    if node.op_type == "Conv":
        return _matrix_of_convolution(node, matrix), 1
    if node.op_type == "Gemm":
        if _number(node, "transA"):
            raise Refusal(f"{place_of(node)}: the output projection turns its input (transA)")
        return (matrix.T if _number(node, "transB") else matrix), -1
    if matrix.ndim > 2 and matrix.size == np.prod(matrix.shape[-2:]):
        matrix = matrix.reshape(matrix.shape[-2:])
    return matrix, -1


def _matrix_of_convolution(node: ir.Node, kernel: np.ndarray) -> np.ndarray:
    groups = _number(node, "group", 1)
    if set(kernel.shape[2:]) - {1} or groups != 1:
        raise Refusal(
            f"{place_of(node)}: the output projection is a convolution over {kernel.shape[2:]} "
            f"positions in {groups} groups, which is no matrix"
        )
    return kernel.reshape(kernel.shape[:2]).T


def _number(node: ir.Node, name: str, default: int = 0) -> int:
    return node.attributes[name].as_int() if name in node.attributes else default
