"""What a bundle is: the fields of its `bundle.json`, and their bounds.

The export writes by it, `verify.py`, the page and every other reader open by it. The types say what
must be there and how large it may be; what depends on a graph (its maps, its logits) is held
against that graph by whoever runs it. What no type names is kept, and bounded, in `more`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bundle_format.typed_json import DIFFERENT, VISIBLE, Rule, WrongJson, long, matching, within

FILE = "bundle.json"
GENERATION = "generation_config.json"
FORMAT = 1
MAX_CHARACTERS = 10_000
"""Of a text that is to be read. Far more than 512 tokens need, and tokenised in milliseconds."""


def _fault_of_path(value: str) -> str | None:
    outside = any(part.strip(". ") == "" for part in value.split("/"))
    strange = not value.isprintable() or not set(value).isdisjoint('\\:*?"<>|')
    return repr(value) if outside or strange or value == FILE else None


_INSIDE = Rule("with the path of a file in the bundle, its parts joined by /", _fault_of_path)
"""A path that stays in the folder that it is relative to, on any system."""

# The bounds are far from any model of today and small enough to be counted to.
Layers = Annotated[int, within(1, 1_000)]
Heads = Annotated[int, within(1, 1_000)]
LayerNumbers = Annotated[tuple[Annotated[int, within(0, 999)], ...], long(1, 1_000), DIFFERENT]
"""From 0."""
Width = Annotated[int, within(1, 1_000_000)]
Vocabulary = Annotated[int, within(1, 10_000_000)]
TokenId = Annotated[int, within(0, 9_999_999)]
Tokens = Annotated[int, within(2, 1_000_000)]
"""A text of one token is at most the mark that begins it: nothing can be asked of that."""
Temperature = Annotated[float, within(1e-4, 1e4)]
"""Fitted ones lie between 0.3 and 5. Within these bounds float32 holds any logits divided by it."""
Share = Annotated[float, within(0, 1)]
Distance = Annotated[float, within(0, 1.001)]
"""A total variation distance: 1 at most, but for the rounding of a sum of floats."""
Difference = Annotated[float, within(0, 1e30)]
Cosine = Annotated[float, within(-1.001, 1.001)]
Ratio = Annotated[float, within(0, 1_000_000)]
"""Of two times or sizes."""
Rate = Annotated[float, within(0, 1_000)]
"""Errors per word: more than 1 where more is written than was wanted."""
Count = Annotated[int, within(0, 10**12)]
Name = Annotated[str, long(1, 100), VISIBLE]
Title = Annotated[str, long(1, 300), VISIBLE]
Label = Annotated[str, long(1, 1_000), VISIBLE]
Labels = Annotated[tuple[Label, ...], long(1, 100_000), DIFFERENT]
"""A reader chooses by name, so two of one name are one too many."""
Prose = Annotated[str, long(0, 20_000)]
Text = Annotated[str, long(1, MAX_CHARACTERS), VISIBLE]
RelativePath = Annotated[str, long(1, 300), _INSIDE]
Sha256 = Annotated[str, matching("[0-9a-f]{64}", "of 64 hexadecimal digits, a sha256")]


@dataclass(frozen=True, kw_only=True)
class Open:
    """An object that may say more than its schema names: that is kept, and written again."""

    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text, or a pair of texts, that a bundle offers to a reader."""

    text: Text
    text_pair: Annotated[str, long(0, MAX_CHARACTERS)] = ""
    clean: Annotated[str, long(0, MAX_CHARACTERS)] = ""
    """Of a corrupted sentence that a decoder is to restore, what it was before."""


Examples = Annotated[tuple[Example, ...], long(0, 1_000)]


@dataclass(frozen=True, kw_only=True)
class Sizes(Open):
    """Of an encoder or a decoder; `layers` and `heads` are counts."""

    layers: Layers
    heads: Heads
    hidden: Width
    vocabulary: Vocabulary


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
class Pooling(Open):
    """How the hidden states of a text's tokens become the one vector of the text."""

    mode: Literal["mean", "cls", "max", "last"]
    """Over all real tokens (`mean`, `max`), or the first or the last of them."""
    normalize: bool
    """Whether the vector is divided by its length."""


@dataclass(frozen=True, kw_only=True)
class HeldOutMetrics(Open):
    """What a classifier was worth on texts that it had not seen."""

    accuracy: Share | None = None
    texts: Count | None = None


@dataclass(frozen=True, kw_only=True)
class Metrics(Open):
    """What training measured of a classifier."""

    test: HeldOutMetrics | None = None


@dataclass(frozen=True, kw_only=True)
class WritingMetrics(Open):
    """What written texts are worth."""

    word_error_rate: Rate | None = None
    rougeL: Share | None = None


@dataclass(frozen=True, kw_only=True)
class DecoderMetrics(Open):
    """What training measured of a decoder: its texts, and sources left as they are."""

    test: WritingMetrics | None = None
    copied: WritingMetrics | None = None


@dataclass(frozen=True, kw_only=True)
class TrainedOn(Open):
    """How weights were trained, or on what."""

    longest: Count | None = None
    """Words of the longest sentence or source that a decoder was trained on."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Open):
    """Where weights came from."""

    recipe: TrainedOn | None = None
    data: TrainedOn | None = None


@dataclass(frozen=True, kw_only=True)
class Languages(Open):
    """Between which a model translates. Its tokenizer puts the token of its language beside a
    source, and the text begins with that of its own."""

    tokens: Annotated[Mapping[Name, TokenId], long(1, 1_000)]
    """By their codes, as the tokenizer writes them."""
    source: Name
    """That of a source, as the tokenizer has it where nobody says another."""

    def __post_init__(self) -> None:
        if self.source not in self.tokens:
            raise WrongJson(
                f"has {self.source!r:.60} as languages.source; expected one of languages.tokens"
            )


Prefixes = Annotated[tuple[Annotated[str, long(1, 300), VISIBLE], ...], long(0, 100), DIFFERENT]


@dataclass(frozen=True, kw_only=True)
class DecoderDescription(Sizes):
    """What a bundle says of what writes."""

    max_tokens: Tokens
    """So many tokens at most, the start token among them."""
    task: Name
    """`restore` if it restores corrupted sentences; else a free word."""
    alone: bool = False
    """Whether it reads no source and goes on from a prompt. It is then the whole model: its graph
    is `model.onnx`, and the sizes and `max_tokens` of the bundle are its own."""
    own_files: bool = True
    """Whether it has a config, a tokenizer and settings of its own in `decoder/`. Else the model is
    one, whose files lie beside `bundle.json`, its settings of `generate` among them."""
    key_value_heads: Heads | None = None
    """How many heads have keys and values of their own, which others share; None: all have."""
    head_size: Width | None = None
    """Numbers of a key, and of a value; None: the width divided by the heads."""
    position_ids: bool = True
    """Whether the graph of one alone is told the tokens' positions."""
    cached: bool = True
    """Whether its graph takes keys and values from step to step. Else each step reads the whole
    text again: of one alone, whose family keeps none."""
    map_layers: LayerNumbers | None = None
    """As those of the graphs that read."""
    examples: Examples = ()
    """Sources to write from, or prompts to go on from, as they are: a restorer's are corrupted
    already."""
    languages: Languages | None = None
    """None where it has none to choose from."""
    prefixes: Prefixes = ()
    """What stands before a source to say what is to be done with it, such as `summarize: `."""
    metrics: DecoderMetrics = field(default_factory=DecoderMetrics)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)

    def __post_init__(self) -> None:
        _check_layers(self.map_layers or (0,), self.layers)
        if self.alone and (self.languages or self.prefixes):
            raise WrongJson(
                "has a decoder that is alone, with languages or prefixes of a source; expected none"
            )
        if self.alone and self.own_files:
            raise WrongJson(
                "has a decoder that is alone and has own_files; expected own_files false, since "
                "its files are the bundle's"
            )
        if not self.alone and not self.cached:
            raise WrongJson(
                "has a decoder that is not alone, with cached false; expected true, for what is "
                "behind an encoder takes keys and values from step to step"
            )

    @property
    def folder(self) -> str:
        """Where its config, tokenizer and settings lie in the bundle."""
        return "decoder" if self.own_files else "."


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is known of a bundle before its graphs are made."""

    format: Literal[1]
    tasks: Annotated[tuple[Name, ...], long(1, 20), DIFFERENT]
    problem_type: Literal["single_label", "multi_label", "regression"] | None = None
    labels: Labels | None = None
    temperature: Temperature | None = None
    pooling: Pooling | None = None
    title: Title
    licence: Prose
    examples: Examples
    max_tokens: Tokens
    sizes: Sizes
    map_layers: LayerNumbers | None = None
    """Layers of which the graphs that read have the maps and value norms, in their order; None: all
    have."""
    metrics: Metrics = field(default_factory=Metrics)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    assumed: Annotated[tuple[Prose, ...], long(0, 100)] = ()
    """What the checkpoint did not say, and what the exporter took it for, in a sentence each."""
    versions: Mapping[Name, Name] = field(default_factory=dict)
    decoder: DecoderDescription | None = None

    def __post_init__(self) -> None:
        _check_tasks(self.tasks)
        for name, tasks in _OF_TASKS.items():
            there = getattr(self, name) is not None
            if there and not tasks & set(self.tasks):
                have = f"{' and '.join(sorted(tasks))} {'have' if len(tasks) > 1 else 'has'}"
                raise WrongJson(
                    f"has {name}, which only {have}; expected none with the tasks "
                    f"{list(self.tasks)!r:.60}"
                )
            if not there and (found := tasks & set(self.tasks)):
                raise WrongJson(f"has nothing as {name}; expected it of the task {min(found)}")
        if self.writes and self.decoder is None:
            raise WrongJson("has nothing as decoder; expected an object, for it writes")
        _check_layers(self.map_layers or (0,), self.sizes.layers)
        if self.continues and self.tasks != ("generate",):
            raise WrongJson(
                f"has a decoder that is alone, with the tasks {list(self.tasks)!r:.60}; expected "
                "generate and no other"
            )
        if self.problem_type == "single_label" and self.labels and len(self.labels) < 2:
            raise WrongJson(
                f"has the one label {self.labels[0]!r:.60}, of which exactly one is to be chosen; "
                "expected two or more, or another problem_type"
            )

    @property
    def classifies(self) -> bool:
        """Whether there are labels to choose from."""
        return "classify" in self.tasks

    @property
    def writes(self) -> bool:
        """Whether there is a decoder."""
        return "generate" in self.tasks

    @property
    def reads(self) -> str:
        """The task of the graphs that read: one of `READING_TASKS`, or `encode`."""
        return next((task for task in self.tasks if task in READING_TASKS), "encode")

    @property
    def continues(self) -> bool:
        """Whether there is nothing but a decoder alone, and so no graph that only reads."""
        return self.decoder is not None and self.decoder.alone


_OF_TASKS = {
    "problem_type": {"classify"},
    "labels": {"classify", "tag"},
    "temperature": {"classify"},
    "pooling": {"embed"},
}
"""Field -> the tasks that have it; no other may."""


def _check_layers(found: tuple[int, ...], layers: int) -> None:
    """Raises WrongJson: a layer is not there, or they are not in their order."""
    if list(found) != sorted(found) or found[-1] >= layers:
        raise WrongJson(
            f"has {list(found)!r:.60} as map_layers; expected numbers from 0 to {layers - 1}, the "
            "smallest first"
        )


def _check_tasks(tasks: tuple[str, ...]) -> None:
    """Raises WrongJson: none is known, or two do not go together."""
    known = [task for task in tasks if task in (*READING_TASKS, "generate")]
    if not known:
        raise WrongJson(
            f"lists the tasks {list(tasks)!r:.60}; expected {', '.join(READING_TASKS)} or generate "
            "among them"
        )
    if len(known) > 1 and set(known) != {"classify", "generate"}:
        raise WrongJson(
            f"lists the tasks {', '.join(known)}, which no one bundle has; expected one of them, "
            "or classify and generate"
        )


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


@dataclass(frozen=True, kw_only=True)
class Manifest(Description, Open):
    """The whole content of `bundle.json`."""

    graphs: Graphs
    files: Annotated[Mapping[RelativePath, Sha256], long(1, 10_000)]
    """Every file of the bundle but `bundle.json`. One that is not listed is never opened, so it is
    nobody's concern: a `.DS_Store`, a Hub's `README.md`, a graph that somebody else added."""
    proof: Proof | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        reads = [] if self.continues else [self.reads]
        for task in (*reads, *(["generate"] if self.writes else [])):
            if task not in self.graphs.by_task():
                raise WrongJson(f"has nothing as graphs.{task}; expected a graph, for its tasks")
        for name in self.needed():
            if name not in self.files:
                raise WrongJson(f"has no {name[:80]} in files; expected it with its sha256")

    def needed(self) -> list[str]:
        """The files that its readers open."""
        beside = ["config.json", "tokenizer.json", "tokenizer_config.json"]
        if self.decoder and self.decoder.own_files:
            beside += [f"decoder/{name}" for name in (*beside, GENERATION)]
        elif self.writes:
            beside.append(GENERATION)
        by_task = self.graphs.by_task()
        return beside + [graph.file for graphs in by_task.values() for graph in graphs.values()]
