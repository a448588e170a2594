"""Proves a finished bundle: its files, each graph alone, and the runtimes against each other.

Nothing here knows the checkpoint or needs torch: the bundle is all that there is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.bundle_files import check_files, decoder_config, encoder_config
from export.bundle_schema import (
    Example,
    Manifest,
    ReadingGraph,
    WritingGraph,
    read_generation,
    read_manifest,
)
from export.graph_names import classifier_names, decoder_names
from export.opened_graph import Case, OpenedGraph, limits_of, open_graph
from export.proof import Proof
from export.recheck_decoder import recheck_decoder, written_sample
from export.recheck_encoder import example_feed, recheck_encoder
from export.runtime_agreement import Agreement, compare_runtimes
from export.runtimes import Runtime, installed_versions
from export.sessions import Arrays
from training.model.config import EncoderConfig


@dataclass(frozen=True, kw_only=True)
class GraphProof:
    """What was found of one graph."""

    task: str
    precision: str
    file: str
    proof: Proof
    agreements: Sequence[Agreement] = ()


@dataclass(frozen=True, kw_only=True)
class BundleProof:
    """What was found of a bundle."""

    versions: Mapping[str, str]
    """Runtime -> version, of those that ran."""
    files: Proof
    graphs: list[GraphProof] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """Every check that does not hold, in words."""
        of_graphs = (f"{one.file}: {line}" for one in self.graphs for line in one.proof.failures)
        return [*self.files.failures, *of_graphs]

    def entry(self) -> dict[str, Any]:
        """What `bundle.json` keeps under `proof`."""
        graphs: dict[str, Any] = {}
        for one in self.graphs:
            graphs.setdefault(one.task, {})[one.precision] = {
                "batches": one.proof.batches,
                **({"not_tried": one.proof.not_tried} if one.proof.not_tried else {}),
                "differences_of_its_own": one.proof.differences,
                "agreement": {other.runtime: other.entry() for other in one.agreements},
            }
        return {"runtimes": dict(self.versions), "graphs": graphs}


class UnsoundBundleError(Exception):
    """A bundle that was just written does not hold what it promises."""

    def __init__(self, failures: list[str]) -> None:
        super().__init__(f"{len(failures)} checks failed")
        self.failures = failures
        """In words."""


def verify_bundle(folder: Path, runtimes: Sequence[Runtime]) -> BundleProof:
    """Checks all that can be checked of a bundle by itself.

    Args:
        runtimes: to try the graphs in, beside onnxruntime; those not installed are said to be so.

    Raises:
        BundleError: as `read_manifest`: this is no bundle of this format.
    """
    manifest = read_manifest(folder)
    found = BundleProof(versions=installed_versions(runtimes), files=Proof())
    with found.files.attempt("the files"):
        check_files(folder, manifest, found.files)
        config = encoder_config(folder, manifest, found.files)
        found.graphs.extend(_Bundle(folder, manifest, config, runtimes, found.files).graphs())
    return found


@dataclass
class _Bundle:
    """What the checks of all graphs of a bundle share."""

    folder: Path
    manifest: Manifest
    config: EncoderConfig
    runtimes: Sequence[Runtime]
    files: Proof
    encoders: dict[str, OpenedGraph] = field(default_factory=dict)

    def graphs(self) -> Iterator[GraphProof]:
        """The encoders first: they read what the decoders write from."""
        for task, graphs in self.manifest.graphs.by_task().items():
            for precision, entry in graphs.items():
                yield self._verify(task, precision, entry)

    def _verify(self, task: str, precision: str, entry: ReadingGraph | WritingGraph) -> GraphProof:
        proof = Proof(limit_of=limits_of(precision, entry))
        path, agreements = self.folder / entry.file, []
        check = self._decoder if task == "generate" else self._encoder
        with proof.attempt("the graph"):
            graph, cases = check(path, precision, proof)
            agreements = compare_runtimes(graph, cases, self.runtimes, proof)
        return GraphProof(
            task=task,
            precision=precision,
            file=entry.file,
            proof=proof,
            agreements=agreements,
        )

    def _encoder(self, path: Path, precision: str, proof: Proof) -> tuple[OpenedGraph, list[Case]]:
        labels, most = len(self.manifest.labels or ()) or None, self.manifest.max_tokens
        graph = open_graph(path, precision, classifier_names(self.config, labels), proof)
        self.encoders[precision] = graph
        texts = self._texts(self.manifest.examples)
        return graph, recheck_encoder(graph, self.config, most, texts, proof)

    def _decoder(self, path: Path, precision: str, proof: Proof) -> tuple[OpenedGraph, list[Case]]:
        decoder = self.manifest.decoder
        assert decoder, "its graphs are there, so it is described"
        config = decoder_config(self.folder, decoder, self.files)
        width = self.config.hidden_size
        graph = open_graph(path, precision, decoder_names(config, width), proof)
        reader = self.encoders.get(precision) or next(iter(self.encoders.values()))
        _, texts = self._texts(decoder.examples)
        start = read_generation(self.folder, config.vocab_size).start
        real = written_sample(reader.session, graph.session, texts, config, start)
        return graph, recheck_decoder(graph, config, decoder.max_tokens, width, real, proof)

    def _texts(self, examples: Sequence[Example]) -> tuple[str, Arrays]:
        return example_feed(self.folder, examples, self.config)
