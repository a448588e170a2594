"""The page that `verify.py` prints, as text."""

import textwrap
from collections.abc import Iterator, Mapping

from bundle_format.schema import RuntimeAgreement
from export.verification.bundle import CheckedBundle, CheckedGraph

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
        yield _wrap(f"cached steps against one run: {', '.join(worst)}")
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
