"""What the encoder's graph is timed beside: the same weights in other runtimes and arrangements.

`transformers`, in eager mode and as its own sdpa export; OpenVINO; and onnxruntime's own attention
operator, which gives no maps. `com.microsoft.Attention` projects, splits the heads, masks, takes
the softmax and adds up in one operator. It is what onnxruntime's optimiser makes of a BERT, and the
fastest that it runs on a processor: what maps cost is measured against it. See onnxruntime's
`docs/ContribOperators.md`.

And the least time that a graph can take on this machine: its matrix products at the full rate. The
products are read from the graph, with the shapes that they have for a text of so many tokens. The
rate is what the machine reaches on large square matrices, in torch or in numpy, whichever is
faster: no runtime comes near it on the small ones of a short text.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from export.graphs.encoder import encoder_names
from export.graphs.names import GraphNames
from export.graphs.tracing import OPSET, silenced, trace
from export.runtime.session import THREADS
from export.runtime.timing import median_time
from training.model.classifier import BERTClassifier
from training.model.encoder import TransformerEncoderLayer


def time_torch(folder: Path, lengths: Sequence[int]) -> dict[int, float]:
    """Milliseconds in eager mode with `output_attentions`, as in notebooks, by length."""
    torch.set_num_threads(THREADS)
    with silenced():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="eager"
        ).eval()
    medians = {}
    with torch.no_grad():
        for length in lengths:
            text = {
                "input_ids": torch.ones(1, length, dtype=torch.long),
                "attention_mask": torch.ones(1, length, dtype=torch.long),
            }
            found = model(**text, output_attentions=True)
            assert len(found.attentions) == model.config.num_hidden_layers, "no maps, no comparison"
            medians[length] = median_time(partial(model, **text, output_attentions=True))
    return medians


def trace_without_maps(folder: Path) -> onnx.ModelProto:
    """The same weights as other exporters write them: `transformers` with sdpa, logits alone."""
    with silenced():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="sdpa"
        ).eval()
        limit = model.config.max_position_embeddings
        batch, sequence = torch.export.Dim("batch"), torch.export.Dim("sequence", max=limit)
        ids, mask, segments = torch.zeros(3, 2, 5, dtype=torch.int64).unbind()
        program = torch.onnx.export(
            model,
            kwargs={"input_ids": ids, "attention_mask": mask + 1, "token_type_ids": segments},
            dynamo=True,
            opset_version=OPSET,
            output_names=["logits"],
            dynamic_shapes={
                name: {0: batch, 1: sequence}
                for name in ("input_ids", "attention_mask", "token_type_ids")
            },
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program when dynamo=True"
    return program.model_proto


def time_openvino(graph: Path, lengths: Sequence[int], *, precision: str) -> dict[int, float]:
    """Milliseconds of a text of each length through a graph of an encoder.

    Args:
        precision: `f32` or `bf16`; what it computes in. OpenVINO takes bf16 by itself where the
            processor has it.
    """
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": THREADS,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(graph, "CPU", settings)
    request = compiled.create_infer_request()

    def encoder_run(tokens: int) -> Callable[[], object]:
        """One run over a text of so many tokens."""
        feed = {}
        for given in compiled.inputs:
            name, axes = given.get_any_name(), list(given.get_partial_shape())
            # Those of `head_mask` are fixed behind the first; onnxruntime needs no such input.
            fixed = [axis.get_length() for axis in axes[1:] if axis.is_static]
            shape, kind = ((1, *fixed), np.float32) if fixed else ((1, tokens), np.int64)
            feed[name] = np.full(shape, 0 if name == "token_type_ids" else 1, kind)
        # Neither what goes in nor what comes out is copied: OpenVINO at its best.
        return partial(request.infer, feed, share_inputs=True, share_outputs=True)

    return {length: median_time(encoder_run(length)) for length in lengths}


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


def operations(graph: onnx.ModelProto, tokens: int) -> int:
    """Multiplications and additions of a float32 graph's products, for one text of so many tokens.

    Raises:
        ValueError: a shape does not follow from the inputs' shapes.
    """
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    for value in model.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if name := axis.dim_param:
                axis.dim_value = tokens if name == "sequence" else 1
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
    products = (node for node in inferred.node if node.op_type in ("MatMul", "Gemm"))
    return sum(_operations_of(node, shapes) for node in products)


def _operations_of(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> int:
    left, result = shapes.get(node.input[0], []), shapes.get(node.output[0], [])
    if not (left and result and all(left) and all(result)):
        raise ValueError(f"{node.op_type} {node.name}: its shapes do not follow from the inputs'")
    flags = {attribute.name: attribute.i for attribute in node.attribute}
    return 2 * math.prod(result) * (left[-2] if flags.get("transA") else left[-1])


def full_rate() -> float:
    """Operations a second of products of two square float32 matrices, on all threads."""
    size = 1024  # large enough for the full rate, small enough to stay in the caches
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
