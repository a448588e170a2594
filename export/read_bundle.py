"""Reads what a bundle says of itself, for what is done with a finished one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.bundle_format import FORMAT


def read_bundle(folder: Path) -> dict[str, Any]:
    """The content of a bundle's `bundle.json`, whose graphs are all there.

    Raises:
        FileNotFoundError: the folder has no `bundle.json`, or a graph that it names is missing.
        ValueError: it is no JSON, or has another format number.
    """
    path = folder / "bundle.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no bundle.json; expected a bundle that was made by: "
            "python export/to_onnx.py"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no JSON ({error}); export the bundle again") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise ValueError(
            f"{path} has format {found}, this reader knows format {FORMAT}; export the bundle "
            "again: python export/to_onnx.py"
        )
    for graphs in content["graphs"].values():
        for graph in graphs.values():
            if not (folder / graph["file"]).is_file():
                raise FileNotFoundError(
                    f"{path} names {graph['file']}, which is not there; copy the whole folder, or "
                    "export the bundle again"
                )
    return content


def choose_graph(folder: Path, graphs: Mapping[str, Any], precision: str | None) -> Path:
    """The file of one of a part's graphs.

    Args:
        folder: the bundle's.
        graphs: the part's entry in `bundle.json`, by precision.
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
    return folder / graphs[chosen]["file"]
