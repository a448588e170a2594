"""The decoder of a bundle that writes: its sizes, graph, and the ids it starts and ends with."""

from dataclasses import dataclass, field
from pathlib import Path

from explorer.bundle_graph import Graph, choose_graph
from explorer.bundle_schema import (
    DecoderDescription,
    DecoderMetrics,
    Example,
    Manifest,
    read_generation,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoder:
    """What `bundle.json` and `decoder/` say about what writes. Layers and heads are counts."""

    tokenizer_file: Path
    layers: int
    heads: int
    vocabulary: int
    max_tokens: int
    """So many tokens at most, the start token among them."""
    task: str
    """`restore` if it writes a spoiled sentence clean; else a free word."""
    start_id: int
    end_id: int
    graph: Graph
    longest_learned: int | None = None
    """Words of the longest source that it was trained on; None if the bundle does not say."""
    examples: tuple[Example, ...] = ()
    """Sources to write from, as they are: a restorer's are spoiled already."""
    metrics: DecoderMetrics = field(default_factory=DecoderMetrics)

    @property
    def restores(self) -> bool:
        return self.task == "restore"


def open_decoder(folder: Path, manifest: Manifest, precision: str | None) -> Decoder:
    """The part of a bundle that writes, which has one.

    Raises:
        BundleError: there is no graph of that precision, or `decoder/generation_config.json` does
            not say how a text begins and ends.
    """
    stated = manifest.decoder
    assert stated, "the schema lets nothing write without"
    marks = read_generation(folder, stated.vocabulary)
    return Decoder(
        tokenizer_file=folder / "decoder" / "tokenizer.json",
        layers=stated.layers,
        heads=stated.heads,
        vocabulary=stated.vocabulary,
        max_tokens=stated.max_tokens,
        task=stated.task,
        start_id=marks.start,
        end_id=marks.eos_token_id,
        graph=choose_graph(folder, manifest, "generate", precision),
        longest_learned=_longest_learned(stated),
        examples=stated.examples,
        metrics=stated.metrics,
    )


def _longest_learned(stated: DecoderDescription) -> int | None:
    """Of the texts that it learned from; older restorers say but what their recipe lets in."""
    data, recipe = stated.checkpoint.data, stated.checkpoint.recipe
    if data and data.longest is not None:
        return data.longest
    return recipe.longest if recipe and stated.task == "restore" else None
