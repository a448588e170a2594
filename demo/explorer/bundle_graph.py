"""The graphs of a bundle: which file runs."""

from dataclasses import dataclass
from pathlib import Path

from explorer.bundle_schema import BundleError, Manifest, MapError, WritingMapError

PRECISIONS = ("8bit", "float32")
"""What is preferred comes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """One ONNX file of a bundle, with what its export measured."""

    precision: str
    """`float32` or `8bit`."""
    path: Path
    map_error: MapError
    """How far the 8-bit maps are from float32's, as far as it is known. A decoder's are those of
    its cross-attention."""


def choose_graph(folder: Path, manifest: Manifest, task: str, precision: str | None) -> Graph:
    """The graph of a task (`classify`, `encode`, `generate`) that is to run.

    Raises:
        BundleError: there is none of that precision.
    """
    graphs = manifest.graphs.by_task()[task]
    wanted = [precision] if precision else PRECISIONS
    chosen = next((name for name in wanted if name in graphs), None)
    if chosen is None:
        raise BundleError(
            f"{folder} has no graph of precision {' or '.join(wanted)} to {task} (found: "
            f"{', '.join(graphs)[:80]}). Export it, or leave out --precision"
        )
    entry = graphs[chosen]
    error = entry.map_error
    if isinstance(error, WritingMapError):  # it has maps of two kinds
        error = error.cross_attentions
    return Graph(precision=chosen, path=folder / entry.file, map_error=error or MapError())
