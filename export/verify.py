"""Proves a finished bundle again, whoever made it: without torch, without its checkpoint.

Its files are held against their sha256, each graph's names and shapes against what a bundle
promises, its maps against what must hold of every map, in batches of several sizes, lengths and
paddings, in cached steps and whole; then the same inputs go through every other runtime that is
installed, and all must give the same numbers.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bundle_format.folder import read_manifest
from bundle_format.schema import FILE
from bundle_format.typed_json import as_json
from export.command import DONE, FAILED, command_parser, run_command
from export.runtime.other_runtimes import OTHERS
from export.verification.bundle import verify_bundle
from export.verification.report import show_proof, show_summary
from training.checkpoints.files import write_json


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    example = "example: python export/verify.py bundles/reviews"
    parser = command_parser("verify.py", __doc__, example)
    names = [runtime.name for runtime in OTHERS]
    parser.add_argument("bundle", type=Path, help="the bundle's folder")
    parser.add_argument(
        "--runtimes",
        nargs="*",
        choices=names,
        default=names,
        help="those to try beside onnxruntime (default: all that are installed)",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="keep the result in the bundle's bundle.json, if all of it holds",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when all holds, 1 when a check failed, 2 when this is no bundle."""
    return run_command("verify.py", partial(_run, build_parser().parse_args(argv)))


def _run(given: argparse.Namespace) -> int:
    chosen = [runtime for runtime in OTHERS if runtime.name in given.runtimes]
    found = verify_bundle(given.bundle, chosen)
    print(show_proof(found), flush=True)
    for failure in found.failures:
        print(f"failed: {failure}", file=sys.stderr)
    print(show_summary(found), file=sys.stderr if found.failures else sys.stdout)
    if found.failures:
        return FAILED
    if given.write:
        manifest = replace(read_manifest(given.bundle), proof=found.proof)
        write_json(given.bundle / FILE, as_json(manifest))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
