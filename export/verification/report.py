"""The page that `verify.py` prints, as text."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from export.verification.bundle import Agreement, BundleProof, GraphProof

_WIDTH = 100
_CHECKED = (
    "sha256, names, types, axes, shapes, rows of every map, each text by itself, head masks of "
    "ones, no warning"
)


def show_proof(found: BundleProof) -> str:
    """A block for each graph: what was run, and how far the runtimes are apart."""
    return "\n\n".join("\n".join(_graph(one, found.versions)) for one in found.graphs)


def show_summary(found: BundleProof) -> str:
    """The last line."""
    count = len(found.failures)
    if count:
        return f"{count} checks failed"
    return "all of it holds: " + ", ".join(f"{name} {v}" for name, v in found.versions.items())


def _graph(one: GraphProof, versions: Mapping[str, str]) -> Iterator[str]:
    proof = one.proof
    verdict = f"{len(proof.failures)} FAILED, see below" if proof.failures else "all of it holds"
    yield f"{one.file}  {one.precision}, to {one.task}: {verdict}"
    if proof.batches:
        yield _wrap(f"run in onnxruntime {versions['onnxruntime']}: {'; '.join(proof.batches)}")
    if proof.not_tried:
        yield _wrap(f"not tried: {proof.not_tried}")
    yield _wrap(f"held against what a bundle promises: {_CHECKED}")
    if proof.differences:
        worst = (f"{kind} {value:.1e}" for kind, value in proof.differences.items())
        yield _wrap(f"cached steps against one run: {', '.join(worst)}")
    ran = [other for other in one.agreements if not other.skipped]
    if ran:
        yield "  largest difference from onnxruntime:"
        yield from (f"    {line}" for line in _columns(ran, versions))
    for other in one.agreements:
        if other.skipped:
            yield _wrap(f"{other.runtime}: not run; {other.skipped}")


def _wrap(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _columns(ran: Sequence[Agreement], versions: Mapping[str, str]) -> Iterator[str]:
    heads = [f"{one.runtime} {versions[one.runtime]}" for one in ran]
    kinds = list(dict.fromkeys(kind for one in ran for kind in one.differences))
    rows = [["", *heads]]
    for kind in kinds:
        found = [one.differences.get(kind) for one in ran]
        rows.append([kind, *("" if value is None else f"{value:.1e}" for value in found)])
    rows.append(["batches", *(str(len(one.cases)) for one in ran)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells]).rstrip()
