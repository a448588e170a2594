"""The 8-bit graph of a scheme: the matrices ranked, and each made as coarse as it can bear.

Plain dynamic int8 (one scale for all activations of a run) visibly distorts the attention maps.
What does not: a scale for each position, the few largest channels in float32, or a scale for every
32 weights, each dearer than the one before. So the matrices are ranked, and a scheme says how many
of them get what.

The ranking: each is made 8 bit alone, and the maps are compared. An error in an early layer reaches
the maps of all layers behind it, one in the last layer's feed-forward reaches none; and some inputs
hold numbers many times as large as the rest, which cost the others their steps. So a quarter of the
matrices makes most of the error, and which these are is the model's own. Random tokens rank them
much as texts do.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto

from export.graphs.names import encoder_feed
from export.quantize.blocks import products_of_words, to_blocks, words_to_blocks
from export.quantize.matrices import (
    axis_of_words,
    by_input,
    channel_sizes,
    find_lookup,
    find_outlier_channels,
    quantize_table,
    to_integer_products,
)
from export.quantize.schemes import (
    DECODER,
    FAITHFUL,
    BlockwiseInt8,
    DynamicInt8,
    Float32,
    MatrixFormat,
    PerTokenInt8,
    Scheme,
)
from export.runtime.session import Arrays, open_session, run

_TEXTS, _TOKENS = 24, 16


ENCODER_REST = (
    "word embeddings, and a head over all words, int8 with one scale per word; pooler, classifier, "
    "norms and positions float32"
)


def rest_of(scheme: Scheme) -> str:
    """As `ENCODER_REST`, of a decoder."""
    how = "one int8 table with one scale per word, hidden states uint8 with one scale per position "
    how = f"one table: {scheme.words}" if scheme.words else f"{how}in front of it"
    return f"word embeddings and head {how}; norms and positions float32"


def quantize(
    model: onnx.ModelProto,
    scheme: Scheme | None = None,
    *,
    unsigned: bool = False,
    session: onnxruntime.InferenceSession | None = None,
) -> onnx.ModelProto:
    """The 8-bit twin of a float32 graph, with the same inputs and outputs; the input is kept.

    The matrices of the attention and feed-forward layers and the word embeddings shrink. The
    products inside the attention have no weights: the softmax stays in float32.

    Args:
        scheme: the faithful one of an encoder or a decoder unless given.
        unsigned: as `to_integer_products`.
        session: on the graph, where there is one already.
    """
    if scheme is None:
        reads_source = any(given.name == "encoder_hidden_states" for given in model.graph.input)
        scheme = DECODER if reads_source else FAITHFUL
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if scheme.words and products_of_words(model):
        words_to_blocks(copy, scheme.words)
    else:
        quantize_table(copy, unsigned=unsigned, heads=_heads_over_words(copy))
    found = matrix_groups(model)
    if scheme.tiers:
        exact = session or open_session(model)
        ranking = rank(
            *(model, found, exact), lambda one: _replaced(model, model, {one: scheme.product})
        )
    else:
        ranking = list(found)
    return _replaced(copy, model, scheme.assign(ranking), unsigned=unsigned)


def _replaced(
    model: onnx.ModelProto,
    exact: onnx.ModelProto,
    kinds: Mapping[str, MatrixFormat],
    *,
    unsigned: bool = False,
) -> onnx.ModelProto:
    """A copy with other products where some hidden states are read.

    Args:
        exact: the float32 graph, which shows how large the channels are.
        kinds: the name of a group -> what its products become.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    channels = _channels(exact, kinds)
    blocks: dict[BlockwiseInt8, list[str]] = {}
    for name, nodes in matrix_groups(copy).items():
        kind = kinds.get(name, Float32())
        if isinstance(kind, PerTokenInt8):
            apart = {node.input[0]: channels[name] for node in nodes if name in channels}
            to_integer_products(copy, nodes, apart, unsigned=unsigned)
        elif isinstance(kind, DynamicInt8):
            to_integer_products(copy, nodes, {}, one_scale=True, unsigned=unsigned)
        elif isinstance(kind, BlockwiseInt8):
            blocks.setdefault(kind, []).extend(node.name for node in nodes)
    for kind, names in blocks.items():
        to_blocks(copy, names, kind)
    return copy


def matrix_groups(model: onnx.ModelProto) -> dict[str, list[NodeProto]]:
    """The products of hidden states and matrices that become 8 bit in one way, by a name.

    Those that read the same hidden states, since these are made integers once; and where a matrix
    is read in several places, as all of ALBERT's are in every layer, those of all of them, since it
    is stored once. A product of two constants, as DeBERTa has of its matrices with its distances,
    goes with the other product of its matrix and joins nothing. A head on the last hidden state
    stays as it is, but for the matrix by which it scores words.
    """
    matrices = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 2}
    within = _below_hidden(model)
    products = [
        node
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in matrices and node.output[0] in within
    ]
    varying, owner = _varying(model), dict[str, str]()
    inputs = by_input(node for node in products if node.input[0] in varying)
    found: dict[str, list[NodeProto]] = {}
    for hidden, nodes in inputs.items():
        names = {owner[node.input[1]] for node in nodes if node.input[1] in owner}
        name = min(names, key=list(found).index, default=hidden)
        for other in names - {name}:
            found[name] += found.pop(other)
        found.setdefault(name, []).extend(nodes)
        owner |= {node.input[1]: name for node in found[name]}
    for node in products:
        if node.input[0] not in varying:
            found.setdefault(owner.get(node.input[1], node.input[0]), []).append(node)
    return found


def _below_hidden(model: onnx.ModelProto) -> set[str]:
    """What an encoder's last hidden state is computed from, its head left out; of a decoder all."""
    made = {name: node for node in model.graph.node for name in node.output}
    waiting, found = ["last_hidden_state"], set[str]()
    if waiting[0] not in {value.name for value in model.graph.output}:
        return set(made)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += made[name].input if name in made else []
    return found


def _heads_over_words(model: onnx.ModelProto) -> set[str]:
    """Matrices above an encoder that score every word, where that is not the table of words."""
    lookup, within = find_lookup(model), _below_hidden(model)
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    words = shapes[lookup.input[0]][axis_of_words(lookup)]
    return {
        node.input[1]
        for node in model.graph.node
        if node.op_type == "MatMul" and node.output[0] not in within
        if shapes.get(node.input[1], [])[1:] == [words] and node.input[1] != lookup.input[0]
    }


def _varying(model: onnx.ModelProto) -> set[str]:
    """The values that hang on what the graph is given."""
    found = {value.name for value in model.graph.input}
    for node in model.graph.node:
        if not found.isdisjoint(node.input):
            found.update(node.output)
    return found


def _channels(model: onnx.ModelProto, kinds: Mapping[str, MatrixFormat]) -> dict[str, np.ndarray]:
    """The channels of each group that stay apart, the largest that random tokens show."""
    counts = {
        name: kind.outlier_channels
        for name, kind in kinds.items()
        if isinstance(kind, PerTokenInt8) and kind.outlier_channels
    }
    if not counts:
        return {}
    groups = {
        name: {node.input[0] for node in nodes}
        for name, nodes in matrix_groups(model).items()
        if name in counts
    }
    every = sorted(set().union(*groups.values()))
    sizes = channel_sizes(model, every, random_texts(model))
    return {
        name: find_outlier_channels(np.max([sizes[one] for one in groups[name]], axis=0), count)
        for name, count in counts.items()
    }


def rank(
    model: onnx.ModelProto,
    inputs: Iterable[str],
    exact: onnxruntime.InferenceSession,
    alone: Callable[[str], onnx.ModelProto],
) -> list[str]:
    """What the matrices of an encoder's graph are multiplied with, the most sensitive first.

    Args:
        model: the float32 graph.
        inputs: the names of what matrices are multiplied with.
        exact: a session on the float32 graph.
        alone: the graph in which nothing but the matrices of that input are in 8 bit.
    """
    feed = random_texts(model)
    found = run(exact, feed)
    moved = {one: _moved(found, run(open_session(alone(one)), feed)) for one in inputs}
    return sorted(moved, key=lambda one: moved[one], reverse=True)


def random_texts(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Texts of random tokens for a graph of an encoder, the same each time."""
    lookup = find_lookup(model)
    axis = axis_of_words(lookup)
    words = next(t.dims[axis] for t in model.graph.initializer if t.name == lookup.input[0])
    ids = np.random.default_rng(0).integers(0, words, (_TEXTS, _TOKENS))
    return encoder_feed({given.name for given in model.graph.input}, ids)


def _moved(exact: Arrays, found: Arrays) -> tuple[float, float]:
    """How far the maps' rows moved on average; and the hidden states, which tell the last apart."""
    maps = [name for name in exact if "attentions" in name]
    apart = [np.abs(found[name] - exact[name]).sum(axis=-1).mean() for name in maps]
    hidden = np.abs(found["last_hidden_state"] - exact["last_hidden_state"]).mean()
    return float(np.mean(apart)), float(hidden)
