"""Opens a graph: every map comes out, every head can be switched off, value norms come out.

Counts come first: as many blocks, and each of as many heads, as the config says. Nothing is opened
of a graph that has one less, for whoever reads its maps would take one layer's for another's.
"""

from typing import Any

import onnx
import onnx_ir as ir

from export.any_model.blocks import Block, find_blocks
from export.any_model.layout import Layout, make_probe, understand, values_seen
from export.any_model.lowering import lower_einsum, lower_gemm, store_once, tie_table, turn_matrices
from export.any_model.refusal import Refusal
from export.any_model.surgery import Surgeon, declare, name_axes
from export.any_model.tracing import trace_model
from export.graphs.names import GraphNames
from export.graphs.spec import EncoderSpec
from export.graphs.tracing import strip_traces


def make_graph(model: Any, spec: EncoderSpec, names: GraphNames) -> onnx.ModelProto:
    """The float32 graph of a model of `transformers`, opened: one file, any number and length.

    Args:
        names: what goes into it and comes out of it.

    Raises:
        Refusal: it cannot be traced or opened; the sentence says what stands where.
    """
    traced = trace_model(model, spec, names)
    lower_einsum(traced)
    hidden = next(value for value in traced.graph.outputs if value.name == "last_hidden_state")
    lower_gemm(traced, hidden)
    turn_matrices(traced)
    store_once(traced)
    tie_table(traced)
    open_encoder(traced, spec, names)
    graph = ir.to_proto(traced)
    strip_traces(graph)
    return graph


def open_encoder(model: ir.Model, spec: EncoderSpec, names: GraphNames) -> list[Block]:
    """Opens every block of an encoder's graph, in place, and names its axes.

    Args:
        names: what goes in and comes out of the finished graph. The model has its texts' inputs
            and its answers, in that order, and gains the rest.

    Raises:
        Refusal: the graph is not that of `num_hidden_layers` layers of self-attention.
    """
    blocks = find_blocks(model.graph)
    _check_count(blocks, spec)
    probe = make_probe(spec)
    batch, tokens = probe["input_ids"].shape
    wanted = [value for block in blocks for value in block.path]
    seen = values_seen(model, [*wanted, *model.graph.outputs], probe)
    layouts = [understand(block, seen, batch) for block in blocks]
    _check_maps(blocks, layouts, spec, tokens)
    lengths = {"batch": batch, "sequence": tokens}
    name_axes(model, seen, names, lengths, f"{batch} texts of {tokens} tokens")
    surgeon = Surgeon(model.graph)
    mask = surgeon.add_default("head_mask", names)
    makers = {"encoder_attentions": surgeon.show_map, "encoder_value_norms": surgeon.add_norms}
    for kind, make in makers.items():
        for layer, (block, layout) in enumerate(zip(blocks, layouts, strict=True)):
            name = f"{kind}.{layer}"
            value = make(block, layout, name)
            declare(value, names.outputs[name])
            model.graph.outputs.append(value)
    for layer, layout in enumerate(layouts):
        surgeon.add_mask(layout, mask, layer)
    model.graph.sort()
    return blocks


def _check_count(blocks: list[Block], spec: EncoderSpec) -> None:
    wanted = spec.num_hidden_layers
    if len(blocks) == wanted:
        return
    places = ", ".join(block.place for block in blocks[:3]) or "none"
    more = f" and {len(blocks) - 3} more" if len(blocks) > 3 else ""
    raise Refusal(
        f"{len(blocks)} attention blocks (a softmax times values, through a projection) are in its "
        f"graph, and its config has {wanted} layers: found at {places}{more}"
    )


def _check_maps(blocks: list[Block], layouts: list[Layout], spec: EncoderSpec, tokens: int) -> None:
    """Each layer has the config's heads, and attends from every token to every token."""
    for block, layout in zip(blocks, layouts, strict=True):
        if layout.heads != spec.num_attention_heads:
            raise Refusal(
                f"{block.place}: {layout.heads} heads are in its graph, its config has "
                f"{spec.num_attention_heads}"
            )
        if (layout.queries, layout.keys) != (tokens, tokens):
            raise Refusal(
                f"{block.place}: its map is {layout.queries} x {layout.keys} for {tokens} tokens, "
                "so its rows and columns are not the text's tokens"
            )
