"""Where a graph comes from: which checkpoint, made how and how good, under which licence.

`bundle.json` says it of the bundle. A graph also says it of itself (`metadata_props`), since graphs
are copied out of their bundle. Nothing here may differ between two exports of one checkpoint: no
date, no path, no time.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from bundle_format.folder import sha256
from training.data.splits import PARTS, Removed
from training.file_names import public_name
from training.readers.rows import LABELLED, PAIRED
from training.recipes import HybridRecipe, Recipe

_TRAINED_WITH = {"python", "torch", "transformers", "scikit-learn", "sacrebleu"}
_PACKAGES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
_NUMBERS = (int, float, type(None))
_VERSION = re.compile(r"\d[\w.+!-]{0,40}")
_MEASURED = ("test", "copied")
"""The parts of a record's metrics that are of held-out texts and about the finished model."""


def checkpoint_origin(folder: Path, noted: Mapping[str, Any]) -> dict[str, Any]:
    """Which weights these are, and what training noted of how they came about.

    The hash is of the weights and the config together; in the folder this prints the same:
    `sha256sum config.json *.safetensors | sha256sum`. A GGUF file is both:
    `sha256sum FILE | sha256sum`.

    Args:
        folder: `config.json` and the weights, in Hugging Face's format; or a GGUF file.
        noted: what the checkpoint's record says of this part; empty where there is none.
    """
    whole = folder.is_file()
    config = {} if whole else {"config.json": sha256(folder / "config.json")}
    files = [folder] if whole else sorted(folder.glob("*.safetensors"))
    weights = {path.name: sha256(path) for path in files}
    listing = "".join(f"{hashed}  {name}\n" for name, hashed in (config | weights).items())
    return {
        "sha256": hashlib.sha256(listing.encode()).hexdigest(),
        "weights_sha256": weights,
        **{key: _chosen(noted[key], known) for key, known in _NOTED.items() if key in noted},
    }


def _chosen(noted: Any, known: Any) -> Any:
    """What `known` lets through of something noted; None if it does not know that.

    Args:
        known: names -> what is known of each; or what makes a single value public, or None of it.
    """
    if isinstance(known, Mapping):
        found = noted if isinstance(noted, Mapping) else {}
        chosen = {key: _chosen(found[key], how) for key, how in known.items() if key in found}
        return {key: value for key, value in chosen.items() if value is not None}
    return known(noted)


def _number(noted: Any) -> Any:
    return noted if isinstance(noted, _NUMBERS) else None


def _named(noted: Any) -> Any:
    """Names in place of paths: records of earlier versions have where data lay."""
    if isinstance(noted, list):
        return [public_name(name) for name in noted if isinstance(name, str)]
    return public_name(noted) if isinstance(noted, str) else None


def _versions(noted: Any) -> dict[str, str]:
    found = noted.items() if isinstance(noted, Mapping) else ()
    return {
        package: given
        for package, given in found
        if package in _TRAINED_WITH and isinstance(given, str) and _VERSION.fullmatch(given)
    }


def _numbers(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, _number)


def _fields(*kinds: Any) -> dict[str, Any]:
    return _numbers(*(field.name for kind in kinds for field in fields(kind)))


# What training notes, and nothing that somebody wrote beside it: a bundle is public.
_NOTED: dict[str, Any] = {
    "data": {
        **dict.fromkeys(("source", "name", "fingerprint"), _named),
        "reading": {
            "columns": dict.fromkeys((role.name for role in (*LABELLED, *PAIRED)), _named),
            "keep_duplicates": _number,
        },
        "sizes": _numbers(*PARTS),
        "removed": _fields(Removed),
        "lengths": _numbers("median", "share_95", "longest", "cut"),
        **_numbers("corruptions", "longest"),
    },
    "recipe": {"init": _named, **_fields(Recipe, HybridRecipe)},
    "seed": _number,
    "versions": _versions,
}


def held_out_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a record's metrics that say how good the finished model is."""
    return {part: _measures(metrics[part]) for part in _MEASURED if part in metrics}


def _measures(measured: Any) -> Any:
    """The numbers of something measured, by whatever name, and nothing in words."""
    if isinstance(measured, Mapping):
        chosen = {name: _measures(value) for name, value in measured.items()}
        return {name: value for name, value in chosen.items() if value is not None}
    if isinstance(measured, list):
        return [_measures(value) for value in measured if not isinstance(value, str)]
    return _number(measured)


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
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in said.items()
        if value is not None
    }
    helper.set_model_props(model, texts)
