"""Exports a list of models, one after the other, and prints what came of each as a table.

Without arguments the list is of named models on the Hub, of all tasks and many families, so it
needs a network. Folders and other names may be given in its place. A model that is refused stands
in the table with the sentence that refuses it.
"""

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bundle_format.folder import read_manifest
from bundle_format.graphs import ReadingGraph
from bundle_format.schema import Manifest
from export.command import DONE, FAILED, STOPPED, command_parser, run_command
from export.to_onnx import main as export
from training.file_names import real_name

MODELS = (
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    "cardiffnlp/twitter-roberta-base-sentiment-latest",
    "SamLowe/roberta-base-go_emotions",
    "ProsusAI/finbert",
    "textattack/albert-base-v2-SST-2",
    "MoritzLaurer/DeBERTa-v3-base-mnli-fever-anli",
    "cross-encoder/ms-marco-MiniLM-L6-v2",
    "BAAI/bge-reranker-base",
    "dslim/bert-base-NER",
    "Jean-Baptiste/camembert-ner",
    "Davlan/xlm-roberta-base-ner-hrl",
    "deepset/roberta-base-squad2",
    "distilbert/distilbert-base-cased-distilled-squad",
    "deepset/deberta-v3-base-squad2",
    "google-bert/bert-base-uncased",
    "answerdotai/ModernBERT-base",
    "sentence-transformers/all-MiniLM-L6-v2",
    "sentence-transformers/all-mpnet-base-v2",
    "BAAI/bge-small-en-v1.5",
    "intfloat/e5-small-v2",
)
_HEAD = ("model", "task", "layers × heads", "logits", "maps", "seconds", "what came of it")
_LONGEST = 300
"""Characters of a sentence in the table."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of one model."""

    model: str
    seconds: float
    manifest: Manifest | None = None
    said: str = ""
    """Why there is no bundle."""

    def cells(self) -> Iterator[str]:
        """Of its row in the table."""
        yield self.model
        if self.manifest is None:
            said = self.said.replace("|", "/")
            yield from ("", "", "", "", f"{self.seconds:.0f}", f"refused: {said[:_LONGEST]}")
            return
        sizes, task = self.manifest.sizes, self.manifest.reads
        graph = self.manifest.graphs.by_task()[task]["float32"]
        assert isinstance(graph, ReadingGraph), "what reads comes first"
        differences = graph.difference_from_torch or {}
        answers = [size for kind, size in differences.items() if kind.endswith("logits")]
        yield ", ".join(self.manifest.tasks)
        yield f"{sizes.layers} × {sizes.heads}"
        yield f"{max(answers):.0e}" if answers else ""
        yield f"{differences.get('encoder_attentions', 0.0):.0e}"
        yield f"{self.seconds:.0f}"
        yield "; ".join(["opened", *self.manifest.assumed])[:_LONGEST].replace("|", "/")


def try_model(name: str, out: Path, flags: Sequence[str] = ()) -> Tried:
    """Exports one model into the folder `out`.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    started, told = time.monotonic(), io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
        code = export([name, "--out", str(out), *flags])
    if code == STOPPED:
        raise KeyboardInterrupt
    seconds = time.monotonic() - started
    if code == DONE:
        return Tried(model=name, seconds=seconds, manifest=read_manifest(out))
    lines = [line for line in told.getvalue().splitlines() if line.strip()] or ["nothing is said"]
    said = lines[0].removeprefix("to_onnx.py: ")
    return Tried(model=name, seconds=seconds, said=said)


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    example = "example: python export/hub_models.py path/to/model dslim/bert-base-NER"
    parser = command_parser("hub_models.py", __doc__, example)
    add = parser.add_argument
    add(
        "models", nargs="*", default=MODELS, help=f"folders or names (default: {len(MODELS)} names)"
    )
    add("--quantize", action="store_true", help="make and measure the 8-bit graphs as well")
    add("--max-tokens", metavar="N", help="the longest text, which the time hangs on")
    add("--keep", type=Path, metavar="FOLDER", help="where the bundles stay (default: nowhere)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when each became a bundle, 1 when one did not."""
    return run_command("hub_models.py", _run, build_parser().parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    flags = ["--quantize", "--allow-miss"] if given.quantize else []
    flags += ["--max-tokens", given.max_tokens] if given.max_tokens else []
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}", flush=True)
    opened = []
    with tempfile.TemporaryDirectory() as passing:
        for name in given.models:
            tried = try_model(name, (given.keep or Path(passing)) / real_name(name), flags)
            print(f"| {' | '.join(tried.cells())} |", flush=True)
            opened.append(tried.manifest is not None)
    print(f"\n{sum(opened)} of {len(opened)} opened")
    return DONE if all(opened) else FAILED


if __name__ == "__main__":
    sys.exit(main())
