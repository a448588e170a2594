"""The flags of `to_onnx.py`, and what its --help says."""

import argparse
from pathlib import Path

from export.processor import CHOICES
from export.profiles import PROFILES

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
