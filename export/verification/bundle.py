"""Proves a finished bundle: its files, each graph alone, and the runtimes against each other.

Nothing here knows the checkpoint or needs torch: the bundle is all that there is.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import onnx

from bundle_format.folder import read_generation, read_manifest, wrong_files
from bundle_format.graphs import Proof, ProvenGraph, ReadingGraph, RuntimeAgreement, WritingGraph
from bundle_format.schema import DecoderDescription, Example, Manifest, Sizes
from export.bundle.files import ENCODER_FILES, TASK_FILES, sizes_of
from export.graphs.families import is_ours
from export.graphs.names import decoder_names, names_of_decoder
from export.graphs.spec import DecoderSizes, DecoderSpec, EncoderSizes, EncoderSpec
from export.graphs.tasks import names_of_task
from export.runtime.other_runtimes import Runtime, RuntimeRefusal, installed_versions
from export.runtime.session import Arrays
from export.verification.checks import Checks
from export.verification.decoders import check_decoder, continued_sample, written_sample
from export.verification.graphs import (
    OpenedGraph,
    Trial,
    check_encoder,
    example_feed,
    limits_of,
    open_graph,
)
from export.verification.inputs import Text
from training.checkpoints.files import read_json
from training.checkpoints.hf_config import decoder_from_hf, encoder_from_hf


def check_files(folder: Path, manifest: Manifest, checks: Checks) -> None:
    """Every file is there with its sha256, and graphs are where clients look for them."""
    checks.failures += wrong_files(folder, manifest)
    for task, graphs in manifest.graphs.by_task().items():
        for precision, graph in graphs.items():
            expected = (ENCODER_FILES if manifest.continues else TASK_FILES[task]).get(precision)
            checks.require(
                graph.file == expected,
                f"the {precision} graph to {task} is {graph.file}, clients look for {expected}",
            )
            with checks.guard(graph.file):
                for name in sorted(_weights_beside(folder / graph.file, folder)):
                    checks.require(
                        name in manifest.files,
                        f"{graph.file} has weights in {name}, which bundle.json does not list: "
                        "nobody would notice another file in its place; export it again",
                    )


def _weights_beside(graph: Path, folder: Path) -> set[str]:
    """The files, relative to the bundle, that hold weights which are not in the graph's own."""
    place = PurePosixPath(graph.relative_to(folder).as_posix()).parent
    return {
        str(place / entry.value)
        for tensor in onnx.load(graph, load_external_data=False).graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }


def read_sizes(folder: Path, manifest: Manifest) -> EncoderSizes:
    """What is known of the encoder: of ours by its `config.json`, of any other by `bundle.json`.

    Families have words of their own for their sizes. Where a config has the usual ones, they must
    say the same.

    Raises:
        FileNotFoundError, ValueError: a file is missing, or they differ.
    """
    written, stated = read_json(folder / "config.json"), manifest.sizes
    if is_ours(written) and manifest.reads in ("classify", "encode"):
        return encoder_from_hf(written)
    tokenizer = read_json(folder / "tokenizer_config.json")
    inputs = tokenizer.get("model_input_names") or ()
    sizes = {
        "vocab_size": stated.vocabulary,
        "hidden_size": stated.hidden,
        "num_hidden_layers": stated.layers,
        "num_attention_heads": stated.heads,
    }
    wrong = [
        f"bundle.json says {size}, config.json has {written[name]} as {name}"
        for name, size in sizes.items()
        if written.get(name, size) != size
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    return EncoderSpec(
        model_type=str(written.get("model_type")),
        max_position_embeddings=manifest.max_tokens,
        type_vocab_size=2 if "token_type_ids" in inputs else 0,
        pads_left=tokenizer.get("padding_side") == "left",
        pad_token_id=written.get("pad_token_id") or 0,
        answer_width=stated.vocabulary if manifest.reads == "fill" else 0,
        **sizes,
    )


def read_decoder(folder: Path, manifest: Manifest) -> DecoderSizes:
    """What is known of the decoder: of ours by its `config.json`, of any other by `bundle.json`.

    Raises:
        FileNotFoundError, ValueError: a file is missing, or is none of a decoder.
    """
    stated = manifest.decoder
    assert stated, "its graphs are there, so it is described"
    if stated.own_files:
        return decoder_from_hf(read_json(folder / stated.folder / "config.json"))
    written = read_json(folder / "config.json")
    return DecoderSpec(
        model_type=str(written.get("model_type")),
        vocab_size=stated.vocabulary,
        hidden_size=stated.hidden,
        num_hidden_layers=stated.layers,
        num_attention_heads=stated.heads,
        max_position_embeddings=stated.max_tokens,
        num_key_value_heads=stated.cache_sizes[0],
        head_dim=stated.cache_sizes[1],
        source_width=0 if stated.alone else manifest.sizes.hidden,
        takes_positions=stated.position_ids,
        cached=stated.cached,
        pad_token_id=written.get("pad_token_id") or 0,
    )


def check_config(
    config: EncoderSizes | DecoderSizes, stated: Sizes, max_tokens: int, file: str, checks: Checks
) -> None:
    """Holds a model's size by its `config.json` against `bundle.json`.

    Raises:
        ValueError: they differ: which is right cannot be told, and one may be larger than any
            memory.
    """
    limit = config.max_position_embeddings
    checks.require(max_tokens <= limit, f"bundle.json allows {max_tokens} tokens, {file} {limit}")
    wrong = [
        f"bundle.json says {name} {getattr(stated, name)}, {file} says {size}"
        for name, size in sizes_of(config).items()
        if getattr(stated, name) != size
    ]
    if wrong:
        raise ValueError("; ".join(wrong))


def compare_runtimes(
    graph: OpenedGraph, trials: Sequence[Trial], runtimes: Sequence[Runtime], checks: Checks
) -> dict[str, RuntimeAgreement]:
    """Runs the trials in each runtime, one after the other, by its name.

    A runtime that refuses a graph which the bundle promises to run there is a failure; so is a
    difference above the limit of `checks`. One that is not installed is said to be so. Of a graph
    with weights in a second file, over 2 GiB, nothing is promised but onnxruntime.
    """
    expected = {trial.title: list(trial.runs(graph.run)) for trial in trials}
    return {one.name: _compare(graph, trials, expected, one, checks) for one in runtimes}


def _compare(
    graph: OpenedGraph,
    trials: Sequence[Trial],
    expected: Mapping[str, Sequence[Arrays]],
    runtime: Runtime,
    checks: Checks,
) -> RuntimeAgreement:
    if command := runtime.missing():
        return RuntimeAgreement(skipped=f"not installed: {command}")
    found = Checks(limit_of=checks.limit_of)
    taken = [trial for trial in trials if runtime.takes_large or not trial.large]
    try:
        with runtime.open(graph.path) as run:
            for trial in taken:
                title = f"{runtime.name}, {trial.title}"
                with found.guard(title):
                    for want, got in zip(expected[trial.title], trial.runs(run), strict=True):
                        found.compare(want, got, title, source="onnxruntime")
    except RuntimeRefusal as refusal:
        said = str(refusal).replace(f"{graph.path.parent}{os.sep}", "")  # no path of this machine
        reason = f"it refuses the graph: {said}"
        whole = not _weights_beside(graph.path, graph.path.parent)
        promised = whole and runtime.must_run(graph.precision)
        checks.require(not promised, f"{runtime.name}: {reason}")
        return RuntimeAgreement(skipped=reason)
    checks.failures += found.failures
    cases = tuple(trial.title for trial in taken)
    return RuntimeAgreement(cases=cases, differences=found.differences)


@dataclass(frozen=True, kw_only=True)
class CheckedGraph:
    """What was found of one graph."""

    task: str
    precision: str
    file: str
    checks: Checks
    agreement: Mapping[str, RuntimeAgreement] = field(default_factory=dict)
    """By the runtime's name."""


@dataclass(frozen=True, kw_only=True)
class CheckedBundle:
    """What was found of a bundle."""

    versions: Mapping[str, str]
    """Runtime -> version, of those that ran."""
    files: Checks
    graphs: list[CheckedGraph] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """Every check that does not hold, in words."""
        of_graphs = (f"{one.file}: {line}" for one in self.graphs for line in one.checks.failures)
        return [*self.files.failures, *of_graphs]

    @property
    def proof(self) -> Proof:
        """What `bundle.json` keeps of it."""
        graphs: dict[str, dict[str, ProvenGraph]] = {}
        for one in self.graphs:
            graphs.setdefault(one.task, {})[one.precision] = ProvenGraph(
                batches=tuple(one.checks.batches),
                not_tried=one.checks.not_tried,
                differences_of_its_own=one.checks.differences,
                agreement=one.agreement,
            )
        return Proof(runtimes=self.versions, graphs=graphs)


class UnsoundBundleError(Exception):
    """A bundle that was just written does not hold what it promises."""

    def __init__(self, failures: list[str]) -> None:
        super().__init__(f"{len(failures)} checks failed")
        self.failures = failures
        """In words."""


def verify_bundle(folder: Path, runtimes: Sequence[Runtime]) -> CheckedBundle:
    """Checks all that can be checked of a bundle by itself.

    Args:
        runtimes: to try the graphs in, beside onnxruntime; those not installed are said to be so.

    Raises:
        BundleError: as `read_manifest`: this is no bundle of this format.
    """
    manifest = read_manifest(folder)
    found = CheckedBundle(versions=installed_versions(runtimes), files=Checks())
    with found.files.guard("the files"):
        check_files(folder, manifest, found.files)
        config = None
        if not manifest.continues:
            config = read_sizes(folder, manifest)
            check_config(config, manifest.sizes, manifest.max_tokens, "config.json", found.files)
        found.graphs.extend(_Bundle(folder, manifest, config, runtimes, found.files).graphs())
    return found


@dataclass
class _Bundle:
    """What the checks of all graphs of a bundle share."""

    folder: Path
    manifest: Manifest
    config: EncoderSizes | None
    """The encoder's, where there is one."""
    runtimes: Sequence[Runtime]
    files: Checks
    encoders: dict[str, OpenedGraph] = field(default_factory=dict)

    def graphs(self) -> Iterator[CheckedGraph]:
        """The encoders first: they read what the decoders write from."""
        for task, graphs in self.manifest.graphs.by_task().items():
            for precision, entry in graphs.items():
                yield self._verify(task, precision, entry)

    def _verify(
        self, task: str, precision: str, entry: ReadingGraph | WritingGraph
    ) -> CheckedGraph:
        checks = Checks(limit_of=limits_of(precision, entry))
        path = self.folder / entry.file
        agreement: dict[str, RuntimeAgreement] = {}
        check = self._decoder if task == "generate" else self._encoder
        with checks.guard("the graph"):
            graph, trials = check(path, precision, checks)
            agreement = compare_runtimes(graph, trials, self.runtimes, checks)
        return CheckedGraph(
            task=task, precision=precision, file=entry.file, checks=checks, agreement=agreement
        )

    def _encoder(
        self, path: Path, precision: str, checks: Checks
    ) -> tuple[OpenedGraph, list[Trial]]:
        labels, most = len(self.manifest.labels or ()), self.manifest.max_tokens
        assert self.config, "there is an encoder"
        chosen = self.manifest.map_layers
        names = names_of_task(self.manifest.reads, self.config, labels, chosen)
        graph = open_graph(path, precision, names, checks)
        self.encoders[precision] = graph
        examples = self.manifest.examples
        if self.manifest.reads == "embed":
            both = (text for one in examples for text in (one.text, one.text_pair) if text)
            examples = tuple(Example(text=text) for text in both)
        texts = example_feed(self.folder, examples, self.config)
        return graph, check_encoder(graph, self.config, most, texts, checks)

    def _decoder(
        self, path: Path, precision: str, checks: Checks
    ) -> tuple[OpenedGraph, list[Trial]]:
        decoder = self.manifest.decoder
        assert decoder, "its graphs are there, so it is described"
        config = read_decoder(self.folder, self.manifest)
        file = f"{decoder.folder}/config.json"
        check_config(config, decoder, decoder.max_tokens, file, self.files)
        if isinstance(config, DecoderSpec):
            names = names_of_decoder(config, decoder.map_layers)
        else:
            names = decoder_names(config, self.manifest.sizes.hidden)
        graph = open_graph(path, precision, names, checks)
        real = self._written(graph, config, decoder, precision)
        return graph, check_decoder(graph, config, decoder.max_tokens, real, checks)

    def _written(
        self,
        graph: OpenedGraph,
        config: DecoderSizes,
        decoder: DecoderDescription,
        precision: str,
    ) -> Text:
        """What a decoder writes of the bundle's own examples."""
        if isinstance(config, DecoderSpec) and config.alone:
            return continued_sample(self.folder, decoder.examples, graph.session, config)
        assert self.config, "there is an encoder for the source"
        reader = self.encoders.get(precision) or next(iter(self.encoders.values()))
        _, texts = example_feed(self.folder, decoder.examples, self.config)
        start = read_generation(self.folder, decoder).start
        return written_sample(reader.session, graph.session, texts, config, start)
