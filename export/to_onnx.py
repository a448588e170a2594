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

from export.bundle.card import make_card
from export.bundle.write import BUNDLE, describe, write_bundle
from export.command import DONE, FAILED, STOPPED, run_command
from export.eval_texts import HeldOut, find_sources, many_texts
from export.graphs.tracing import check_fits, weights_bytes
from export.loading import Parts, lower_limits, open_parts
from export.pipeline import Made, Tell, make_decoder, make_encoder
from export.quantize.schemes import PROFILES, EightBit
from export.report import (
    show_bundle,
    show_examples,
    show_parts,
    show_search,
    show_triton,
    show_way_out,
)
from export.runtime import other_runtimes
from export.runtime.session import CHOICES, choose_integer_weights
from export.triton_repository import MODEL, lay_out, model_folder
from export.verification.bundle import UnsoundBundleError, verify_bundle
from export.verification.report import show_proof
from training.checkpoints.atomic_folder import check_given, check_target
from training.checkpoints.record import find_record
from training.file_names import real_name

DEFAULT_CHECKPOINT = "checkpoints/reviews"


def build_parser(description: str | None = None) -> argparse.ArgumentParser:
    """The command's flags, under a description of what it does."""
    parser = argparse.ArgumentParser(
        prog="to_onnx.py",
        description=description,
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
    examples = parser.add_mutually_exclusive_group()
    examples.add_argument(
        "--examples",
        type=Path,
        help="texts for the page to offer, which become public with it: a text a line (.txt), "
        "or a CSV or JSON with text and text_pair (default: of a training on the packaged "
        "reviews its own; rows of other data are never offered by themselves)",
    )
    examples.add_argument(
        "--no-examples", action="store_true", help="offer none, of the packaged reviews neither"
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        metavar="N",
        help="the longest text that the page reads or writes, in tokens: what a model of many "
        "positions is tried on hangs on it (default: as many as the model can)",
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
        help="what the 8-bit graph of the encoder is held to: maps near to float32's, or speed; a "
        "limit that cannot be measured (no labels, a model that reads less) is named and counts "
        "neither as held nor as missed (default: %(default)s)",
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


_SHARE_OF_8_BIT = 0.28
"""Of float32's bytes, as the profiles allow."""
_LONGEST = 500
"""Characters of a failed check: some libraries tell all that they were given."""
_NAMES = (
    *("the checkpoint's name", "--examples", "--held-out", "--decoder-tokenizer"),
    *("--title", "--licence"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when the bundle is written, 1 when a check failed, 2 on bad input."""
    given = build_parser(__doc__).parse_args(argv)
    return run_command("to_onnx.py", partial(_run, given))


def _run(given: argparse.Namespace) -> int:
    read = (given.checkpoint, given.examples, given.held_out, given.decoder_tokenizer)
    for what, name in zip(_NAMES, (*read, given.title, given.licence), strict=True):
        check_given(name, what)
    name = real_name(given.checkpoint or DEFAULT_CHECKPOINT)
    out = given.out or Path("bundles") / name
    given.out = check_target(out, kind=BUNDLE, inputs=read)
    given.checkpoint = given.checkpoint or _default_checkpoint(given.no_train)
    failures = _export(given)
    for failure in failures:
        print(f"failed: {failure[:_LONGEST]}", file=sys.stderr)
    if failures:
        print(f"{len(failures)} checks failed; no bundle was written", file=sys.stderr)
    return FAILED if failures else DONE


def _default_checkpoint(no_train: bool) -> str:
    if not Path(DEFAULT_CHECKPOINT).exists():
        command = "python training/train_classifier.py"
        if no_train:
            raise FileNotFoundError(f"{DEFAULT_CHECKPOINT} is not there. Make it: {command}")
        print(f"{DEFAULT_CHECKPOINT} is not there; training it first, as {command} does\n")
        from training.train_classifier import main as train

        code = train(["--out", DEFAULT_CHECKPOINT])
        if code == STOPPED:
            raise KeyboardInterrupt
        if code:
            raise ValueError(f"the training stopped with code {code}; nothing was exported")
        print()
    return DEFAULT_CHECKPOINT


def _export(given: argparse.Namespace) -> list[str]:
    """Everything between the flags and the bundle; returns the failed checks."""
    name, eight_bit = given.checkpoint, _eight_bit(given)
    tell = partial(print, flush=True)
    record = find_record(Path(name))
    parts = _open(given)
    card = make_card(
        *(name, record, parts),
        title=given.title,
        licence=given.licence,
        examples=given.examples,
        no_examples=given.no_examples,
    )
    describe(parts, card)  # what no reader would open is refused before the work
    held_out = HeldOut([], False)
    if eight_bit:
        held_out = many_texts(given.held_out, record, card.examples, parts.encoder)
    tell(show_parts(name, parts))
    tell(show_examples(card, given.examples))

    encoder = make_encoder(parts.encoder, held_out, eight_bit=eight_bit, tell=tell)
    if encoder.misses and not given.allow_miss:
        if failures := _leave_out_8_bit(encoder, given, tell):
            return failures
        eight_bit = None
    decoder = Made()
    if parts.decoder and card.decoder:
        tell(show_search())
        places = [given.held_out] if given.held_out else []
        sources = find_sources(record, card.decoder.examples, parts.encoder, places)
        decoder = make_decoder(parts.decoder, encoder, sources, eight_bit=eight_bit, tell=tell)
    if failures := encoder.failures + decoder.failures:
        return failures
    if given.only_8bit:
        for made in (encoder, decoder):
            made.graphs.pop("float32", None)
    out = given.out
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


def _open(given: argparse.Namespace) -> Parts:
    """The checkpoint, after it is clear that its graphs and the disk can hold it.

    Raises:
        OSError, ValueError: as `open_parts`, `lower_limits`, `check_fits` and `check_target`.
    """
    parts = open_parts(given.checkpoint, decoder_tokenizer=given.decoder_tokenizer)
    if given.max_tokens is not None:
        parts = lower_limits(parts, given.max_tokens)
    sizes = {"the encoder": weights_bytes(parts.encoder.model)}
    if parts.decoder:
        model = parts.decoder.model
        bridge = weights_bytes(model.bridge) if model.bridge else 0
        sizes["the decoder"] = weights_bytes(model.decoder) + bridge
    for what, size in sizes.items():
        check_fits(size, what)
    float32 = 0 if given.only_8bit else 1
    share = float32 + (_SHARE_OF_8_BIT if given.quantize or given.only_8bit else 0)
    check_target(given.out, kind=BUNDLE, needs=round(share * sum(sizes.values())))
    if given.triton:
        tasks = ["classify" if parts.encoder.classifies else "encode"]
        for task in [*tasks, *(["generate"] if parts.decoder else [])]:
            check_target(model_folder(given.out, given.triton, task), kind=MODEL)
    return parts


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
    found = verify_bundle(folder, other_runtimes.OTHERS)
    tell(f"\n{show_proof(found)}\n")
    if found.failures:
        raise UnsoundBundleError(found.failures)
    return found.entry()


if __name__ == "__main__":
    sys.exit(main())
