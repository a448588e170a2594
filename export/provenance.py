"""Where a graph comes from: which checkpoint, made how and how good, under which licence.

`bundle.json` says it of the bundle. A graph also says it of itself (`metadata_props`), since graphs
are copied out of their bundle. Nothing here may differ between two exports of one checkpoint: no
date, no path, no time.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from export.bundle_schema import sha256
from training.file_names import public_name

_PACKAGES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
_NOTED = ("data", "recipe", "seed", "versions")
_MEASURED = ("test", "copied")
"""The parts of a record's metrics that are of held-out texts and about the finished model."""


def checkpoint_origin(folder: Path, noted: Mapping[str, Any]) -> dict[str, Any]:
    """Which weights these are, and what training noted of how they came about.

    The hash is of the weights and the config together; in the folder this prints the same:
    `sha256sum config.json *.safetensors | sha256sum`.

    Args:
        folder: `config.json` and the weights, in Hugging Face's format.
        noted: what the checkpoint's record says of this part; empty where there is none.
    """
    config = {"config.json": sha256(folder / "config.json")}
    weights = {path.name: sha256(path) for path in sorted(folder.glob("*.safetensors"))}
    listing = "".join(f"{hashed}  {name}\n" for name, hashed in (config | weights).items())
    return {
        "sha256": hashlib.sha256(listing.encode()).hexdigest(),
        "weights_sha256": weights,
        **{key: _named(noted[key]) for key in _NOTED if key in noted},
    }


def _named(noted: Any) -> Any:
    """The same with names in place of paths: records of earlier versions have where data lay."""
    if isinstance(noted, Mapping):
        return {key: _named(value) for key, value in noted.items()}
    if isinstance(noted, list):
        return [_named(value) for value in noted]
    return public_name(noted) if isinstance(noted, str) else noted


def held_out_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a record's metrics that say how good the finished model is."""
    return {part: metrics[part] for part in _MEASURED if part in metrics}


def exporter_versions() -> dict[str, str]:
    """The packages that made the graphs: package -> version."""
    return {package: version(package) for package in _PACKAGES}


def describe_graph(
    model: onnx.ModelProto,
    *,
    origin: Mapping[str, Any],
    metrics: Mapping[str, Any],
    licence: str,
    precision: str,
) -> None:
    """Writes a graph's `metadata_props`, in place: text as it is, all else as JSON.

    Args:
        origin: as `checkpoint_origin` gives it.
        precision: `float32` or `8bit`.
    """
    versions = {"export": exporter_versions()}
    if "versions" in origin:
        versions["training"] = origin["versions"]
    said = {
        "licence": licence,
        "checkpoint_sha256": origin["sha256"],
        "precision": precision,
        "versions": versions,
        # Of the data only what it is: where it lay is a path on somebody's machine.
        "data_fingerprint": origin.get("data", {}).get("fingerprint"),
        "recipe": origin.get("recipe"),
        "seed": origin.get("seed"),
        "metrics": held_out_metrics(metrics) or None,
    }
    helper.set_model_props(
        model, {key: _text(value) for key, value in said.items() if value is not None}
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
