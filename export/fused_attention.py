"""The same encoder with onnxruntime's own attention operator, which gives no maps.

`com.microsoft.Attention` projects, splits the heads, masks, takes the softmax and adds up in one
operator. It is what onnxruntime's optimiser makes of a BERT, and the fastest that it runs on a
processor: what maps cost is measured against it. See onnxruntime's `docs/ContribOperators.md`.
"""

from collections.abc import Iterable
from typing import cast

import onnx
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from export.encoder_graph import encoder_names
from export.graph_names import GraphNames
from export.tracing import trace
from training.model.classifier import BERTClassifier
from training.model.encoder import TransformerEncoderLayer


class FusedLayer(nn.Module):
    """A `TransformerEncoderLayer` around the operator; it runs in a graph, not in torch."""

    def __init__(self, layer: TransformerEncoderLayer) -> None:
        super().__init__()
        attention = layer.attention
        three = attention.query, attention.key, attention.value
        # The operator wants (in, out), the three side by side; a Linear stores (out, in).
        self.weight = nn.Parameter(torch.cat([one.weight.detach().T for one in three], dim=1))
        self.bias = nn.Parameter(torch.cat([one.bias.detach() for one in three]))
        self.num_heads = attention.num_heads
        self.project = attention.project
        self.attention_norm, self.feed_forward_norm = layer.attention_norm, layer.feed_forward_norm
        self.feed_forward = layer.feed_forward

    def forward(
        self, hidden: Float[Tensor, "batch tokens hidden"], mask: Int[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens hidden"]:
        """One layer's new hidden states; `mask` is int32, 1 for a real token."""
        context = torch.onnx.ops.symbolic(
            "com.microsoft::Attention",
            [hidden, self.weight, self.bias, mask],
            {"num_heads": self.num_heads},
            dtype=hidden.dtype,
            shape=hidden.shape,
            version=1,
        )
        hidden = self.attention_norm(hidden + self.project(context))
        return self.feed_forward_norm(hidden + self.feed_forward(hidden))


class FusedGraph(nn.Module):
    """A classifier that answers with its logits alone."""

    def __init__(self, model: BERTClassifier) -> None:
        super().__init__()
        self.model = model
        layers = cast(Iterable[TransformerEncoderLayer], model.encoder.layers)
        self.layers = nn.ModuleList(FusedLayer(layer) for layer in layers)

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"],
        *segments: Int[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch labels"]:
        """The logits; `segments` is `token_type_ids`, where the model has them."""
        hidden = self.model.encoder.embeddings(input_ids, segments[0] if segments else None)
        mask = attention_mask.to(torch.int32)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.model.logits(hidden)


def trace_fused(model: BERTClassifier) -> onnx.ModelProto:
    """The graph: the inputs of the encoder's without `head_mask`, of the outputs `logits` alone."""
    known = encoder_names(model)
    inputs = {name: axes for name, axes in known.inputs.items() if name not in known.optional}
    names = GraphNames(inputs=inputs, outputs={"logits": known.outputs["logits"]})
    texts = torch.zeros(len(inputs), 2, 5, dtype=torch.int64).unbind()
    limit = model.encoder.config.max_position_embeddings
    text = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=limit)}
    return trace(FusedGraph(model), texts, names, (text, text, (text,) * (len(texts) - 2)))
