"""The 8-bit graph of a scheme, and one scale for each word of the embedding table.

Plain dynamic int8 (one scale for all activations of a run) visibly distorts the attention maps.
What does not: a scale for each position, the few largest channels in float32, or a scale for every
32 weights. `scheme.py` says which matrices get what.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import NodeProto
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)

from export.integer_products import (
    channel_sizes,
    largest_channels,
    to_integer_products,
    to_one_scale,
)
from export.quantize_table import quantize_table
from export.quiet import quiet
from export.scheme import DECODER, FAITHFUL, Blocks, OneScale, Product, Rows, Scheme

ENCODER_REST = (
    "word embeddings int8 with one scale per word; pooler, classifier, norms and positions float32"
)
DECODER_REST = (
    "word embeddings and head one int8 table with one scale per word, hidden states uint8 with one "
    "scale per position in front of it; norms and positions float32"
)
_TEXTS, _TOKENS = 24, 16
"""Random tokens that show which channels are large: they are large whatever is read."""


def quantize(
    model: onnx.ModelProto, scheme: Scheme | None = None, *, unsigned: bool = False
) -> onnx.ModelProto:
    """The 8-bit twin of a float32 graph, with the same inputs and outputs; the input is kept.

    The matrices of the attention and feed-forward layers and the word embeddings shrink. The
    products inside the attention have no weights: the softmax stays in float32.

    Args:
        scheme: the faithful one of an encoder or a decoder unless given.
        unsigned: as `to_integer_products`.
    """
    if scheme is None:
        reads_source = any(given.name == "encoder_hidden_states" for given in model.graph.input)
        scheme = DECODER if reads_source else FAITHFUL
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantize_table(copy, unsigned=unsigned)
    roles = matrix_roles(copy)
    kinds: dict[Product, list[NodeProto]] = {}
    for node in copy.graph.node:
        if node.name in roles:
            kinds.setdefault(scheme.of(roles[node.name]), []).append(node)
    for kind, nodes in kinds.items():
        if isinstance(kind, Rows):
            channels = _channels(model, nodes, kind.float_channels)
            to_integer_products(copy, nodes, channels, unsigned=unsigned)
        elif isinstance(kind, OneScale):
            to_one_scale(copy, nodes, unsigned=unsigned)
    for kind, nodes in kinds.items():
        if isinstance(kind, Blocks):
            copy = _to_blocks(copy, [node.name for node in nodes], kind)
    return copy


def matrix_roles(model: onnx.ModelProto) -> dict[str, str]:
    """The products of hidden states and matrices, by the name of their node: what they are for.

    `scores` make queries and keys; `up` and `down` widen and narrow the hidden states by half or
    more, as a feed-forward layer does; `values` are the attention's others. Told by shape and by
    where the result goes, since names of weights do not survive every trace.
    """
    sizes = {t.name: t.dims for t in model.graph.initializer if len(t.dims) == 2}
    roles = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in sizes:
            inputs, outputs = sizes[node.input[1]]
            if outputs >= 1.5 * inputs:
                roles[node.name] = "up"
            elif inputs >= 1.5 * outputs:
                roles[node.name] = "down"
            else:
                roles[node.name] = "scores" if _reaches_softmax(model, node) else "values"
    return roles


def _reaches_softmax(model: onnx.ModelProto, node: NodeProto) -> bool:
    """Whether a result becomes part of scores before a norm or another matrix takes it up."""
    matrices = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 2}
    readers: dict[str, list[NodeProto]] = {}
    for other in model.graph.node:
        for word in other.input:
            readers.setdefault(word, []).append(other)
    found, waiting, seen = False, [node], set()
    while waiting and not found:
        for reader in readers.get(waiting.pop().output[0], []):
            found |= reader.op_type == "Softmax"
            ends = reader.op_type == "LayerNormalization" or not matrices.isdisjoint(reader.input)
            if not ends and reader.name not in seen:
                seen.add(reader.name)
                waiting.append(reader)
    return found


def _channels(
    model: onnx.ModelProto, nodes: Sequence[NodeProto], count: int
) -> Mapping[str, np.ndarray]:
    """Of each product's input its largest channels, as random tokens show them."""
    if not count:
        return {}
    table = next(n.input[0] for n in model.graph.node if "input_ids" in n.input)
    words = next(tensor.dims[0] for tensor in model.graph.initializer if tensor.name == table)
    ids = np.random.default_rng(0).integers(0, words, (_TEXTS, _TOKENS))
    feed = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
    feed = {given.name: feed[given.name] for given in model.graph.input if given.name in feed}
    sizes = channel_sizes(model, dict.fromkeys(node.input[0] for node in nodes), [feed])
    return {name: largest_channels(size, count) for name, size in sizes.items()}


def _to_blocks(model: onnx.ModelProto, names: Sequence[str], kind: Blocks) -> onnx.ModelProto:
    others = [n.name for n in model.graph.node if n.op_type == "MatMul" and n.name not in names]
    quantizer = MatMulNBitsQuantizer(
        model,
        nodes_to_exclude=others,
        algo_config=DefaultWeightOnlyQuantConfig(
            block_size=kind.size, is_symmetric=True, accuracy_level=kind.level, bits=8
        ),
    )
    with quiet():
        quantizer.process()
    return quantizer.model.model
