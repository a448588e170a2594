"""The least time that a graph can take on this machine: its matrix products at the full rate.

The products are read from the graph, with the shapes that they have for a text of so many tokens.
The rate is what the machine reaches on large square matrices, in torch or in numpy, whichever is
faster: no runtime comes near it on the small ones of a short text. A part of `benchmark.py`.
"""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch

from export.runtime.session import THREADS
from export.runtime.timing import median_time

SQUARE = 1024
"""Large enough for the full rate, small enough to stay in the caches."""


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


def operations(graph: onnx.ModelProto, tokens: int) -> int:
    """Multiplications and additions of all products, for one text of so many tokens."""
    return sum(product.operations for product in matrix_products(graph, tokens))


def _product(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> Product:
    left, right = (shapes.get(name, []) for name in node.input[:2])
    result = shapes.get(node.output[0], [])
    if not (left and right and result and all(left) and all(right) and all(result)):
        raise ValueError(f"{node.op_type} {node.name}: its shapes do not follow from the inputs'")
    # One matrix for all of a batch makes one tall product.
    *batch, m, n = result if len(right) > 2 else [math.prod(result[:-1]), result[-1]]
    flags = {attribute.name: attribute.i for attribute in node.attribute}
    return Product(math.prod(batch), m, left[-2] if flags.get("transA") else left[-1], n)


def full_rate(size: int = SQUARE) -> float:
    """Operations a second of products of two square float32 matrices, on all threads."""
    torch.set_num_threads(THREADS)
    left, right = torch.randn(2, size, size).unbind()
    arrays = left.numpy(), right.numpy()
    ways = partial(torch.mm, left, right), partial(np.matmul, *arrays)
    milliseconds = min(median_time(way) for way in ways)
    return 2 * size**3 / milliseconds * 1000


def time_products(graph: Path, lengths: Sequence[int]) -> dict[int, float]:
    """Milliseconds of a graph's products at the full rate, by the tokens of the text."""
    model, rate = onnx.load(graph), full_rate()
    return {length: 1000 * operations(model, length) / rate for length in lengths}
