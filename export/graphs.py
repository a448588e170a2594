"""The graph of an encoder-classifier: what goes in, what comes out, and how torch traces it.

The names, their order and their axes stand here and nowhere else; the verification and the
quantiser take them from the graph itself.
"""

from dataclasses import dataclass

import numpy as np
import onnx
import torch
from jaxtyping import Float, Int
from onnx import numpy_helper
from torch import Tensor, nn

from export.quiet import quiet
from training.model.attention import value_norms
from training.model.classifier import BERTClassifier

OPSET = 20
"""The newest set that onnxruntime, onnxruntime-web, OpenVINO and the reference evaluator share;
LayerNormalization and Gelu are operators of their own in it."""


@dataclass(frozen=True, kw_only=True)
class GraphNames:
    """A graph's inputs and outputs in order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def classifier_names(layers: int) -> GraphNames:
    """The names of `model.onnx`. transformers.js finds maps by the prefix `encoder_attentions`."""
    return GraphNames(
        inputs=("input_ids", "attention_mask", "token_type_ids", "head_mask"),
        outputs=(
            "logits",
            "last_hidden_state",
            *(f"encoder_attentions.{i}" for i in range(layers)),
            *(f"encoder_value_norms.{i}" for i in range(layers)),
        ),
    )


class ClassifierGraph(nn.Module):
    """A classifier that answers in one flat tuple, as a graph does: see `classifier_names`."""

    def __init__(self, model: BERTClassifier) -> None:
        super().__init__()
        self.model = model
        # Made here once: inside `forward` they would be computed again at every run of the graph.
        for i, attention in enumerate(model.encoder.attentions()):
            self.register_buffer(f"gram_{i}", attention.value_gram().detach())

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"],
        token_type_ids: Int[Tensor, "batch tokens"],
        head_mask: Float[Tensor, "#batch layers heads"],
    ) -> tuple[Tensor, ...]:
        """Logits, last hidden state, one map for each layer, one row of value norms for each."""
        result = self.model(input_ids, attention_mask.bool(), token_type_ids, head_mask)
        norms = (
            value_norms(values, self.get_buffer(f"gram_{i}"))
            for i, values in enumerate(result.values)
        )
        return (result.logits, result.hidden, *result.weights, *norms)


def trace_classifier(model: BERTClassifier) -> onnx.ModelProto:
    """The float32 graph of a classifier, batch and sequence dynamic, weights inside."""
    config = model.config.encoder
    names = classifier_names(config.num_hidden_layers)
    # The tracer freezes axes of size 1, takes equal sizes for one axis, and one tensor that is
    # passed twice for one input.
    tokens, mask, segments = torch.zeros(3, 2, 5, dtype=torch.int64).unbind()
    heads = torch.ones(2, config.num_hidden_layers, config.num_attention_heads)
    batch = torch.export.Dim("batch")
    sequence = torch.export.Dim("sequence", max=config.max_position_embeddings)
    text = {0: batch, 1: sequence}
    with quiet():
        program = torch.onnx.export(
            ClassifierGraph(model).eval(),
            (tokens, mask, segments, heads),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(names.inputs),
            output_names=list(names.outputs),
            dynamic_shapes=(text, text, text, {0: batch}),
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program when dynamo=True"
    graph = program.model_proto
    _make_optional(graph, "head_mask", np.ones((1, *heads.shape[1:]), np.float32))
    _strip_traces(graph)
    return graph


def _make_optional(model: onnx.ModelProto, name: str, default: np.ndarray) -> None:
    """Gives an input a default: an initializer of its name, which a caller may override.

    Its first axis gets a name of its own, since a mask of one row serves a batch of any size.
    """
    model.graph.initializer.append(numpy_helper.from_array(default, name))
    (given,) = (value for value in model.graph.input if value.name == name)
    given.type.tensor_type.shape.dim[0].dim_param = f"{name}_batch"


def _strip_traces(model: onnx.ModelProto) -> None:
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
