"""The graph of an encoder-classifier: what goes in, what comes out.

The names, their order and their axes stand here and nowhere else; the verification and the
quantiser take them from the graph itself.
"""

import numpy as np
import onnx
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from export.tracing import GraphNames, trace
from training.model.attention import value_norms
from training.model.classifier import BERTClassifier
from training.model.config import EncoderConfig


def classifier_names(config: EncoderConfig) -> GraphNames:
    """The names of `model.onnx`. transformers.js finds maps by the prefix `encoder_attentions`."""
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    return GraphNames(
        inputs=("input_ids", "attention_mask", "token_type_ids", "head_mask"),
        outputs=(
            "logits",
            "last_hidden_state",
            *(f"encoder_attentions.{i}" for i in range(layers)),
            *(f"encoder_value_norms.{i}" for i in range(layers)),
        ),
        optional={"head_mask": np.ones((1, layers, heads), np.float32)},
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
    tokens, mask, segments = torch.zeros(3, 2, 5, dtype=torch.int64).unbind()
    heads = torch.ones(2, config.num_hidden_layers, config.num_attention_heads)
    batch = torch.export.Dim("batch")
    sequence = torch.export.Dim("sequence", max=config.max_position_embeddings)
    text = {0: batch, 1: sequence}
    return trace(
        ClassifierGraph(model),
        (tokens, mask, segments, heads),
        classifier_names(config),
        (text, text, text, {0: batch}),
    )
