"""Rewrites what would hide a matrix, so that a product is one wherever it is looked for.

`Einsum` of two factors (XLNet) becomes `Transpose`, `Reshape` and `MatMul`: the search for blocks
then sees a product. `Gemm` in front of the last hidden state becomes `MatMul` and `Add`: the
quantiser then sees a matrix. A matrix that is stored turned round, and turned in every run, is
stored as it is read; and one that is stored twice, as the tracer does with the weights that
ALBERT's layers share, and with words' vectors that are a head as well, is stored once.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir


def lower_einsum(model: ir.Model) -> None:
    """Every `Einsum` of two factors whose axes are batched, summed, left or right, in place."""
    for node in list(model.graph):
        if node.op_type == "Einsum" and len(node.inputs) == 2:
            terms, out = node.attributes["equation"].as_string().replace(" ", "").split("->")
            left, right = terms.split(",")
            if _is_product(left, right, out):
                _Lowered(model.graph, node).replace(left, right, out)


def _is_product(left: str, right: str, out: str) -> bool:
    """Whether a matrix product gives it: axes summed, at most one of the right factor kept."""
    if "." in left + right or any(len(set(one)) < len(one) for one in (left, right)):
        return False
    batch, rows, columns, summed = _axes(left, right, out)
    whole = {*batch, *summed, *rows} == set(left) and {*batch, *summed, *columns} == set(right)
    stacked = batch and (len(rows) > 1 or len(summed) > 1)
    return whole and bool(summed) and len(columns) <= 1 and not stacked


def _axes(left: str, right: str, out: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """The axes of both factors, of the left alone, of the right alone, and those summed."""
    batch = [axis for axis in out if axis in left and axis in right]
    rows = [axis for axis in out if axis in left and axis not in right]
    columns = [axis for axis in out if axis in right and axis not in left]
    summed = [axis for axis in left if axis in right and axis not in out]
    return batch, rows, columns, summed


class _Lowered:
    """The nodes that stand in the place of one `Einsum`."""

    def __init__(self, graph: ir.Graph, node: ir.Node) -> None:
        self._graph, self._node = graph, node
        self._name = str(node.outputs[0].name)

    def replace(self, left: str, right: str, out: str) -> None:
        """Puts them there."""
        batch, rows, columns, summed = _axes(left, right, out)
        one, other = self._node.inputs
        assert one is not None, "a product has two factors"
        assert other is not None, "a product has two factors"
        first = self._turned(one, left, [*batch, *rows, *summed], "left")
        second = self._turned(other, right, [*batch, *summed, *columns], "right")
        if len(summed) > 1:
            shape = other.shape
            assert shape is not None
            width = int(shape[right.index(columns[0])])  # type: ignore[arg-type]
            first = self._shaped(first, [0] * len(rows) + [-1], "left")
            second = self._shaped(second, [-1, width], "right")
        found = "".join([*batch, *rows, *columns])
        product = self._add("MatMul", [first, second], "product")
        self._put(self._turned(product, found, list(out), "out"))

    def _put(self, result: ir.Value) -> None:
        old = self._node.outputs[0]
        result.shape, result.type = old.shape, old.type
        old.replace_all_uses_with(result)
        for place, output in enumerate(self._graph.outputs):
            if output is old:
                self._graph.outputs[place] = result
        self._graph.remove(self._node, safe=True)

    def _turned(self, value: ir.Value, axes: str, wanted: Sequence[str], tag: str) -> ir.Value:
        order = [axes.index(axis) for axis in wanted]
        if order == sorted(order):
            return value
        return self._add("Transpose", [value], tag, perm=order)

    def _shaped(self, value: ir.Value, shape: Sequence[int], tag: str) -> ir.Value:
        stored = _stored(self._graph, f"{self._name}.{tag}.shape", np.array(shape, np.int64))
        return self._add("Reshape", [value, stored], f"{tag}.view")

    def _add(
        self, operator: str, inputs: Sequence[ir.Value], tag: str, **attributes: Sequence[int]
    ) -> ir.Value:
        node = ir.node(operator, inputs, attributes or None)
        node.outputs[0].name = node.name = f"{self._name}.{tag}"
        node.metadata_props.update(self._node.metadata_props)
        self._graph.insert_before(self._node, node)
        return node.outputs[0]


def turn_matrices(model: ir.Model) -> None:
    """Stores each matrix that is only ever read turned round the other way round, in place."""
    graph = model.graph
    for stored in list(graph.initializers.values()):
        readers = [node for node, _ in stored.uses()]
        only_turned = readers and all(node.op_type == "Transpose" for node in readers)
        if not only_turned or stored.const_value is None or len(stored.const_value.shape) != 2:
            continue
        turned = np.ascontiguousarray(stored.const_value.numpy().T)
        value = _stored(graph, f"{stored.name}.turned", turned)
        for node in readers:
            node.outputs[0].replace_all_uses_with(value)
            graph.remove(node, safe=True)
        del graph.initializers[str(stored.name)]


def tie_table(model: ir.Model) -> None:
    """Lets the word embeddings read the matrix of a head that is tied to them, in place.

    The tracer stores such a table twice, as it is and turned, or turns it in every run. Here the
    turned one stays, (hidden, vocabulary), and a word's vector is one of its columns.
    """
    graph = model.graph
    for node in list(graph):
        table = node.inputs[0] if node.op_type == "Gather" else None
        if table is None or table.const_value is None or len(table.const_value.shape) != 2:
            continue
        if turned := _turned_twin(graph, table):
            _look_up_columns(graph, node, turned)
            if not table.uses():
                del graph.initializers[str(table.name)]


def _turned_twin(graph: ir.Graph, table: ir.Value) -> ir.Value | None:
    """The same matrix the other way round, where a product reads it; made of what turns it."""
    assert table.const_value is not None, "a table is a constant"
    turns = [node for node, _ in table.uses() if node.op_type == "Transpose"]
    rows, columns = table.const_value.shape
    same = [
        one
        for one in graph.initializers.values()
        if one.const_value is not None and tuple(one.const_value.shape) == (columns, rows)
        if np.array_equal(one.const_value.numpy().T, table.const_value.numpy())
    ]
    if not same and not turns:
        return None
    array = np.ascontiguousarray(table.const_value.numpy().T)
    twin = same[0] if same else _stored(graph, f"{table.name}.turned", array)
    for node in turns:
        node.outputs[0].replace_all_uses_with(twin)
        graph.remove(node, safe=True)
    return twin


def _look_up_columns(graph: ir.Graph, lookup: ir.Node, turned: ir.Value) -> None:
    ids, result = lookup.inputs[1], lookup.outputs[0]
    assert ids is not None, "a table is looked up by something"
    assert result.shape is not None, "the tracer knows how many axes a value has"
    rank = len(result.shape)
    columns = ir.node("Gather", [turned, ids], {"axis": 1})
    back = ir.node("Transpose", [columns.outputs[0]], {"perm": [*range(1, rank), 0]})
    for node, tag in ((columns, "columns"), (back, "vectors")):
        node.outputs[0].name = node.name = f"{result.name}.{tag}"
        node.metadata_props.update(lookup.metadata_props)
        graph.insert_before(lookup, node)
    back.outputs[0].shape, back.outputs[0].type = result.shape, result.type
    result.replace_all_uses_with(back.outputs[0])
    graph.remove(lookup, safe=True)


def store_once(model: ir.Model) -> None:
    """Lets equal constants be one, in place."""
    graph, first = model.graph, dict[tuple[object, ...], ir.Value]()
    for value in list(graph.initializers.values()):
        if value.const_value is None or value.is_graph_input():
            continue
        array = value.const_value.numpy()
        digest = hashlib.sha256(array.tobytes()).digest()
        same = first.setdefault((array.dtype, array.shape, digest), value)
        if same is not value:
            value.replace_all_uses_with(same)
            del graph.initializers[str(value.name)]


def _stored(graph: ir.Graph, name: str, array: np.ndarray) -> ir.Value:
    value = ir.Value(name=name, const_value=ir.tensor(array, name=name))
    graph.register_initializer(value)
    return value


def lower_gemm(model: ir.Model, above: ir.Value) -> None:
    """Every `Gemm` that `above` is computed from, as `MatMul` and `Add`, in place."""
    graph, waiting, seen = model.graph, [above], set()
    while waiting:
        node = waiting.pop().producer()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [value for value in node.inputs if value is not None]
        if node.op_type == "Gemm":
            _split_gemm(graph, node)


def _split_gemm(graph: ir.Graph, node: ir.Node) -> None:
    if "transA" in node.attributes and node.attributes["transA"].as_int():
        return
    plain = {"transA", "transB", "alpha", "beta"}
    scales = [one.as_float() for name, one in node.attributes.items() if name in ("alpha", "beta")]
    matrix, result = node.inputs[1], node.outputs[0]
    if set(node.attributes) - plain or set(scales) - {1.0} or matrix is None:
        return
    if matrix.const_value is None:
        return
    if "transB" in node.attributes and node.attributes["transB"].as_int():
        turned = np.ascontiguousarray(matrix.const_value.numpy().T)
        matrix = _stored(graph, f"{result.name}.matrix", turned)
    product = ir.node("MatMul", [node.inputs[0], matrix])
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    product.outputs[0].name = product.name = f"{result.name}.product"
    product.metadata_props.update(node.metadata_props)
    graph.insert_before(node, product)
    last = product
    if bias is not None:
        last = ir.node("Add", [product.outputs[0], bias])
        last.outputs[0].name = last.name = f"{result.name}.sum"
        graph.insert_before(node, last)
    last.outputs[0].shape, last.outputs[0].type = result.shape, result.type
    result.replace_all_uses_with(last.outputs[0])
    graph.remove(node, safe=True)
