"""What a bundle is: the fields of its `bundle.json`, those of its graphs beside in `graphs`.

The export writes by it, `verify.py`, the page and every other reader open by it. The types say what
must be there and how large it may be; what depends on a graph (its maps, its logits) is held
against that graph by whoever runs it. What no type names is kept, and bounded, in `more`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from bundle_format.graphs import READING_TASKS, Graphs, Proof
from bundle_format.typed_json import DIFFERENT, VISIBLE, WrongJson, long
from bundle_format.values import (
    GENERATION,
    MAX_CHARACTERS,
    Count,
    Heads,
    Labels,
    LayerNumbers,
    Layers,
    Name,
    Open,
    Prose,
    Rate,
    RelativePath,
    Sha256,
    Share,
    Temperature,
    Text,
    Title,
    TokenId,
    Tokens,
    Vocabulary,
    Width,
)

FORMAT = 1


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
    def cache_sizes(self) -> tuple[int, int]:
        """How many heads have keys and values of their own, and how many numbers each of these."""
        return self.key_value_heads or self.heads, self.head_size or self.hidden // self.heads

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
        if self.decoder and self.decoder.alone:
            self._check_whole(self.decoder)
        if self.problem_type == "single_label" and self.labels and len(self.labels) < 2:
            raise WrongJson(
                f"has the one label {self.labels[0]!r:.60}, of which exactly one is to be chosen; "
                "expected two or more, or another problem_type"
            )

    def _check_whole(self, alone: DecoderDescription) -> None:
        """Raises WrongJson: a decoder alone is not the whole model."""
        if self.tasks != ("generate",):
            raise WrongJson(
                f"has a decoder that is alone, with the tasks {list(self.tasks)!r:.60}; expected "
                "generate and no other"
            )
        own = [("max_tokens", self.max_tokens, alone.max_tokens)]
        for size in ("layers", "heads", "hidden", "vocabulary"):
            own.append((f"sizes.{size}", getattr(self.sizes, size), getattr(alone, size)))
        for name, found, stated in own:
            if found != stated:
                raise WrongJson(
                    f"has {found} as {name} and {stated} as decoder.{name.split('.')[-1]}; "
                    "expected the same of a decoder that is alone, which is the whole model"
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
