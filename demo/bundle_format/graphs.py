"""What a bundle says of its graphs: how far they are from torch or from float32, what they are held
to, and what `verify.py` found of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bundle_format.values import (
    Cosine,
    Count,
    Difference,
    Distance,
    Name,
    Open,
    Prose,
    Ratio,
    RelativePath,
    Share,
)


@dataclass(frozen=True, kw_only=True)
class MapError(Open):
    """How far 8-bit maps are from float32's, as total variation distance of their rows."""

    mean: Distance | None = None
    p99: Distance | None = None
    max: Distance | None = None


@dataclass(frozen=True, kw_only=True)
class WritingMapError(Open):
    """The same for the two kinds of maps of what writes."""

    decoder_attentions: MapError | None = None
    cross_attentions: MapError | None = None


@dataclass(frozen=True, kw_only=True)
class IntegerWeights(Open):
    """How the weights of integer products are stored, and why."""

    type: Literal["int8", "uint8"]
    reason: Prose


@dataclass(frozen=True, kw_only=True)
class Limits(Open):
    """Of an encoder's 8-bit graph against the float32 graph of the same weights."""

    same_label: Share
    """At least this share of texts gets the same label."""
    accuracy_difference: Share
    """The accuracies differ by this share of the texts at most."""
    map_error: MapError | None = None
    """At most this, of what is named."""
    latency_ratio: Mapping[Name, Ratio]
    """Tokens -> at most this share of float32's time."""
    size_ratio: Ratio
    """At most this share of float32's bytes."""


@dataclass(frozen=True, kw_only=True)
class ComparedTexts(Open):
    """The texts on which a graph was compared with float32's, and how alike both answer."""

    texts: Count | None = None
    from_: Mapping[Prose, Count] | None = None
    """Where they come from, in words -> how many."""
    same_label: Share | None = None
    """Of the texts; of what tags, of the tokens; of what answers, the share of texts with the same
    span; of what fills, of masks with the same best word. None where nothing is chosen, and of
    random tokens."""
    cosine: Cosine | None = None
    """Of a text's vector by both, on average; of what embeds alone."""
    least_cosine: Cosine | None = None
    """That of the text whose vectors are furthest apart."""
    accuracy_float32: Share | None = None
    accuracy_8bit: Share | None = None
    """Both None where the right labels are not known."""


@dataclass(frozen=True, kw_only=True)
class GreedyTexts(Open):
    """How many texts are the same, token for token, as those of torch or of float32."""

    sources: Count | None = None
    origin: Prose | None = None
    same_text: Share | None = None
    same_token: Share | None = None
    """Of all tokens of the other's texts, each behind the ones before it: how many it would have
    chosen as well."""
    divergence: Difference | None = None
    """Of the next token's probabilities from the other's (Kullback-Leibler, in nats), on average
    along those texts and what was given before them."""


@dataclass(frozen=True, kw_only=True)
class WritingLimits(Open):
    """Of an 8-bit graph that writes against the float32 graphs of the same weights."""

    same_token: Share
    """At least this share of the tokens of greedy texts would be chosen as well. How many texts are
    the same as a whole is stated and not held: one other token changes all behind it."""
    divergence: Difference | None = None
    """At most this; None in bundles from before it was measured."""
    map_error: MapError
    """At most this, of each kind of maps along the texts."""
    size_ratio: Ratio
    """At most this share of float32's bytes."""


@dataclass(frozen=True, kw_only=True)
class _MeasuredGraph:
    """What is measured of any graph; None is what was not measured, and says nothing."""

    file: RelativePath
    bytes: Count | None = None
    difference_from_float32: Mapping[Name, Difference] = field(default_factory=dict)
    difference_from_torch: Mapping[Name, Difference] | None = None
    """Kind of output -> largest absolute difference."""
    profile: Name | None = None
    integer_weights: IntegerWeights | None = None
    scheme: Prose | None = None
    """How the weights are stored, in words."""
    longest_tried: Count | None = None
    """Tokens."""
    latency_ratio: Mapping[Name, Ratio] | None = None
    """Tokens that are read, or were written before -> share of float32's time."""


@dataclass(frozen=True, kw_only=True)
class ReadingGraph(_MeasuredGraph, Open):
    """An ONNX file that reads texts, and how far it is from torch or from float32."""

    map_error: MapError | None = None
    limits: Limits | None = None
    """What its profile holds it to."""
    misses: tuple[Prose, ...] | None = None
    """The limits that it misses, but for those of time, in a sentence each."""
    not_measured: tuple[Prose, ...] | None = None
    """The limits of which nothing is known."""
    size_ratio: Ratio | None = None
    held_out: ComparedTexts | None = None
    latency_misses: tuple[Prose, ...] | None = None
    latency_by: Prose | None = None
    """Which clock told the times."""


@dataclass(frozen=True, kw_only=True)
class WritingGraph(_MeasuredGraph, Open):
    """An ONNX file that writes; as `ReadingGraph`."""

    map_error: WritingMapError | None = None
    greedy: GreedyTexts | None = None
    limits: WritingLimits | None = None
    """What its profile holds it to; None of a decoder of ours."""
    misses: tuple[Prose, ...] | None = None
    """The limits that it misses, in a sentence each."""
    size_ratio: Ratio | None = None


READING_TASKS = ("classify", "tag", "answer", "fill", "embed")
"""What a graph that reads gives beside its maps: numbers for each label of a text, for each label
of a token, for where an answer starts and ends, for each word at a mask; or hidden states alone. A
bundle has at most one of these, and only `classify` beside `generate`."""


@dataclass(frozen=True, kw_only=True)
class Graphs(Open):
    """By what they are for, then by precision (`float32`, `8bit`)."""

    classify: Mapping[Name, ReadingGraph] = field(default_factory=dict)
    tag: Mapping[Name, ReadingGraph] = field(default_factory=dict)
    answer: Mapping[Name, ReadingGraph] = field(default_factory=dict)
    fill: Mapping[Name, ReadingGraph] = field(default_factory=dict)
    embed: Mapping[Name, ReadingGraph] = field(default_factory=dict)
    encode: Mapping[Name, ReadingGraph] = field(default_factory=dict)
    """The encoder of what writes, without a classifier."""
    generate: Mapping[Name, WritingGraph] = field(default_factory=dict)

    def by_task(self) -> dict[str, Mapping[str, ReadingGraph | WritingGraph]]:
        """Those that are there; what reads comes before what writes."""
        every = {name: getattr(self, name) for name in (*READING_TASKS, "encode", "generate")}
        return {task: graphs for task, graphs in every.items() if graphs}


@dataclass(frozen=True, kw_only=True)
class RuntimeAgreement(Open):
    """What one runtime gave for one graph, beside onnxruntime."""

    skipped: Prose | None = None
    """Why it was not run; None if it was."""
    cases: tuple[Prose, ...] | None = None
    """What it was tried on, in words."""
    differences: Mapping[Name, Difference] | None = None
    """Kind of output -> largest absolute difference from onnxruntime."""


@dataclass(frozen=True, kw_only=True)
class ProvenGraph(Open):
    """What `verify.py` found of one graph."""

    batches: tuple[Prose, ...] | None = None
    not_tried: Prose = ""
    """What the proof leaves open, in words."""
    differences_of_its_own: Mapping[Name, Difference] | None = None
    """Of two ways to run it: kind of output -> largest absolute difference."""
    agreement: Mapping[Name, RuntimeAgreement] | None = None


@dataclass(frozen=True, kw_only=True)
class Proof(Open):
    """What `verify.py` found."""

    runtimes: Mapping[Name, Name] = field(default_factory=dict)
    """Runtime -> version, of those that ran."""
    graphs: Mapping[Name, Mapping[Name, ProvenGraph]] = field(default_factory=dict)
    """By task, then by precision."""
