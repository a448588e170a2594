"""Reads what a bundle says of itself, for what is done with a finished one."""

import json
from pathlib import Path
from typing import Any

from export.bundle import FORMAT


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
