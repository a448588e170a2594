"""The encoder's graph, with the classifier where there is one: what goes in, what comes out.

The names stand in `names.py`, the layers in `encoder_layers.py`.
"""

from collections.abc import Iterable
from typing import cast

import onnx
import torch
from jaxtyping import Int
from torch import Tensor, nn

from export.graphs.encoder_layers import SequenceFirstLayer, make_padding
from export.graphs.names import GraphNames, classifier_names
from export.graphs.tracing import trace
from training.model.classifier import BERTClassifier
from training.model.encoder import BERTEncoder, TransformerEncoderLayer

EncoderModel = BERTClassifier | BERTEncoder
"""What `model.onnx` is made of; an encoder alone feeds a decoder and has no logits."""


def encoder_of(model: EncoderModel) -> BERTEncoder:
    """The encoder of a classifier, or the encoder itself."""
    return model.encoder if isinstance(model, BERTClassifier) else model


def encoder_names(model: EncoderModel) -> GraphNames:
    """The names of the model's graph."""
    labels = len(model.config.labels) if isinstance(model, BERTClassifier) else None
    return classifier_names(encoder_of(model).config, labels)


class EncoderGraph(nn.Module):
    """An encoder or classifier that answers in one flat tuple, as a graph does."""

    def __init__(self, model: EncoderModel) -> None:
        super().__init__()
        self.model = model
        layers = cast(Iterable[TransformerEncoderLayer], encoder_of(model).layers)
        self.layers = nn.ModuleList(SequenceFirstLayer(layer) for layer in layers)

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"],
        *others: Tensor,
    ) -> tuple[Tensor, ...]:
        """The outputs that `encoder_names` lists, in its order.

        Args:
            others: `token_type_ids`, of the axes of `input_ids`, where the model has segments; and
                `head_mask`, of the axes (batch or 1, layers, heads).
        """
        *segments, head_mask = others
        model = self.model
        hidden = encoder_of(model).embeddings(input_ids, segments[0] if segments else None)
        hidden = hidden.transpose(0, 1)
        head_masks = head_mask[..., None, None].unbind(1)
        padding = make_padding(attention_mask, encoder_of(model).config)
        maps, norms = [], []
        for layer, mask in zip(self.layers, head_masks, strict=True):
            hidden, weights, value_norms = layer(hidden, padding, mask)
            maps.append(weights)
            norms.append(value_norms)
        hidden = hidden.transpose(0, 1)
        logits = (model.logits(hidden),) if isinstance(model, BERTClassifier) else ()
        return (*logits, hidden, *maps, *norms)


def trace_encoder(model: EncoderModel) -> onnx.ModelProto:
    """The float32 graph of an encoder or classifier; batch and sequence dynamic, weights inside."""
    config = encoder_of(model).config
    names = encoder_names(model)
    texts = torch.zeros(len(names.inputs) - 1, 2, 5, dtype=torch.int64).unbind()
    # One row, which is broadcast: the size of the batch must be read from the texts alone, since a
    # mask of one row serves a batch of any size.
    heads = torch.ones(1, config.num_hidden_layers, config.num_attention_heads)
    batch = torch.export.Dim("batch")
    sequence = torch.export.Dim("sequence", max=config.max_position_embeddings)
    text = {0: batch, 1: sequence}
    others = (*[text for _ in texts[2:]], {})
    return trace(EncoderGraph(model), (*texts, heads), names, (text, text, others))
