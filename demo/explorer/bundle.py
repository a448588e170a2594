"""A bundle: the folder that the export writes and the page opens.

Everything that the page says about a model stands in its `bundle.json`, which `bundle_schema.py`
reads. This file holds it against what lies beside it, so that a broken bundle is refused at start,
in one sentence.
"""

from dataclasses import dataclass
from pathlib import Path

from explorer.bundle_decoder import Decoder, open_decoder
from explorer.bundle_graph import Graph, choose_graph
from explorer.bundle_schema import BundleError, Example, HeldOutMetrics, read_manifest, wrong_files
from explorer.limits import most_tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What `bundle.json` says about a model, checked. Layers and heads are the encoder's counts."""

    folder: Path
    title: str
    licence: str
    problem_type: str | None
    """None if the bundle has no classifier; it then has no labels either."""
    labels: tuple[str, ...]
    temperature: float
    examples: tuple[Example, ...]
    max_tokens: int
    """How many the model can read; the page may read fewer: see `most_tokens`."""
    layers: int
    heads: int
    width: int
    """Numbers per token in the hidden state."""
    vocabulary: int
    graph: Graph
    """The encoder's, with the classifier where there is one."""
    test_metrics: HeldOutMetrics
    decoder: Decoder | None
    """What writes; None if the bundle only classifies."""

    @property
    def classifies(self) -> bool:
        return self.problem_type is not None

    @property
    def writes(self) -> bool:
        return self.decoder is not None

    @property
    def most_tokens(self) -> int:
        """How many tokens of a text the page reads."""
        return most_tokens(self.max_tokens, self.layers, self.heads, self.width)

    @property
    def tokenizer_file(self) -> Path:
        return self.folder / "tokenizer.json"


def open_bundle(folder: str | Path, precision: str | None = None) -> Bundle:
    """Reads and checks a bundle; the graph of `precision`, or the smallest that there is.

    Raises:
        BundleError: the folder or a file is missing, `bundle.json` is not as its schema says, or
            the bytes of a file are not those that the export wrote.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    graph = choose_graph(folder, manifest, manifest.reads, precision)
    decoder = open_decoder(folder, manifest, precision) if manifest.writes else None
    for fault in wrong_files(folder, manifest):
        raise BundleError(fault)
    classifies = manifest.classifies
    return Bundle(
        folder=folder,
        title=manifest.title,
        licence=manifest.licence,
        problem_type=manifest.problem_type if classifies else None,
        labels=(manifest.labels or ()) if classifies else (),
        temperature=(manifest.temperature or 1.0) if classifies else 1.0,
        examples=manifest.examples,
        max_tokens=manifest.max_tokens,
        layers=manifest.sizes.layers,
        heads=manifest.sizes.heads,
        width=manifest.sizes.hidden,
        vocabulary=manifest.sizes.vocabulary,
        graph=graph,
        test_metrics=manifest.metrics.test or HeldOutMetrics(),
        decoder=decoder,
    )
