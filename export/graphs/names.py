"""What the two graphs are called inside: their inputs and outputs, in order, and every axis.

The names stand here and nowhere else; the tracer, the verification and the quantiser take them from
here or from the graph itself. Nothing here needs torch: a bundle is checked without it.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import onnxruntime

from export.graphs.spec import DecoderSizes, DecoderSpec, EncoderSizes, cached_sizes

Axes = tuple[str | int, ...]
"""A name for an axis of any length, a number for one that the model fixes."""


@dataclass(frozen=True, kw_only=True)
class GraphNames:
    """A graph's inputs and outputs in order, each with its axes."""

    inputs: Mapping[str, Axes]
    outputs: Mapping[str, Axes]
    optional: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The inputs that need not be given, with their defaults; the first axis may be 1 or batch."""

    @property
    def texts(self) -> list[str]:
        """The inputs that must be given."""
        return [name for name in self.inputs if name not in self.optional]

    @property
    def answers(self) -> list[str]:
        """What an encoder's head gives, which stands in front of the hidden state."""
        names = list(self.outputs)
        return names[: names.index("last_hidden_state")]


def classifier_names(
    sizes: EncoderSizes, labels: int | None, map_layers: Sequence[int] | None = None
) -> GraphNames:
    """The names of `model.onnx`, where it classifies texts or is an encoder alone.

    Args:
        labels: how many a classifier has; None for an encoder alone, which feeds a decoder.
        map_layers: as in `reading_names`.
    """
    return reading_names(sizes, {"logits": ("batch", labels)} if labels else {}, map_layers)


def reading_names(
    config: EncoderSizes, answers: Mapping[str, Axes], map_layers: Sequence[int] | None = None
) -> GraphNames:
    """The names of `model.onnx`. transformers.js finds maps by the prefix `encoder_attentions`.

    Args:
        answers: what the head on the encoder gives, as `tasks.py` says.
        map_layers: those whose maps and value norms come out; all unless given. Every head may be
            removed all the same.
    """
    shown = range(config.num_hidden_layers) if map_layers is None else map_layers
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    text: Axes = ("batch", "sequence")
    given = ["input_ids", "attention_mask", *(["token_type_ids"] if config.has_segments else [])]
    return GraphNames(
        inputs={**dict.fromkeys(given, text), **_mask_axes(["head_mask"], layers, heads)},
        outputs={
            **answers,
            "last_hidden_state": (*text, config.hidden_size),
            **_each(shown, "encoder_attentions", ("batch", heads, "sequence", "sequence")),
            **_each(shown, "encoder_value_norms", ("batch", heads, "sequence")),
        },
        optional={"head_mask": np.ones((1, layers, heads), np.float32)},
    )


def decoder_names(
    config: DecoderSizes,
    source_width: int | None = None,
    map_layers: Sequence[int] | None = None,
) -> GraphNames:
    """The names of `decoder_model_merged.onnx`, as transformers.js and Optimum look for them.

    Args:
        source_width: of the encoder's hidden states, where a bridge makes them as wide as the
            decoder; None: they are.
        map_layers: as in `reading_names`.
    """
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    shown = range(layers) if map_layers is None else map_layers
    masks = ("head_mask", "cross_head_mask")
    written, whole = "past + target", "source"
    kept = partial(_kept, config, ("decoder.key", "decoder.value", "encoder.key", "encoder.value"))
    return GraphNames(
        inputs={
            "input_ids": ("batch", "target"),
            "encoder_attention_mask": ("batch", "source"),
            "encoder_hidden_states": ("batch", "source", source_width or config.hidden_size),
            **kept("past_key_values", ("past", "encoder_past")),
            **_mask_axes(masks, layers, heads),
        },
        outputs={
            "logits": ("batch", "target", config.vocab_size),
            **kept("present", (written, whole)),
            **_each(shown, "decoder_attentions", ("batch", heads, "target", written)),
            **_each(shown, "cross_attentions", ("batch", heads, "target", whole)),
            **_each(shown, "cross_value_norms", ("batch", heads, whole)),
        },
        optional=dict.fromkeys(masks, np.ones((1, layers, heads), np.float32)),
    )


def lone_decoder_names(spec: DecoderSpec, map_layers: Sequence[int] | None = None) -> GraphNames:
    """The names of `model.onnx`, where it is a decoder alone, which goes on from a prompt.

    Args:
        map_layers: as in `reading_names`.
    """
    layers, heads = spec.num_hidden_layers, spec.num_attention_heads
    shown = range(layers) if map_layers is None else map_layers
    written = "past + target" if spec.cached else "target"
    kept = partial(_kept, spec, ("key", "value") if spec.cached else ())
    positions = {"position_ids": ("batch", "target")} if spec.takes_positions else {}
    return GraphNames(
        inputs={
            "input_ids": ("batch", "target"),
            "attention_mask": ("batch", written),
            **positions,
            **kept("past_key_values", ("past", "")),
            **_mask_axes(["head_mask"], layers, heads),
        },
        outputs={
            "logits": ("batch", "target", spec.vocab_size),
            **kept("present", (written, "")),
            **_each(shown, "decoder_attentions", ("batch", heads, "target", written)),
            **_each(shown, "decoder_value_norms", ("batch", heads, "target")),
        },
        optional={"head_mask": np.ones((1, layers, heads), np.float32)},
    )


def names_of_decoder(spec: DecoderSpec, map_layers: Sequence[int] | None = None) -> GraphNames:
    """The names of the graph of any decoder of `transformers`.

    Args:
        map_layers: as in `reading_names`.
    """
    if spec.alone:
        return lone_decoder_names(spec, map_layers)
    return decoder_names(spec, spec.source_width, map_layers)


def _each(layers: Iterable[int], name: str, axes: Axes) -> dict[str, Axes]:
    return {f"{name}.{layer}": axes for layer in layers}


def _mask_axes(names: Iterable[str], layers: int, heads: int) -> dict[str, Axes]:
    # An axis name of its own: a mask of one row serves a batch of any size.
    return {name: (f"{name}_batch", layers, heads) for name in names}


def _kept(
    config: DecoderSizes, parts: Sequence[str], first: str, lengths: tuple[str, str]
) -> dict[str, Axes]:
    """Keys and values by layer; `lengths` of the target's and of the source's."""
    heads, depth = cached_sizes(config)
    return {
        f"{first}.{layer}.{part}": ("batch", heads, lengths[part.startswith("encoder")], depth)
        for layer in range(config.num_hidden_layers)
        for part in parts
    }


_PAST, _PRESENT = "past_key_values.", "present."


def encoder_feed(
    declared: Container[str],
    ids: np.ndarray,
    mask: np.ndarray | None = None,
    segments: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """A batch as an encoder's graph takes it, all of it (batch, sequence).

    Args:
        declared: the graph's inputs; not every family has segments.
        mask: 1 for a real token; all are real unless given.
        segments: 0 unless given.
    """
    feed = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids) if mask is None else mask,
        "token_type_ids": np.zeros_like(ids) if segments is None else segments,
    }
    return {name: array for name, array in feed.items() if name in declared}


def input_names(session: onnxruntime.InferenceSession) -> set[str]:
    """The inputs that a graph declares, those with a default among them."""
    return {value.name for value in session.get_inputs()}


def empty_cache(
    session: onnxruntime.InferenceSession, batch: int, *, written: int = 0, read: int = 0
) -> dict[str, np.ndarray]:
    """Zeros for every input of the past; as they stand here they begin a text.

    Args:
        written: tokens of the target so far.
        read: tokens of the source whose keys and values are there already.
    """
    past = {}
    for value in session.get_inputs():
        if value.name.startswith(_PAST):
            _, heads, _, depth = value.shape
            length = read if ".encoder." in value.name else written
            past[value.name] = np.zeros((batch, heads, length, depth), np.float32)
    return past


def present_name(past: str) -> str:
    """The output that is this input at the next step."""
    return past.replace(_PAST, _PRESENT)
