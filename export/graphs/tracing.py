"""How torch traces a module into a graph: one file, its axes named, without traces of itself."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from export.graphs.names import GraphNames


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Drops log lines, warnings and prints inside the block; exceptions pass.

    onnxruntime's quantiser even sets the root logger to INFO when it is imported, so a level on
    one logger would not do.
    """
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


LARGEST_MATRIX = 2**31 - 1
"""Bytes of one tensor, which protobuf keeps in one field."""

OPSET = 20
"""The newest set that onnxruntime, onnxruntime-web, OpenVINO and the reference evaluator share;
LayerNormalization and Gelu are operators of their own in it."""


def weights_bytes(module: nn.Module) -> int:
    """Bytes of a module's weights in float32, each counted once."""
    return sum(4 * parameter.numel() for parameter in module.parameters())


def check_fits(module: nn.Module, what: str) -> None:
    """Whether each matrix fits into one tensor of ONNX, asked before anything is traced.

    Args:
        what: whose they are, in a message.

    Raises:
        ValueError: one does not.
    """
    for name, parameter in module.named_parameters():
        if (size := 4 * parameter.numel()) > LARGEST_MATRIX:
            raise ValueError(
                f"{what} has {size / 2**30:.2f} GiB in its one matrix {name}, in float32; a tensor "
                "of ONNX holds 2 GiB at most. Cut its vocabulary to the words that its texts have"
            )


def trace(
    module: nn.Module, example: tuple[Tensor, ...], names: GraphNames, axes: tuple[object, ...]
) -> onnx.ModelProto:
    """The float32 graph of a module whose inputs and outputs are flat, weights inside.

    Args:
        example: an input for each name. The tracer freezes axes of size 1, takes equal sizes for
            one axis, and a tensor that is passed twice for one input: so none of them may occur
            where an axis is dynamic.
        axes: of each input, which axes are dynamic and what they are called; nested as the inputs.
    """
    check_fits(module, f"the {type(module).__name__}")
    with silenced():
        program = torch.onnx.export(
            module.eval(),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(names.inputs),
            output_names=list(names.outputs),
            dynamic_shapes=axes,
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program when dynamo=True"
    graph = program.model_proto
    for name, default in names.optional.items():
        # An initializer of an input's name is its default, which a caller may override.
        graph.graph.initializer.append(numpy_helper.from_array(default, name))
        (given,) = (value for value in graph.graph.input if value.name == name)
        given.type.tensor_type.shape.dim[0].dim_param = str(names.inputs[name][0])
    strip_traces(graph)
    return graph


def strip_traces(model: onnx.ModelProto) -> None:
    """Removes what the tracer notes for debugging: stack traces, with the paths of this machine."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
        value.doc_string = ""
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    del model.graph.metadata_props[:]
    # Shapes between the nodes are inferred by every runtime; the tracer's use a wrong head axis.
    del model.graph.value_info[:]
