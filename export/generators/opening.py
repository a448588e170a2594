"""Opens a decoder's graph, as `any_model.opening` an encoder's: maps, head masks, value norms.

Which attention is to the target and which to the source is told by how many keys it has, on a probe
whose lengths are all distinct.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from export.any_model.blocks import Block, constant_of, find_blocks
from export.any_model.layout import Layout, understand, values_seen
from export.any_model.lowering import lower_einsum, lower_gemm, store_once, tie_table, turn_matrices
from export.any_model.refusal import Refusal
from export.any_model.surgery import Surgeon, declare, name_axes
from export.generators.tracing import trace_decoder
from export.graphs.names import GraphNames, names_of_decoder
from export.graphs.spec import DecoderSpec
from export.graphs.tracing import strip_traces

_KINDS = {
    "decoder": ("decoder_attentions", "decoder_value_norms", "head_mask"),
    "cross": ("cross_attentions", "cross_value_norms", "cross_head_mask"),
}
"""What is attended to -> what its maps, norms and mask are called."""


def make_decoder_graph(model: Any, spec: DecoderSpec) -> onnx.ModelProto:
    """The float32 graph of a model's decoder, opened: one file, any number and length.

    Args:
        model: of `transformers`, whole: with the encoder where there is one.

    Raises:
        Refusal: it cannot be traced or opened; the sentence says what stands where.
    """
    traced = trace_decoder(model, spec)
    lower_einsum(traced)
    lower_gemm(traced, traced.graph.outputs[0])
    turn_matrices(traced)
    store_once(traced)
    tie_table(traced)
    settle_views(traced)
    open_decoder(traced, spec)
    graph = ir.to_proto(traced)
    strip_traces(graph)
    return graph


def open_decoder(model: ir.Model, spec: DecoderSpec) -> None:
    """Opens every block of a decoder's graph, in place, and names its axes.

    Raises:
        Refusal: the graph is not that of `num_hidden_layers` layers, each with one attention of
            each kind.
    """
    names, blocks = names_of_decoder(spec), find_blocks(model.graph)
    lengths = probe_lengths(spec)
    probe = make_probe(spec, names, lengths)
    wanted = [value for block in blocks for value in block.path]
    seen = values_seen(model, [*wanted, *model.graph.outputs], probe)
    layouts = [understand(block, seen, lengths["batch"]) for block in blocks]
    by_kind = _sort(blocks, layouts, spec, lengths)
    probed = f"{lengths['target']} new tokens behind {lengths['past']}"
    name_axes(model, seen, names, lengths, probed)
    surgeon = Surgeon(model.graph)
    masks = {name: surgeon.add_default(name, names) for name in names.optional}
    # Norms of new tokens alone: those of the past are known, and would cost more at each step.
    (ids,) = (value for value in model.graph.inputs if value.name == "input_ids")
    start = surgeon.minus_length(ids, 1) if spec.alone and spec.cached else None
    shown = {}
    for kind, opened in by_kind.items():
        maps, norms, _ = _KINDS[kind]
        for layer, (block, layout) in enumerate(opened):
            shown[f"{maps}.{layer}"] = surgeon.show_map(block, layout, f"{maps}.{layer}")
            if (name := f"{norms}.{layer}") in names.outputs:
                shown[name] = surgeon.add_norms(block, layout, name, start)
    for name in [name for name in names.outputs if name in shown]:
        declare(shown[name], names.outputs[name])
        model.graph.outputs.append(shown[name])
    for kind, opened in by_kind.items():
        for layer, (_, layout) in enumerate(opened):
            surgeon.add_mask(layout, masks[_KINDS[kind][2]], layer)
    model.graph.sort()


def probe_lengths(spec: DecoderSpec) -> dict[str, int]:
    """How long each named axis is in the probe: no two alike, and none a size of the model."""
    heads, depth = spec.num_attention_heads, spec.head_dim
    taken = {heads, depth, spec.num_hidden_layers, spec.hidden_size, spec.vocab_size}
    taken |= {spec.num_key_value_heads, heads // spec.num_key_value_heads, 1}
    found = dict[str, int]()
    for name, least in (("batch", 2), ("target", 2), ("past", 3), ("encoder_past", 2)):
        found[name] = next(n for n in count(least) if n not in taken and n + 1 not in taken)
        taken |= {found[name], found[name] + 1}
    found["past + target"] = next(
        n for n in count(found["past"] + found["target"]) if n not in taken
    )
    found["past"] = found["past + target"] - found["target"]
    taken |= {found["past"], found["past + target"]}
    found["source"] = next(n for n in count(found["encoder_past"] + 2) if n not in taken)
    if found["past + target"] > spec.max_position_embeddings:
        raise Refusal(
            f"a model of {spec.max_position_embeddings} positions has no length to tell its axes "
            "apart by"
        )
    if not spec.cached:
        found |= {"past": 0, "past + target": found["target"]}
    return found


def make_probe(
    spec: DecoderSpec, names: GraphNames, lengths: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Random tokens behind a random past, without padding."""
    random, probe = np.random.default_rng(1), dict[str, np.ndarray]()
    for name in names.texts:
        axes = names.inputs[name]
        shape = [lengths[axis] if isinstance(axis, str) else axis for axis in axes]
        if name == "input_ids":
            probe[name] = random.integers(0, spec.vocab_size, shape)
        elif name == "position_ids":
            probe[name] = np.tile(lengths["past"] + np.arange(shape[1]), (shape[0], 1))
        elif name.endswith("attention_mask"):
            probe[name] = np.ones(shape, np.int64)
        else:
            probe[name] = random.standard_normal(shape, np.float32)
    return probe


def _sort(
    blocks: Sequence[Block],
    layouts: Sequence[Layout],
    spec: DecoderSpec,
    lengths: Mapping[str, int],
) -> dict[str, list[tuple[Block, Layout]]]:
    """The blocks by what they attend to, layer after layer."""
    keys = {"decoder": lengths["past + target"], "cross": lengths["source"]}
    kinds = ["decoder"] if spec.alone else ["decoder", "cross"]
    found: dict[str, list[tuple[Block, Layout]]] = {kind: [] for kind in kinds}
    for block, layout in zip(blocks, layouts, strict=True):
        kind = next((kind for kind in kinds if layout.keys == keys[kind]), None)
        if kind is None or layout.queries != lengths["target"]:
            raise Refusal(
                f"{block.place}: its map is {layout.queries} x {layout.keys} for "
                f"{lengths['target']} new tokens behind {lengths['past']}, so its rows and columns "
                "are not the text's tokens"
            )
        if layout.heads != spec.num_attention_heads:
            raise Refusal(
                f"{block.place}: {layout.heads} heads are in its graph, its config has "
                f"{spec.num_attention_heads}"
            )
        found[kind].append((block, layout))
    for kind, opened in found.items():
        if len(opened) != spec.num_hidden_layers:
            what = "text so far" if kind == "decoder" else "source"
            raise Refusal(
                f"{len(opened)} attention blocks over the {what} are in its graph, and its config "
                f"has {spec.num_hidden_layers} layers"
            )
    return found


def settle_views(model: ir.Model) -> None:
    """Writes the number that the tracer knows where a view has a -1, in place: where a length is 0,
    as all of a source is read, nothing could be computed from the rest."""
    for node in model.graph:
        known = node.outputs[0].shape
        if node.op_type != "Reshape" or known is None:
            continue
        parts = node.inputs[1].producer() if node.inputs[1] is not None else None
        if parts is None or parts.op_type != "Concat" or len(parts.inputs) != len(known):
            continue
        shapes = [one.outputs[0].shape for one, _ in parts.outputs[0].uses()]
        fixed = {tuple(d if isinstance(d, int) else None for d in s or ()) for s in shapes}
        if len(fixed) != 1:  # one shape for several views: it stays
            continue
        for place, (part, size) in enumerate(zip(parts.inputs, known, strict=True)):
            written = constant_of(part)
            if written is not None and written.tolist() == [-1] and isinstance(size, int):
                parts.replace_input_with(place, _number(model.graph, size))


def _number(graph: ir.Graph, size: int) -> ir.Value:
    name = f"settled.{size}"
    if (found := graph.initializers.get(name)) is not None:
        return found
    value = ir.Value(name=name, const_value=ir.tensor(np.array([size], np.int64), name=name))
    graph.register_initializer(value)
    return value
