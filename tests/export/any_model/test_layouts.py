"""Attention in every arrangement, without any model of `transformers`: opened rightly, or refused.

Each is one layer of a few lines, traced the old way, which takes a fraction of a second.
"""

import io
import math
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from torch import Tensor, nn

from export.any_model.lowering import lower_einsum
from export.any_model.opening import open_encoder
from export.any_model.refusal import Refusal
from export.graphs.names import reading_names
from export.graphs.spec import EncoderSpec
from export.runtime.session import open_session, run

HEADS, DEPTH, WIDTH, WORDS = 5, 8, 48, 30
SPEC = EncoderSpec(
    model_type="none",
    vocab_size=WORDS,
    hidden_size=WIDTH,
    num_hidden_layers=1,
    num_attention_heads=HEADS,
    max_position_embeddings=40,
)
LOW = -1e4


class Layer(nn.Module):
    """One layer of self-attention, its heads arranged by `join`."""

    def __init__(self, join: Callable[..., Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.join = join
        self.words = nn.Embedding(WORDS, WIDTH)
        self.query, self.key, self.value = (nn.Linear(WIDTH, HEADS * DEPTH) for _ in range(3))
        self.project = nn.Linear(HEADS * DEPTH, WIDTH)
        self.gate, self.norm = nn.Linear(WIDTH, HEADS * DEPTH), nn.LayerNorm(HEADS * DEPTH)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.words(input_ids)
        heads = [
            made(hidden).unflatten(-1, (HEADS, DEPTH)).transpose(1, 2)
            for made in (self.query, self.key, self.value)
        ]
        hides = (1.0 - attention_mask.float())[:, None, None] * LOW
        return self.join(self, hidden, *heads, hides)


def weights(query: Tensor, key: Tensor, hides: Tensor) -> Tensor:
    return (query @ key.transpose(-1, -2) / math.sqrt(DEPTH) + hides).softmax(dim=-1)


def plain(layer: Layer, hidden: Tensor, query: Tensor, key: Tensor, value: Tensor, hides: Tensor):
    return layer.project((weights(query, key, hides) @ value).transpose(1, 2).flatten(2))


def channel_by_channel(layer, hidden, query, key, value, hides):
    return layer.project((weights(query, key, hides) @ value).permute(0, 2, 3, 1).flatten(2))


def in_groups(layer, hidden, query, key, value, hides):
    query, key, value = (part.unsqueeze(2) for part in (query, key, value))
    context = weights(query, key, hides[:, None]) @ value
    return layer.project(context.squeeze(2).transpose(1, 2).flatten(2))


def tokens_first(layer, hidden, query, key, value, hides):
    context = (weights(query, key, hides) @ value).permute(2, 0, 1, 3).flatten(2)
    return layer.project(context).transpose(0, 1)


def one_for_all_heads(layer, hidden, query, key, value, hides):
    return layer.project((weights(query, key, hides) @ value[:, :1]).transpose(1, 2).flatten(2))


def as_einsum(layer, hidden, query, key, value, hides):
    context = torch.einsum("bhqk,bhkd->bhqd", weights(query, key, hides), value)
    return layer.project(context.transpose(1, 2).flatten(2))


def in_one_axis(layer, hidden, query, key, value, hides):
    batch, tokens = hidden.shape[:2]
    query, key, value = (part.flatten(0, 1) for part in (query, key, value))
    hides = hides.expand(batch, HEADS, 1, tokens).reshape(batch * HEADS, 1, tokens)
    context = (weights(query, key, hides) @ value).reshape(batch, HEADS, tokens, DEPTH)
    return layer.project(context.transpose(1, 2).flatten(2))


def heads_before_texts(layer, hidden, query, key, value, hides):
    batch, tokens = hidden.shape[:2]
    query, key, value = (part.transpose(0, 1).flatten(0, 1) for part in (query, key, value))
    hides = hides.expand(batch, HEADS, 1, tokens).transpose(0, 1).reshape(-1, 1, tokens)
    context = (weights(query, key, hides) @ value).reshape(HEADS, batch, tokens, DEPTH)
    return layer.project(context.permute(1, 2, 0, 3).flatten(2))


def nothing_for_padding(layer, hidden, query, key, value, hides):
    found = weights(query, key, hides) * (hides == 0)
    return layer.project((found @ value).transpose(1, 2).flatten(2))


def gated(layer, hidden, query, key, value, hides):
    context = (weights(query, key, hides) @ value).transpose(1, 2).flatten(2)
    return layer.project(context * layer.gate(hidden).sigmoid())


def normed(layer, hidden, query, key, value, hides):
    return layer.project(
        layer.norm((weights(query, key, hides) @ value).transpose(1, 2).flatten(2))
    )


def joined(layer, hidden, query, key, value, hides):
    context = (weights(query, key, hides) @ value).transpose(1, 2).flatten(2)
    return layer.project(torch.cat([context[..., :20], layer.gate(hidden)[..., 20:]], dim=-1))


def read_twice(layer, hidden, query, key, value, hides):
    context = (weights(query, key, hides) @ value).transpose(1, 2).flatten(2)
    return layer.project(context) + context.sum(dim=-1, keepdim=True)


def two_products(layer, hidden, query, key, value, hides):
    found = weights(query, key, hides)
    return layer.project((found @ value + found @ query).transpose(1, 2).flatten(2))


def without_projection(layer, hidden, query, key, value, hides):
    context = (weights(query, key, hides) @ value).transpose(1, 2).flatten(2)
    return hidden + context.mean(dim=-1, keepdim=True)


def of_one_length(layer, hidden, query, key, value, hides):
    return plain(layer, hidden, query, key, value, hides) + torch.ones(1, int(hidden.shape[1]), 1)


def traced(layer: Layer) -> ir.Model:
    """The layer's graph, of any number and length of texts."""
    written, text = io.BytesIO(), torch.ones(2, 7, dtype=torch.int64)
    inputs, outputs = ["input_ids", "attention_mask"], ["last_hidden_state"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            *(layer.eval(), (text, text), written),
            dynamo=False,
            opset_version=20,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "batch", 1: "sequence"} for name in (*inputs, *outputs)},
        )
    model = ir.from_proto(onnx.load(io.BytesIO(written.getvalue())))
    lower_einsum(model)
    return model


@pytest.mark.parametrize(
    "join",
    [
        *(plain, channel_by_channel, in_groups, tokens_first, one_for_all_heads, as_einsum),
        *(in_one_axis, nothing_for_padding),
    ],
)
def test_a_layer_is_opened_however_its_heads_are_arranged(join: Callable[..., Tensor]) -> None:
    layer = Layer(join)
    model = traced(layer)
    open_encoder(model, SPEC, reading_names(SPEC, {}))
    proto = ir.to_proto(model)
    del proto.graph.value_info[:]
    onnx.checker.check_model(proto, full_check=True)
    random = np.random.default_rng(1)
    feed = {"input_ids": random.integers(0, WORDS, (2, 9)), "attention_mask": np.ones((2, 9), int)}
    feed["attention_mask"][1, 6:] = 0
    mask = np.ones((2, 1, HEADS), np.float32)
    mask[1, 0, 3] = 0

    session = open_session(proto)
    found, without = run(session, feed), run(session, {**feed, "head_mask": mask})

    with torch.no_grad():
        ids, real = (torch.from_numpy(feed[name]) for name in ("input_ids", "attention_mask"))
        expected = layer(ids, real)
        hidden = layer.words(ids)
        query, key, value = (
            made(hidden).unflatten(-1, (HEADS, DEPTH)).transpose(1, 2)
            for made in (layer.query, layer.key, layer.value)
        )
        value = value[:, :1].expand(-1, HEADS, -1, -1) if join is one_for_all_heads else value
        columns = torch.arange(HEADS * DEPTH).reshape(HEADS, DEPTH)
        if join is channel_by_channel:
            columns = torch.arange(HEADS * DEPTH).reshape(DEPTH, HEADS).T
        slices = layer.project.weight.T[columns]
        norms = torch.einsum("bhkd,hdo->bhko", value, slices).norm(dim=-1)
        maps = weights(query, key, (1.0 - real.float())[:, None, None] * LOW)
        layer.project.weight[:, columns[3]] = 0
        removed = layer(ids, real)
    near = {"atol": 1e-5}
    np.testing.assert_allclose(found["last_hidden_state"], expected, **near)
    np.testing.assert_allclose(found["encoder_attentions.0"], maps, **near)
    np.testing.assert_allclose(found["encoder_value_norms.0"], norms, **near)
    np.testing.assert_allclose(without["last_hidden_state"][1], removed[1], **near)
    np.testing.assert_array_equal(without["last_hidden_state"][0], found["last_hidden_state"][0])


@pytest.mark.parametrize(
    ("join", "expected"),
    [
        (heads_before_texts, "columns that the output projection reads are not 5 heads of 8"),
        (gated, "between the heads and their output projection stands a Mul"),
        (normed, "between the heads and their output projection stands a LayerNormalization"),
        (joined, "between the heads and their output projection stands a Slice"),
        (read_twice, r"is read 2 times \(by (MatMul, ReduceSum|ReduceSum, MatMul)\)"),
        (two_products, "its map is multiplied with values 2 times"),
        (without_projection, "between the heads and their output projection stands a ReduceMean"),
        (of_one_length, "its graph runs only on the lengths that it was traced with"),
    ],
)
def test_what_cannot_be_opened_is_refused_by_what_stands_where(
    join: Callable[..., Tensor], expected: str
) -> None:
    with pytest.raises(Refusal, match=expected):
        open_encoder(traced(Layer(join)), SPEC, reading_names(SPEC, {}))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"num_hidden_layers": 2}, r"1 attention blocks .* its config has 2 layers: found at"),
        ({"num_attention_heads": 4}, "5 heads are in its graph, its config has 4"),
    ],
)
def test_a_graph_that_does_not_have_what_its_config_counts_is_refused(
    changes: dict[str, int], expected: str
) -> None:
    spec = replace(SPEC, **changes)

    with pytest.raises(Refusal, match=expected):
        open_encoder(traced(Layer(plain)), spec, reading_names(spec, {}))
