"""What each axis of a block means: which text, head, query, key or channel an entry belongs to.

That is not guessed from names or from symbols. The graph runs once on a probe, whose numbers of
texts and tokens are unlike every size of the model. Then labels are pushed through the views that
stand between softmax and projection: a `Transpose` turns them by its permutation, any other view
gives them the shape that it was seen to give. So whatever way batch and heads are arranged (apart,
in one axis, grouped by keys, channel by channel, tokens first) is followed and known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir

from export.any_model.blocks import Block
from export.any_model.refusal import Refusal
from export.graphs.names import encoder_feed
from export.graphs.spec import EncoderSpec
from export.runtime.session import open_session

_BATCHES, _LENGTHS = (3, 5, 7, 11), (13, 17, 19, 23, 29, 31, 7, 5)


@dataclass(frozen=True, kw_only=True)
class MaskPlace:
    """Where a head's number is multiplied in: a value with an axis of texts and one of heads."""

    value: ir.Value
    text_axis: int
    head_axis: int
    rank: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a block's heads lie."""

    heads: int
    queries: int
    """Of the probe."""
    keys: int
    map_rank: int
    """Axes of the softmax's result; 4 are (batch, heads, queries, keys)."""
    matrices: np.ndarray
    """Each head's slice of the output projection, (heads, depth, hidden)."""
    mask: MaskPlace
    text_of: np.ndarray
    """Of each leading place of the product, which text; of the shape of its leading axes."""
    head_of: np.ndarray
    """The same, which head."""
    values_shape: tuple[int, ...]
    """Of the probe."""


def probe_sizes(spec: EncoderSpec) -> tuple[int, int]:
    """How many texts, of how many tokens, so that no size of the model is one of the two."""
    taken = {spec.num_attention_heads, spec.num_hidden_layers, spec.hidden_size, spec.vocab_size}
    taken |= {spec.hidden_size // spec.num_attention_heads}
    limit = spec.max_position_embeddings
    batch = next((size for size in _BATCHES if size not in taken), 0)
    tokens = next((n for n in _LENGTHS if n not in {*taken, batch} and n <= limit), 0)
    if not batch or not tokens:
        raise Refusal(f"a model of {limit} positions has no length to tell its axes apart by")
    return batch, tokens


def make_probe(spec: EncoderSpec) -> dict[str, np.ndarray]:
    """Texts of random tokens, without padding, of `probe_sizes`."""
    ids = np.random.default_rng(1).integers(0, spec.vocab_size, probe_sizes(spec))
    declared = ["input_ids", "attention_mask", *(["token_type_ids"] if spec.has_segments else [])]
    return encoder_feed(declared, ids)


def values_seen(
    model: ir.Model, values: Sequence[ir.Value], probe: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What some values are in a run on the probe, by their names.

    Raises:
        Refusal: the graph does not run on other sizes than it was traced with.
    """
    proto = ir.to_proto(model)
    given = {output.name for output in proto.graph.output}
    names = list(dict.fromkeys(str(value.name) for value in values))
    extra = (onnx.ValueInfoProto(name=name) for name in names if name not in given)
    proto.graph.output.extend(extra)
    try:
        found = open_session(proto).run(names, dict(probe))
    # onnxruntime's errors share no class but this one.
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        batch, tokens = probe["input_ids"].shape
        raise Refusal(
            "its graph runs only on the lengths that it was traced with, not on "
            f"{batch} texts of {tokens} tokens: the model's code makes a number of a length "
            f"(onnxruntime: {said})"
        ) from error
    return dict(zip(names, found, strict=True))


def understand(block: Block, seen: Mapping[str, np.ndarray], batch: int) -> Layout:
    """The layout of a block.

    Args:
        seen: every value of the block's `path`, in a run on the probe.
        batch: texts of the probe.

    Raises:
        Refusal: an axis is not what a map, the heads or their channels have.
    """
    shape = seen[str(block.weights.name)].shape
    heads = _heads_of(block, shape, batch)
    whole = (batch, heads, shape[-2], shape[-1])
    text, head, query = _rows_of_context(block, seen, whole)
    depth = seen[str(block.context.name)].shape[-1]
    of_context = (batch, heads, shape[-2], depth)
    channels = np.arange(depth)
    labels = np.ravel_multi_index(
        (text[..., None], head[..., None], query[..., None], channels), of_context
    )
    steps = [(block.context, labels), *_pushed(labels, block.to_projection, seen)]
    order = _columns_of_heads(block, steps[-1][1], of_context)
    return Layout(
        heads=heads,
        queries=shape[-2],
        keys=shape[-1],
        map_rank=len(shape),
        matrices=block.matrix[order],
        mask=_mask_place(block, steps, of_context),
        text_of=text[..., 0],
        head_of=head[..., 0],
        values_shape=seen[str(block.values.name)].shape,
    )


def _heads_of(block: Block, shape: tuple[int, ...], batch: int) -> int:
    """How many heads a map of this shape has; the texts must come first in it."""
    written = block.softmax.attributes
    axis = written["axis"].as_int() if "axis" in written else -1
    if axis not in (-1, len(shape) - 1):
        raise Refusal(f"{block.place}: a softmax over axis {axis} of {shape}, not over the keys")
    rows = int(np.prod(shape[:-2]))
    heads = rows // batch
    if rows != batch * heads or shape[0] not in (batch, rows):
        raise Refusal(
            f"{block.place}: its map has the shape {shape} for {batch} texts; expected (texts, "
            "heads, queries, keys), or texts and heads in one axis, texts first"
        )
    return heads


def _rows_of_context(
    block: Block, seen: Mapping[str, np.ndarray], whole: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Text, head and query of each row of the context."""
    first = np.arange(np.prod(whole)).reshape(seen[str(block.weights.name)].shape)
    labels: np.ndarray = [first, *(one for _, one in _pushed(first, block.to_product, seen))][-1]
    values, context = (seen[str(one.name)].shape for one in (block.values, block.context))
    fits = context[:-1] == labels.shape[:-1] and values[-2:] == (whole[-1], context[-1])
    if labels.shape[-1] != whole[-1] or not fits:
        raise Refusal(
            f"{block.place}: {labels.shape} times {values} gives {context}; expected weights of "
            "(..., queries, keys) times values of (..., keys, channels)"
        )
    rows = np.unravel_index(labels[..., 0] // whole[3], whole[:3])
    return rows[0], rows[1], rows[2]


def _pushed(
    labels: np.ndarray, views: Sequence[ir.Node], seen: Mapping[str, np.ndarray]
) -> Iterator[tuple[ir.Value, np.ndarray]]:
    """The labels behind each of the views."""
    for node in views:
        result = node.outputs[0]
        if node.op_type == "Transpose":
            labels = labels.transpose(node.attributes["perm"].as_ints())
        else:
            labels = labels.reshape(seen[str(result.name)].shape)
        yield result, labels


def _columns_of_heads(block: Block, labels: np.ndarray, of_context: tuple[int, ...]) -> np.ndarray:
    """Which features of the projection's input are a head's channels: (heads, depth)."""
    _, heads, _, depth = of_context
    last = np.moveaxis(labels, block.features_axis, -1)
    features = last.shape[-1]
    text, head, query, channel = np.unravel_index(last.reshape(-1, features), of_context)
    of_one_row = not (np.ptp(text, axis=1).any() or np.ptp(query, axis=1).any())
    of_one_head = not (np.ptp(head, axis=0).any() or np.ptp(channel, axis=0).any())
    if features != heads * depth or not (of_one_row and of_one_head):
        raise Refusal(
            f"{block.place}: the {features} columns that the output projection reads are not "
            f"{heads} heads of {depth} channels of one token each"
        )
    if block.matrix.ndim != 2 or len(block.matrix) != features:
        raise Refusal(
            f"{block.place}: the output projection is of the shape {block.matrix.shape}; expected "
            f"{features} rows, one for each channel of each head"
        )
    order = np.empty((heads, depth), int)
    order[head[0], channel[0]] = np.arange(features)
    return order


def _mask_place(
    block: Block, steps: Sequence[tuple[ir.Value, np.ndarray]], of_context: tuple[int, ...]
) -> MaskPlace:
    """The first value, from the context on, with an axis of texts and one of heads."""
    batch, heads, *_ = of_context
    for value, labels in steps:
        text, head, _, _ = np.unravel_index(labels, of_context)
        text_axis, head_axis = _axis_of(text, batch), _axis_of(head, heads)
        if text_axis is not None and head_axis is not None:
            return MaskPlace(
                value=value, text_axis=text_axis, head_axis=head_axis, rank=labels.ndim
            )
    raise Refusal(
        f"{block.place}: between the softmax and the output projection no tensor has an axis of "
        "heads, so a head cannot be switched off"
    )


def _axis_of(labels: np.ndarray, count: int) -> int | None:
    """The axis along which these labels count from 0, and are the same across all others."""
    for axis, size in enumerate(labels.shape):
        expected = np.arange(size).reshape(-1, *[1] * (labels.ndim - 1 - axis))
        if size == count and (labels == expected).all():
            return axis
    return None
