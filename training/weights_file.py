"""Reads a folder's safetensors, and fills a model with them, or says all that does not fit."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn


def read_config(folder: Path) -> dict[str, Any]:
    """The content of a folder's `config.json`.

    Raises:
        FileNotFoundError: there is none.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no config.json (found: {listing(folder)}); expected a checkpoint in "
            "Hugging Face's format. Make one with: python training/train_classifier.py"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All weights of a folder, in one file or in shards, as float32 under the names on disk.

    Raises:
        FileNotFoundError: a file is missing.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    else:
        shards = ["model.safetensors"]
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {', '.join(missing)} (found: {listing(folder)}). Only safetensors "
            "are read, never pickles; convert an old checkpoint with transformers: "
            "AutoModel...from_pretrained(folder).save_pretrained(folder)"
        )
    weights: dict[str, Tensor] = {}
    for shard in shards:
        weights.update(load_file(folder / shard))
    return {name: tensor.to(torch.float32) for name, tensor in weights.items()}


def fill(
    model: nn.Module,
    weights: dict[str, Tensor],
    folder: Path,
    *,
    what: str,
    names_on_disk: Callable[[Iterable[str]], list[str]],
    advice: Callable[[list[str]], str],
    may_be_new: tuple[str, ...] = (),
) -> list[str]:
    """Fills the model; every problem is listed before it raises. Returns what stayed random.

    Raises:
        ValueError: weights are missing, unknown, or of another shape.
    """
    expected = model.state_dict()
    missing = [name for name in expected if name not in weights]
    new = [name for name in missing if name.startswith(may_be_new)] if may_be_new else []
    problems = [f"missing: {name}" for name in names_on_disk(set(missing) - set(new))]
    problems += [f"unknown: {name}" for name in weights if name not in expected]
    problems += [
        f"{names_on_disk([name])[0]} has shape {tuple(weights[name].shape)}, config.json "
        f"makes it {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    if problems:
        raise ValueError(
            f"the weights in {folder} do not make this {what}: {'; '.join(sorted(set(problems)))}."
            + advice(problems)
        )
    model.load_state_dict(weights, strict=not new)
    return new


def listing(folder: Path) -> str:
    """The names of what is in a folder, for a message."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return ", ".join(names) or "nothing"
