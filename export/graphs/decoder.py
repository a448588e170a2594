"""The decoder's graph: the first step and every cached one in a single graph, without an `If`.

The keys and values of the source are cached like those of the target. At the first step their past
has length 0 and the whole source is projected; later it is as long as the source, no row is left to
project, and the products over zero rows cost nothing. So one graph with one set of weights serves
both, where other exporters write two and merge them under a condition.
"""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from export.graphs.names import decoder_names
from export.graphs.tracing import trace
from training.model.attention import KeyValue, MultiHeadAttention, value_norms
from training.model.decoder import GPTDecoder, LayerCache, Source, TransformerDecoderLayer


def self_attentions(decoder: GPTDecoder) -> list[MultiHeadAttention]:
    """The attention of each layer to the target, from the first to the last."""
    return [layer.attention for layer in _layers(decoder)]


def cross_attentions(decoder: GPTDecoder) -> list[MultiHeadAttention]:
    """The attention of each layer to the source, from the first to the last."""
    return [layer.cross_attention for layer in _layers(decoder)]


def source_width(decoder: GPTDecoder, bridge: nn.Linear | None) -> int:
    """How wide the hidden states are that a decoder is given, in front of its bridge."""
    return bridge.in_features if bridge else decoder.config.hidden_size


def _layers(decoder: GPTDecoder) -> list[TransformerDecoderLayer]:
    return [layer for layer in decoder.layers if isinstance(layer, TransformerDecoderLayer)]


class DecoderGraph(nn.Module):
    """A decoder, and the bridge in front of it, that takes and gives flat tuples."""

    def __init__(self, decoder: GPTDecoder, bridge: nn.Linear | None = None) -> None:
        super().__init__()
        self.decoder = decoder
        self.bridge = bridge
        for i, attention in enumerate(cross_attentions(decoder)):
            self.register_buffer(f"gram_{i}", attention.value_gram().detach())

    def forward(
        self,
        input_ids: Tensor,
        encoder_attention_mask: Tensor,
        encoder_hidden_states: Tensor,
        *past_and_masks: Tensor,
    ) -> tuple[Tensor, ...]:
        """Shapes and order: see `names.py` and the table in export/README.md."""
        *past, head_mask, cross_head_mask = past_and_masks
        hidden = encoder_hidden_states
        if self.bridge is not None:
            # As in the layers, what they have cached is not projected again; they skip those rows.
            read = past[2].shape[2]
            hidden = nn.functional.pad(self.bridge(hidden[:, read:]), (0, 0, read, 0))
        source = Source(hidden, encoder_attention_mask.bool())
        layers = tuple(
            LayerCache(KeyValue(*past[i : i + 2]), KeyValue(*past[i + 2 : i + 4]))
            for i in range(0, len(past), 4)  # key and value of the target, then of the source
        )
        result = self.decoder(input_ids, source, layers, head_mask, cross_head_mask)
        sources = [layer.source for layer in result.past]
        norms = (
            value_norms(read.values, self.get_buffer(f"gram_{i}")) for i, read in enumerate(sources)
        )
        present = (
            tensor
            for layer in result.past
            for read in (layer.target, layer.source)
            for tensor in read
        )
        logits = self.decoder.logits(result.hidden)
        return (logits, *present, *result.weights, *result.cross_weights, *norms)


def trace_decoder(decoder: GPTDecoder, bridge: nn.Linear | None = None) -> onnx.ModelProto:
    """The float32 graph of a decoder that reads a source; every length is dynamic."""
    config = decoder.config
    width = source_width(decoder, bridge)
    heads, depth = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    batch = torch.export.Dim("batch")
    target = torch.export.Dim("target", max=config.max_position_embeddings)
    source = torch.export.Dim("source")
    past = torch.export.Dim("past", max=config.max_position_embeddings)
    read = torch.export.Dim("encoder_past")
    example = [
        torch.zeros(2, 3, dtype=torch.int64),
        torch.ones(2, 11, dtype=torch.int64),
        torch.zeros(2, 11, width),
    ]
    axes: list[dict[int, torch.export.Dim]] = [
        {0: batch, 1: target}, {0: batch, 1: source}, {0: batch, 1: source}
    ]  # fmt: skip
    for _ in range(config.num_hidden_layers):
        for length, axis in ((5, past), (5, past), (7, read), (7, read)):
            example.append(torch.zeros(2, heads, length, depth))
            axes.append({0: batch, 2: axis})
    for _ in range(2):
        example.append(torch.ones(2, config.num_hidden_layers, heads))
        axes.append({0: batch})
    names = decoder_names(config, width)
    graph = trace(
        DecoderGraph(decoder, bridge), tuple(example), names, (*axes[:3], tuple(axes[3:]))
    )
    for axis in (dim for out in graph.graph.output for dim in out.type.tensor_type.shape.dim):
        if "encoder_past" in axis.dim_param:  # past + unread: the source's length in every step
            axis.dim_param = "source"
    _store_table_once(graph)
    return graph


def _store_table_once(model: onnx.ModelProto) -> None:
    """Lets the word embeddings read the head's matrix, (hidden, vocabulary), by columns.

    The two are tied in the model. The tracer stores a small table twice, as it is and turned; a
    large one once, and turns it in every run.
    """
    graph = model.graph
    (lookup,) = (n for n in graph.node if n.op_type == "Gather" and n.input[1] == "input_ids")
    (head,) = (n for n in graph.node if n.output[0] == "logits")
    stored = {tensor.name: tensor for tensor in graph.initializer}
    table, turned = stored[lookup.input[0]], head.input[1]
    columns = np.ascontiguousarray(numpy_helper.to_array(table).T)
    if turned in stored:
        tied = np.array_equal(columns, numpy_helper.to_array(stored[turned]))
        assert tied, "the head is not tied to the word embeddings"
    else:
        (turn,) = (n for n in graph.node if n.output[0] == turned)
        assert (turn.op_type, turn.input[0]) == ("Transpose", table.name), "the head is not tied"
        graph.node.remove(turn)
        graph.initializer.append(numpy_helper.from_array(columns, turned))
    graph.initializer.remove(table)
    found = f"{lookup.output[0]}.columns"
    position = list(graph.node).index(lookup)
    by_column = helper.make_node("Gather", [turned, "input_ids"], [found], axis=1)
    turn_back = helper.make_node("Transpose", [found], [lookup.output[0]], perm=[1, 2, 0])
    graph.node.remove(lookup)
    graph.node.insert(position, by_column)
    graph.node.insert(position + 1, turn_back)
