"""Makes tests/demo/task_graphs: the tiny bundle's encoder with other heads than a classifier's, and
with the maps of its second layer alone.

    python tests/demo/make_task_graphs.py

Their weights are random, and large enough that no two labels or words are alike. They are
committed, so that the page's tests run without onnx; `conftest.py` makes bundles of them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TINY = Path(__file__).parent / "tiny_bundle"
OUT = Path(__file__).parent / "task_graphs"
HIDDEN, VOCABULARY, LABELS = 8, 101, 5
SEED = 1

HEADS = {
    "tag": {"logits": LABELS},
    "answer": {"start_logits": 1, "end_logits": 1},
    "fill": {"logits": VOCABULARY},
}
"""Outputs beside the encoder's own, and how many numbers each gives for a token."""


def make() -> None:
    """Writes the folder."""
    OUT.mkdir(exist_ok=True)
    for task, outputs in HEADS.items():
        graph = with_head(onnx.load(TINY / "onnx" / "model.onnx"), outputs)
        onnx.checker.check_model(graph)
        onnx.save(graph, OUT / f"{task}.onnx")
    graph = onnx.load(TINY / "onnx" / "model.onnx")
    _keep_outputs(graph.graph, lambda name: not name.endswith(".0"))
    onnx.checker.check_model(graph)
    onnx.save(graph, OUT / "second_layer.onnx")


def with_head(model: onnx.ModelProto, outputs: dict[str, int]) -> onnx.ModelProto:
    """The encoder with these outputs in place of a classifier's."""
    graph, random = model.graph, np.random.default_rng(SEED)
    _keep_outputs(graph, lambda name: name != "logits")
    for name, width in outputs.items():
        weights = random.normal(0, 1.0, (HIDDEN, width)).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(weights, f"{name}_weights"))
        product = f"{name}_product" if width == 1 else name
        shape: list[str | int] = ["batch", "sequence", width]
        graph.node.append(
            helper.make_node("MatMul", ["last_hidden_state", f"{name}_weights"], [product])
        )
        if width == 1:
            axis = numpy_helper.from_array(np.array([-1], np.int64), f"{name}_axis")
            graph.initializer.append(axis)
            graph.node.append(helper.make_node("Squeeze", [product, axis.name], [name]))
            shape = shape[:2]
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return model


def _keep_outputs(graph: onnx.GraphProto, wanted: Callable[[str], bool]) -> None:
    """Drops all other outputs, and the nodes and weights that none of the rest needs."""
    kept = [one for one in graph.output if wanted(one.name)]
    del graph.output[:]
    graph.output.extend(kept)
    needed = {one.name for one in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            nodes.append(node)
    weights = [one for one in graph.initializer if one.name in needed]
    del graph.node[:]
    del graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(weights)


if __name__ == "__main__":
    make()
