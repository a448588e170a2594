"""Exports a classifier to ONNX with every attention map as a graph output, and proves the result.

A checkpoint folder of ours, or any model in Hugging Face's BertForSequenceClassification format,
goes in; a bundle that demo/app.py opens comes out. Nothing is written unless every check passes.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from export.bundle import Graph, write_bundle
from export.card import make_card
from export.eight_bit import make_eight_bit
from export.graphs import trace_classifier
from export.report import show_bundle, show_eight_bit, show_model, show_proof
from export.verify_classifier import prove_classifier
from training.batches import EncodedText, encode_texts
from training.checkpoint import load_classifier, load_tokenizer
from training.corpus import Example, load_corpus
from training.model.classifier import BERTClassifier
from training.record import read_record

DEFAULT_CHECKPOINT = "checkpoints/reviews"


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="to_onnx.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python export/to_onnx.py checkpoints/reviews --quantize",
    )
    parser.add_argument(
        "checkpoint",
        nargs="?",
        help="a checkpoint folder, a folder in Hugging Face's format, or a model's name on the "
        f"Hub (default: {DEFAULT_CHECKPOINT}, which is trained first if it is not there)",
    )
    parser.add_argument("--out", type=Path, help="the bundle's folder (default: bundles/<name>)")
    parser.add_argument("--title", help="the page's heading (default: from training)")
    parser.add_argument(
        "--licence", help="a sentence on weights and texts (default: from training)"
    )
    parser.add_argument(
        "--examples",
        type=Path,
        help="texts for the page to offer: a text a line, or JSON Lines with text and text_pair",
    )
    parser.add_argument(
        "--quantize",
        action="store_true",
        help="also write the 8-bit graph, and measure it on held-out texts",
    )
    parser.add_argument(
        "--only-8bit", action="store_true", help="--quantize, and leave the float32 graph out"
    )
    parser.add_argument(
        "--held-out",
        metavar="DATA",
        help="labelled texts to measure the 8-bit graph on, as train_classifier.py's --data; its "
        "test part is used (default: those of the training)",
    )
    parser.add_argument(
        "--no-train", action="store_true", help="without a checkpoint stop instead of training one"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when the bundle is written, 1 when a check failed, 2 on bad input."""
    parser = build_parser()
    given = parser.parse_args(argv)
    try:
        given.checkpoint = given.checkpoint or _default_checkpoint(given.no_train)
        failures = _export(given)
    except (FileNotFoundError, FileExistsError, ValueError) as error:
        print(f"to_onnx.py: {error}", file=sys.stderr)
        return 2
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    if failures:
        print(f"{len(failures)} checks failed; no bundle was written", file=sys.stderr)
    return 1 if failures else 0


def _default_checkpoint(no_train: bool) -> str:
    if not Path(DEFAULT_CHECKPOINT).exists():
        command = "python training/train_classifier.py"
        if no_train:
            raise FileNotFoundError(f"{DEFAULT_CHECKPOINT} is not there. Make it: {command}")
        print(f"{DEFAULT_CHECKPOINT} is not there; training it first, as {command} does\n")
        from training.train_classifier import main as train

        if code := train(["--out", DEFAULT_CHECKPOINT]):
            raise ValueError(f"the training stopped with code {code}; nothing was exported")
        print()
    return DEFAULT_CHECKPOINT


def _export(given: argparse.Namespace) -> list[str]:
    """Everything between the flags and the bundle; returns the failed checks."""
    name = given.checkpoint
    record = read_record(Path(name)) if (Path(name) / "training.json").is_file() else None
    card = make_card(
        name, record, title=given.title, licence=given.licence, examples=given.examples
    )
    model, tokenizer = load_classifier(name), load_tokenizer(name)
    texts = HeldOut([], False)
    if given.quantize or given.only_8bit:
        texts = held_out_texts(given.held_out, record, card.examples, model, tokenizer)
    print(show_model(name, model), flush=True)

    graph = trace_classifier(model)
    proof = prove_classifier(graph, model)
    size = graph.ByteSize()
    print(show_proof(size, proof), flush=True)
    failures = proof.failures
    graphs = {"float32": Graph(model=graph, measured={"difference_from_torch": proof.differences})}
    if given.quantize or given.only_8bit:
        small = make_eight_bit(graph, model, texts.texts, labelled=texts.labelled)
        print(show_eight_bit(small, size), flush=True)
        failures += small.failures
        graphs["8bit"] = Graph(model=small.model, measured=small.measured())
    if given.only_8bit:
        del graphs["float32"]
    if failures:
        return failures
    out = given.out or Path("bundles") / Path(name).name
    write_bundle(out, config=model.config, tokenizer=tokenizer, graphs=graphs, card=card)
    print(show_bundle(out))
    return []


@dataclass(frozen=True)
class HeldOut:
    """Texts to measure on, and whether their labels are known."""

    texts: list[EncodedText]
    labelled: bool


def held_out_texts(
    data: str | None,
    record: Mapping[str, Any] | None,
    examples: Sequence[Mapping[str, str]],
    model: BERTClassifier,
    tokenizer: PreTrainedTokenizerBase,
) -> HeldOut:
    """The test part of `data`, else of what the checkpoint was trained on, else the examples.

    Raises:
        FileNotFoundError, ValueError: as `load_corpus`, or the texts are not those of the training.
    """
    limit = min(model.config.encoder.max_position_embeddings, tokenizer.model_max_length)
    source = data or (record["data"]["source"] if record else None)
    if source is None:
        rows = [Example(example["text"], 0, example.get("text_pair")) for example in examples]
        return HeldOut(encode_texts(rows, tokenizer, max_tokens=limit), False)
    corpus = load_corpus(source)
    if data is None and record and corpus.fingerprint != record["data"]["fingerprint"]:
        raise ValueError(
            f"{source} has the fingerprint {corpus.fingerprint[:12]}, the training noted "
            f"{record['data']['fingerprint'][:12]}: its texts changed, so its test part may hold "
            "what was trained on. Train again, or give other texts with --held-out"
        )
    if corpus.labels != model.config.labels:
        raise ValueError(
            f"{source} has the labels {', '.join(corpus.labels)}; the model's are "
            f"{', '.join(model.config.labels)}. Name them alike"
        )
    return HeldOut(encode_texts(corpus.test, tokenizer, max_tokens=limit), True)


if __name__ == "__main__":
    sys.exit(main())
