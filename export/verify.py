"""Proves a finished bundle again, whoever made it: without torch, without its checkpoint.

Its files are held against their sha256, each graph's names and shapes against what a bundle
promises, its maps against what must hold of every map, in batches of several sizes, lengths and
paddings, in cached steps and whole; then the same inputs go through every other runtime that is
installed, and all must give the same numbers.
"""

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bundle_format.folder import read_manifest
from bundle_format.graphs import RuntimeAgreement
from bundle_format.typed_json import as_json
from bundle_format.values import FILE
from export.command import DONE, FAILED, command_parser, run_command
from export.runtime.other_runtimes import OTHERS
from export.verification.bundle import CheckedBundle, CheckedGraph, verify_bundle
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
    return run_command("verify.py", _run, build_parser().parse_args(argv))


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


_WIDTH = 100
_CHECKED = (
    "sha256, names, types, axes, shapes, rows of every map, each text by itself, head masks of "
    "ones, no warning"
)


def show_proof(found: CheckedBundle) -> str:
    """A block for each graph: what was run, and how far the runtimes are apart."""
    return "\n\n".join("\n".join(_graph(one, found.versions)) for one in found.graphs)


def show_summary(found: CheckedBundle) -> str:
    """The last line."""
    count = len(found.failures)
    if count:
        return f"{count} checks failed"
    return "all of it holds: " + ", ".join(f"{name} {v}" for name, v in found.versions.items())


def _graph(one: CheckedGraph, versions: Mapping[str, str]) -> Iterator[str]:
    checks = one.checks
    verdict = f"{len(checks.failures)} FAILED, see below" if checks.failures else "all of it holds"
    yield f"{one.file}  {one.precision}, to {one.task}: {verdict}"
    if checks.batches:
        yield _wrap(f"run in onnxruntime {versions['onnxruntime']}: {'; '.join(checks.batches)}")
    if checks.not_tried:
        yield _wrap(f"not tried: {checks.not_tried}")
    yield _wrap(f"held against what a bundle promises: {_CHECKED}")
    if checks.differences:
        worst = (f"{kind} {value:.1e}" for kind, value in checks.differences.items())
        yield _wrap(f"steps against one run: {', '.join(worst)}")
    ran = {name: found for name, found in one.agreement.items() if not found.skipped}
    if ran:
        yield "  largest difference from onnxruntime:"
        yield from (f"    {line}" for line in _columns(ran, versions))
    for name, found in one.agreement.items():
        if found.skipped:
            yield _wrap(f"{name}: not run; {found.skipped}")


def _wrap(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _columns(ran: Mapping[str, RuntimeAgreement], versions: Mapping[str, str]) -> Iterator[str]:
    columns = [one.differences or {} for one in ran.values()]
    rows = [["", *(f"{name} {versions[name]}" for name in ran)]]
    for kind in dict.fromkeys(kind for column in columns for kind in column):
        found = [column.get(kind) for column in columns]
        rows.append([kind, *("" if value is None else f"{value:.1e}" for value in found)])
    rows.append(["batches", *(str(len(one.cases or ())) for one in ran.values())])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells]).rstrip()


if __name__ == "__main__":
    sys.exit(main())
