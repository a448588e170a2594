"""The least time that a graph can take on this machine: its matrix products, and nothing else.

The products are read from the graph, with the shapes that they have for a text of so many tokens;
torch multiplies matrices of these shapes one after the other. What a runtime takes above that goes
into everything between the products. A part of `benchmark.py`; run as a command this file is one
process of it and prints milliseconds as JSON.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import onnx
import torch

from export.latency import median_time
from export.sessions import THREADS


class Product(NamedTuple):
    """So many products of an (m, k) and a (k, n) matrix."""

    batch: int
    m: int
    k: int
    n: int

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.batch * self.m * self.k * self.n


def matrix_products(graph: onnx.ModelProto, tokens: int) -> list[Product]:
    """The products of a float32 graph in its order, for one text of so many tokens.

    Raises:
        ValueError: a shape does not follow from the inputs' shapes.
    """
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    for value in model.graph.input:
        axes = value.type.tensor_type.shape.dim
        for axis, name in [(axis, axis.dim_param) for axis in axes if axis.dim_param]:
            axis.dim_value = tokens if name == "sequence" else 1
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
    return [_product(node, shapes) for node in inferred.node if node.op_type in ("MatMul", "Gemm")]


def _product(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> Product:
    left, right = (shapes.get(name, []) for name in node.input[:2])
    result = shapes.get(node.output[0], [])
    if not (left and right and result and all(left) and all(right) and all(result)):
        raise ValueError(f"{node.op_type} {node.name}: its shapes do not follow from the inputs'")
    # One matrix for all of a batch makes one tall product.
    *batch, m, n = result if len(right) > 2 else [math.prod(result[:-1]), result[-1]]
    flags = {attribute.name: attribute.i for attribute in node.attribute}
    return Product(math.prod(batch), m, left[-2] if flags.get("transA") else left[-1], n)


def time_products(products: Sequence[Product]) -> float:
    """Milliseconds of all of them, one after the other, on the threads of a small server."""
    torch.set_num_threads(THREADS)
    pairs = []
    for p in products:
        left, right = torch.randn(p.batch, p.m, p.k), torch.randn(p.batch, p.k, p.n)
        # A single product as two matrices: torch's path for a batch of one is a slower one.
        left, right = (left[0], right[0]) if p.batch == 1 else (left, right)
        pairs.append((left, right, left @ right))

    def multiply_all() -> None:
        for left, right, result in pairs:
            torch.matmul(left, right, out=result)

    with torch.no_grad():
        return median_time(multiply_all)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the milliseconds of a graph's products at the given lengths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", type=Path)
    parser.add_argument("lengths", type=int, nargs="+")
    given = parser.parse_args(argv)
    graph = onnx.load(given.graph)
    times = {n: time_products(matrix_products(graph, n)) for n in given.lengths}
    sys.stdout.write(json.dumps(times) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
