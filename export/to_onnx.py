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

from export.bundle import FILES, Graph, write_bundle
from export.card import make_card
from export.eight_bit import EightBit, make_eight_bit
from export.graphs import OPSET, trace_classifier
from export.verify import LIMIT, Proof, prove_classifier
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
    _print_model(name, model)

    graph = trace_classifier(model)
    proof = prove_classifier(graph, model)
    size = graph.ByteSize()
    _print_proof(size, proof)
    failures = proof.failures
    graphs = {"float32": Graph(model=graph, measured={"difference_from_torch": proof.differences})}
    if given.quantize or given.only_8bit:
        small = make_eight_bit(graph, model, texts.texts, labelled=texts.labelled)
        _print_eight_bit(small, size)
        failures += small.failures
        graphs["8bit"] = Graph(model=small.model, measured=small.measured())
    if given.only_8bit:
        del graphs["float32"]
    if failures:
        return failures
    out = given.out or Path("bundles") / Path(name).name
    write_bundle(out, config=model.config, tokenizer=tokenizer, graphs=graphs, card=card)
    _row("bundle", str(out), f"open it: python demo/app.py --bundle {out}")
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


def _row(first: str, second: str, *rest: str) -> None:
    """A line of the page, shown as soon as it is known."""
    print(f"{first:<10}  {second:<27}  {'  '.join(rest)}".rstrip(), flush=True)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _print_model(name: str, model: BERTClassifier) -> None:
    config = model.config.encoder
    weights = sum(parameter.numel() for parameter in model.parameters())
    _row(
        "checkpoint",
        name,
        f"{config.num_hidden_layers} layers × {config.num_attention_heads} heads, "
        f"{weights:,} weights, labels: {', '.join(model.config.labels)}",
    )


def _print_proof(size: int, proof: Proof) -> None:
    _row("graph", FILES["float32"], f"{_size(size)}, opset {OPSET}")
    _row(
        "", "against torch", f"{len(proof.batches)} batches, limit {LIMIT:.0e} of the largest value"
    )
    for kind, difference in proof.differences.items():
        _row("", f"  {kind}", f"largest difference {difference:.1e}")
    _row("", "rows sum to 1, padding gets 0,", "a batch equals its texts alone,")
    _row("", "head_mask removes one head", "ok" if not proof.failures else "FAILED, see below")


def _print_eight_bit(small: EightBit, full_size: int) -> None:
    size = small.model.ByteSize()
    _row("8 bit", FILES["8bit"], f"{_size(size)}, {size / full_size:.2f} of float32")
    if agreement := small.agreement:
        errors = agreement.map_error
        kind = "held-out texts" if agreement.accuracy else "of the page's examples"
        _row("", "against float32", f"on {agreement.texts} {kind}")
        _row("", "  same label", f"{agreement.same_label:.2%}")
        if agreement.accuracy:
            before, after = agreement.accuracy
            _row("", "  accuracy", f"{after:.4f}", f"float32 {before:.4f}, {after - before:+.4f}")
        _row(
            "",
            "  map error (TV)",
            f"mean {errors['mean']:.4f}, 99th percentile {errors['p99']:.4f}, "
            f"largest {errors['max']:.4f}",
        )
        for kind, difference in agreement.differences.items():
            _row("", f"  {kind}", f"largest difference {difference:.1e}")
    else:
        _row("", "not compared with float32", "no texts: give --examples or --held-out")
    for tokens, ratio in small.latency_ratio.items():
        _row("", f"  time at {tokens} tokens", f"{ratio:.2f} of float32")


if __name__ == "__main__":
    sys.exit(main())
