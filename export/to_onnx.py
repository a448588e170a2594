"""Exports a model to ONNX with every attention map as a graph output, and proves the result.

A checkpoint folder of ours goes in, or any model in Hugging Face's format: a sequence classifier
(BERT, DistilBERT, RoBERTa, XLM-R, ELECTRA) or an EncoderDecoderModel of one of these and GPT-2. A
bundle that demo/app.py opens comes out. Nothing is written unless every check passes.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from export import runtimes
from export.bundle import write_bundle
from export.card import make_card
from export.eight_bit import EightBit
from export.held_out import HeldOut
from export.made import Made, Tell
from export.make_decoder import make_decoder
from export.make_encoder import make_encoder
from export.many_texts import many_texts
from export.parts import open_parts
from export.processor import CHOICES, choose_integer_weights
from export.profiles import PROFILES
from export.report import show_bundle, show_parts, show_search, show_triton, show_way_out
from export.sources import find_sources
from export.triton_repository import lay_out
from export.verify_bundle import UnsoundBundleError, verify_bundle
from export.verify_report import show_proof
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
    _add_8_bit_flags(parser)
    parser.add_argument(
        "--decoder-tokenizer",
        metavar="NAME",
        help="folder or Hub name of the tokenizer that an EncoderDecoderModel writes with "
        "(default: its folder's decoder/, else the encoder's)",
    )
    parser.add_argument(
        "--triton",
        type=Path,
        metavar="FOLDER",
        help="also lay the bundle out in this model repository of the Triton server, as "
        "triton_repository.py does",
    )
    parser.add_argument(
        "--no-train", action="store_true", help="without a checkpoint stop instead of training one"
    )
    return parser


def _add_8_bit_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("8 bit").add_argument
    add(
        "--quantize",
        action="store_true",
        help="also write the 8-bit graphs, and measure them on held-out texts",
    )
    add("--only-8bit", action="store_true", help="--quantize, and leave the float32 graphs out")
    add(
        "--profile",
        choices=tuple(PROFILES),
        default="faithful",
        help="what the 8-bit graph of the encoder is held to: maps near to float32's, or speed "
        "(default: %(default)s)",
    )
    add(
        "--allow-miss",
        action="store_true",
        help="write the 8-bit graphs although a limit of their profile is missed",
    )
    add(
        "--integer-weights",
        choices=CHOICES,
        default="auto",
        help="int8 is the faster; uint8 is exact on x86 without VNNI too, in clients that do not "
        "set onnxruntime's session.x64quantprecision (default: by this processor)",
    )
    add(
        "--held-out",
        metavar="DATA",
        help="labelled texts to measure the 8-bit graph on, as train_classifier.py's --data; its "
        "test and validation parts are used (default: those of the training)",
    )


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
    name, eight_bit = given.checkpoint, _eight_bit(given)
    tell = partial(print, flush=True)
    record = read_record(Path(name)) if (Path(name) / "training.json").is_file() else None
    parts = open_parts(name, decoder_tokenizer=given.decoder_tokenizer)
    card = make_card(
        name, record, parts, title=given.title, licence=given.licence, examples=given.examples
    )
    held_out = HeldOut([], False)
    if eight_bit:
        held_out = many_texts(given.held_out, record, card.examples, parts.encoder)
    tell(show_parts(name, parts))

    encoder = make_encoder(parts.encoder, held_out, eight_bit=eight_bit, tell=tell)
    if encoder.misses and not given.allow_miss:
        if failures := _leave_out_8_bit(encoder, given, tell):
            return failures
        eight_bit = None
    decoder = Made()
    if parts.decoder and card.decoder:
        tell(show_search())
        sources = find_sources(record, card.decoder.examples, parts.encoder)
        decoder = make_decoder(parts.decoder, encoder, sources, eight_bit=eight_bit, tell=tell)
    if failures := encoder.failures + decoder.failures:
        return failures
    if given.only_8bit:
        for made in (encoder, decoder):
            made.graphs.pop("float32", None)
    out = given.out or Path("bundles") / Path(name).name
    try:
        write_bundle(
            *(out, parts, card),
            encoder=encoder.graphs,
            decoder=decoder.graphs,
            prove=partial(_prove, tell=tell),
        )
    except UnsoundBundleError as unsound:
        return unsound.failures
    tell(show_bundle(out))
    if given.triton:
        tell(show_triton(lay_out(out, given.triton)))
    return []


def _leave_out_8_bit(encoder: Made, given: argparse.Namespace, tell: Tell) -> list[str]:
    """Takes back a graph that misses its limits, and says so; a failure if no other is wanted."""
    tell(show_way_out(given.profile, PROFILES))
    missed = [f"8 bit, profile {given.profile}: {miss}" for miss in encoder.misses]
    if given.only_8bit:
        return missed
    for miss in missed:
        print(f"8-bit graphs are left out: {miss}", file=sys.stderr)
    del encoder.graphs["8bit"]
    return []


def _eight_bit(given: argparse.Namespace) -> EightBit | None:
    if not (given.quantize or given.only_8bit):
        return None
    weights = choose_integer_weights(given.integer_weights)
    return EightBit(name=given.profile, integer_weights=weights)


def _prove(folder: Path, tell: Tell) -> dict[str, Any]:
    """The finished bundle once more, alone, in every runtime; what `bundle.json` keeps of it."""
    found = verify_bundle(folder, runtimes.OTHERS)
    tell(f"\n{show_proof(found)}\n")
    if found.failures:
        raise UnsoundBundleError(found.failures)
    return found.entry()


if __name__ == "__main__":
    sys.exit(main())
