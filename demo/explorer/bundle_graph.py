"""The graphs of a bundle: which file runs, and whether its bytes are those that were exported."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from explorer.bundle_fields import AGAIN, BundleError, Fields

PRECISIONS = ("8bit", "float32")
"""What is preferred comes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """One ONNX file of a bundle, with what its export measured."""

    precision: str
    """`float32` or `8bit`."""
    path: Path
    map_error: Mapping[str, float]
    """How far the 8-bit maps are from float32's, as total variation distance; empty if unknown.
    A decoder's are those of its cross-attention."""


def choose_graph(fields: Fields, folder: Path, kind: str, precision: str | None) -> Graph:
    """The graph of a kind (`classify`, `encode`, `generate`) that is to run.

    Raises:
        BundleError: there is none of that precision, or its file is missing, changed or elsewhere.
    """
    graphs = Fields(fields.get("graphs", dict), fields.file).mapping(kind)
    wanted = [precision] if precision else PRECISIONS
    chosen = next((name for name in wanted if name in graphs), None)
    if chosen is None:
        raise BundleError(
            f"{fields.file} has no graph of precision {' or '.join(wanted)} (found: "
            f"{', '.join(graphs) or 'none'}). Export it, or leave out --precision"
        )
    content = Fields(graphs, fields.file, f"graphs.{kind}.").get(chosen, dict)
    entry = Fields(content, fields.file, f"graphs.{kind}.{chosen}.")
    path = folder / entry.get("file", str)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(
            f"{fields.file} names the graph {entry.get('file', str)!r}; expected a file inside "
            f"the bundle. {AGAIN}"
        )
    if not path.is_file():
        raise BundleError(f"{folder} has no {entry.get('file', str)}, its {chosen} graph. {AGAIN}")
    _check_bytes(path, entry.get("sha256", str))
    error = entry.mapping("map_error")
    if kind == "generate":  # it has maps of two kinds
        error = Fields(error, fields.file).mapping("cross_attentions")
    return Graph(precision=chosen, path=path, map_error=error)


def _check_bytes(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise BundleError(
            f"{path} has {path.stat().st_size} bytes with sha256 {found[:12]}…; bundle.json "
            f"expects {expected[:12]}…. It was cut off, changed, or is a Git LFS pointer. "
            f"Copy it again, or export it: python export/to_onnx.py"
        )
