"""The encoder's graph, with the classifier where there is one, as onnxruntime runs it fastest.

`training/model/attention.py` says what attention is, and stays the definition: the exporter proves
every output of a graph against it. Here the same weights are laid out for the graph:

* The hidden states are (tokens, batch, hidden). Split into heads they are what a matrix product of
  onnxruntime reads in place (`FusedMatMul`, transBatchA and transBatchB); with the batch in front,
  queries, keys and values would each be copied into another order first, in every layer.
* Queries, keys and values are one product: in 8 bit its input is then taken apart once, and the
  operators around it run once.
* The scale of the scores stands in the weights of the queries.
* The padding enters as one more column: of each query it is 1, of each key 0, or very low for
  padding. So the product of the two is masked already, and no pass over the whole map adds a mask.
* Keys have no bias: it adds the same number to all scores of a row, and the softmax takes it out.
* Padding gets exactly 0 by the softmax. Only a text of nothing but padding is left to be set to 0:
  one number for a text, in place of one for each key.
* The norms of the values take a root W = R^T Q^T of each head's slice of the output projection:
  |v W| = |v R^T|, one product and one `ReduceL2`.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple, cast

import onnx
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from export.graphs.names import GraphNames, classifier_names
from export.graphs.tracing import trace
from training.model.attention import MultiHeadAttention
from training.model.classifier import BERTClassifier
from training.model.config import EncoderConfig
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


LOW = -1e30
"""Added to the score of padding: exp() gives 0, and the number fits in bfloat16 as well."""


class Padding(NamedTuple):
    """What every layer must know about the padding, made once."""

    columns: Float[Tensor, "tokens batch heads_times_depth_and_1"]
    """What the keys get added: in the last column of each head `LOW` for padding, else zeros."""
    any_real: Float[Tensor, "batch 1 1 1"]
    """1 for a text, 0 for one of nothing but padding."""


class LayerOutputs(NamedTuple):
    """What `SequenceFirstLayer` returns."""

    hidden: Float[Tensor, "tokens batch hidden"]
    weights: Float[Tensor, "batch heads tokens tokens"]
    value_norms: Float[Tensor, "batch heads tokens"]


class SequenceFirstLayer(nn.Module):
    """A `TransformerEncoderLayer` on (tokens, batch, hidden), with its value norms."""

    def __init__(self, layer: TransformerEncoderLayer) -> None:
        super().__init__()
        attention, heads = layer.attention, layer.attention.num_heads
        scale = 1 / math.sqrt(attention.query.out_features / heads)
        self.num_heads = heads
        query = _widened(attention.query, heads, scale=scale, last=1.0)
        key = _widened(attention.key, heads, scale=1.0, last=0.0)
        nn.init.zeros_(key.bias)
        self.read = _side_by_side(query, key, attention.value)
        self.widths = [query.out_features, key.out_features, attention.value.out_features]
        self.project = attention.project
        self.register_buffer("root", value_root(attention)[None])
        self.attention_norm, self.feed_forward_norm = layer.attention_norm, layer.feed_forward_norm
        self.feed_forward = layer.feed_forward

    def forward(
        self,
        hidden: Float[Tensor, "tokens batch hidden"],
        padding: Padding,
        head_mask: Float[Tensor, "#batch heads 1 1"],
        score_bias: Float[Tensor, "1 heads tokens tokens"] | None,
    ) -> LayerOutputs:
        """One layer's new hidden states, its map and the norms of its values."""
        queries, keys, values = self.read(hidden).split(self.widths, dim=-1)
        queries, values = self._split_heads(queries), self._split_heads(values)
        keys = self._split_heads(keys + padding.columns)
        scores = queries @ keys.transpose(-1, -2)
        scores = scores if score_bias is None else scores + score_bias
        weights = scores.softmax(dim=-1) * padding.any_real
        context = (weights @ values) * head_mask  # (batch, heads, tokens, depth)
        context = context.permute(2, 0, 1, 3).flatten(2)  # (tokens, batch, hidden)
        hidden = self.attention_norm(hidden + self.project(context))
        hidden = self.feed_forward_norm(hidden + self.feed_forward(hidden))
        norms = torch.linalg.vector_norm(values @ self.get_buffer("root"), dim=-1)
        return LayerOutputs(hidden, weights, norms)

    def _split_heads(
        self, projected: Float[Tensor, "tokens batch heads_times_depth"]
    ) -> Float[Tensor, "batch heads tokens depth"]:
        return projected.unflatten(-1, (self.num_heads, -1)).permute(1, 2, 0, 3)


def make_padding(attention_mask: Int[Tensor, "batch tokens"], config: EncoderConfig) -> Padding:
    """What the layers need to know of an attention mask, which is 1 for a real token, else 0."""
    heads = config.num_attention_heads
    depth = config.hidden_size // heads
    last = torch.tensor([*[0.0] * depth, LOW]).repeat(heads)
    real = attention_mask.bool().to(last.dtype)
    any_real = real.amax(dim=1)[:, None, None, None]
    return Padding((1 - real.T)[:, :, None] * last, any_real)


def value_root(attention: MultiHeadAttention) -> Float[Tensor, "heads depth depth"]:
    """R^T of each head's slice W of the output projection: |v W| = |v R^T| for every v."""
    # A Linear stores (out, in): its columns are W^T, (hidden, depth) for each head.
    slices = attention.project.weight.detach().unflatten(1, (attention.num_heads, -1))
    root = torch.linalg.qr(slices.transpose(0, 1), mode="r").R  # W^T = Q R
    return root.transpose(-1, -2).contiguous()


def _widened(linear: nn.Linear, heads: int, *, scale: float, last: float) -> nn.Linear:
    """The same projection times `scale`, and behind the columns of each head a constant one."""
    weight = linear.weight.detach().unflatten(0, (heads, -1)) * scale  # (heads, depth, hidden)
    bias = linear.bias.detach().unflatten(0, (heads, -1)) * scale
    weight = torch.cat([weight, torch.zeros_like(weight[:, :1])], dim=1).flatten(0, 1)
    bias = torch.cat([bias, torch.full_like(bias[:, :1], last)], dim=1).flatten()
    wide = nn.Linear(*weight.T.shape)
    wide.weight, wide.bias = nn.Parameter(weight), nn.Parameter(bias)
    return wide


def _side_by_side(*linears: nn.Linear) -> nn.Linear:
    """One projection whose columns are those of all."""
    weight = torch.cat([linear.weight.detach() for linear in linears])
    wide = nn.Linear(*weight.T.shape)
    wide.weight = nn.Parameter(weight)
    wide.bias = nn.Parameter(torch.cat([linear.bias.detach() for linear in linears]))
    return wide


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
        model, encoder = self.model, encoder_of(self.model)
        hidden = encoder.embeddings(input_ids, segments[0] if segments else None)
        hidden = hidden.transpose(0, 1)
        head_masks = head_mask[..., None, None].unbind(1)
        padding = make_padding(attention_mask, encoder.config)
        by_distance = encoder.distance_bias
        bias = None if by_distance is None else by_distance(input_ids)
        maps, norms = [], []
        for layer, mask in zip(self.layers, head_masks, strict=True):
            hidden, weights, value_norms = layer(hidden, padding, mask, bias)
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
