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

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)

from export.graphs.tracing import quiet
from export.quantize.embeddings import quantize_table
from export.quantize.matrices import channel_sizes, largest_channels, to_integer_products
from export.quantize.schemes import (
    DECODER,
    FAITHFUL,
    Blocks,
    Float,
    OneScale,
    Product,
    Rows,
    Scheme,
)
from export.runtime.session import open_session

_TEXTS, _TOKENS = 24, 16


def rank(
    model: onnx.ModelProto, places: Iterable[str], alone: Callable[[str], onnx.ModelProto]
) -> list[str]:
    """Places of a graph of an encoder, the most sensitive first.

    Args:
        model: the float32 graph.
        places: their names.
        alone: the graph with nothing but that place in 8 bit.
    """
    feed = random_feed(model)
    exact = _outputs(open_session(model), feed)
    moved = {place: _moved(exact, _outputs(open_session(alone(place)), feed)) for place in places}
    return sorted(moved, key=lambda place: moved[place], reverse=True)


def random_feed(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Texts of random tokens for a graph of an encoder, the same each time."""
    table = next(node.input[0] for node in model.graph.node if "input_ids" in node.input)
    words = next(tensor.dims[0] for tensor in model.graph.initializer if tensor.name == table)
    ids = np.random.default_rng(0).integers(0, words, (_TEXTS, _TOKENS))
    feed = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
    return {given.name: feed[given.name] for given in model.graph.input if given.name in feed}


def _outputs(
    session: onnxruntime.InferenceSession, feed: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def _moved(exact: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> tuple[float, float]:
    """How far the maps' rows moved on average; and the hidden states, which tell the last apart."""
    maps = [name for name in exact if "attentions" in name]
    apart = [np.abs(found[name] - exact[name]).sum(axis=-1).mean() for name in maps]
    hidden = np.abs(found["last_hidden_state"] - exact["last_hidden_state"]).mean()
    return float(np.mean(apart)), float(hidden)


ENCODER_REST = (
    "word embeddings int8 with one scale per word; pooler, classifier, norms and positions float32"
)
DECODER_REST = (
    "word embeddings and head one int8 table with one scale per word, hidden states uint8 with one "
    "scale per position in front of it; norms and positions float32"
)


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
    places = _places(model)
    if scheme.finer:
        ranking = rank(model, places, lambda one: _replaced(model, model, {one: scheme.product}))
    else:
        ranking = list(places)
    return _replaced(copy, model, scheme.assign(ranking), unsigned=unsigned)


def _replaced(
    model: onnx.ModelProto,
    exact: onnx.ModelProto,
    kinds: Mapping[str, Product],
    *,
    unsigned: bool = False,
) -> onnx.ModelProto:
    """A copy with other products where some hidden states are read.

    Args:
        exact: the float32 graph, which shows how large the channels are.
        kinds: hidden states -> what their products with matrices become.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    channels = _channels(exact, kinds)
    blocks: dict[Blocks, list[str]] = {}
    for hidden, nodes in _places(copy).items():
        kind = kinds.get(hidden, Float())
        if isinstance(kind, Rows):
            to_integer_products(copy, nodes, channels, unsigned=unsigned)
        elif isinstance(kind, OneScale):
            to_integer_products(copy, nodes, {}, one_scale=True, unsigned=unsigned)
        elif isinstance(kind, Blocks):
            blocks.setdefault(kind, []).extend(node.name for node in nodes)
    for kind, names in blocks.items():
        copy = _to_blocks(copy, names, kind)
    return copy


def _places(model: onnx.ModelProto) -> dict[str, list[NodeProto]]:
    """The products of hidden states and matrices, by the hidden states that they read."""
    matrices = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 2}
    found: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in matrices:
            found.setdefault(node.input[0], []).append(node)
    return found


def _channels(model: onnx.ModelProto, kinds: Mapping[str, Product]) -> dict[str, np.ndarray]:
    """The channels that stay apart, the largest that random tokens show, where some do."""
    counts = {
        hidden: kind.float_channels
        for hidden, kind in kinds.items()
        if isinstance(kind, Rows) and kind.float_channels
    }
    if not counts:
        return {}
    sizes = channel_sizes(model, counts, [random_feed(model)])
    return {hidden: largest_channels(sizes[hidden], count) for hidden, count in counts.items()}


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
