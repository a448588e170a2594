"""Reads what a bundle says of itself, for what is done with a finished one."""

from collections.abc import Mapping
from pathlib import Path

from export.bundle_schema import (
    BundleError,
    Manifest,
    ReadingGraph,
    WritingGraph,
    read_manifest,
    wrong_files,
)


def read_bundle(folder: Path) -> Manifest:
    """The content of a bundle's `bundle.json`, whose files are all there as it lists them.

    Raises:
        BundleError: as `read_manifest`, or a file is missing or was changed.
    """
    manifest = read_manifest(folder)
    for fault in wrong_files(folder, manifest):
        raise BundleError(fault)
    return manifest


def choose_graph(
    folder: Path, graphs: Mapping[str, ReadingGraph | WritingGraph], precision: str | None
) -> Path:
    """The file of one of a part's graphs.

    Args:
        folder: the bundle's.
        graphs: the part's, by precision.
        precision: `float32` or `8bit`; None takes, as the page does, 8 bit where it is there.

    Raises:
        ValueError: there is no graph of that precision.
    """
    chosen = precision or ("8bit" if "8bit" in graphs else "float32")
    if chosen not in graphs:
        raise ValueError(
            f"{folder} has no {chosen} graph, it has {', '.join(graphs)}; give one of those, or "
            "export it again with --quantize"
        )
    return folder / graphs[chosen].file
