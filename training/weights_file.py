"""Opens a folder's safetensors: names and shapes at once, the numbers when they are asked for.

So a config can be held against the weights before anything of its sizes is allocated.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from training.json_file import read_json
from training.model.families import FAMILIES
from training.model_folder import no_weights

_FILE, _INDEX = "model.safetensors", "model.safetensors.index.json"
# A checkout without Git LFS has this text for a file.
_LFS_POINTER = b"version https://git-lfs"
_FLOATS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
# Modules that torch puts around others, whose names then stand among the weights' names:
# `torch.compile`, data parallel training, sharding, checkpointed activations.
_WRAPPERS = {"_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}

# What all names of a model may begin with; anything else before all of them is a wrapper's too.
_ROOTS = {"transformer", "encoder", "decoder", *(family.prefix for family in FAMILIES.values())}


@dataclass(frozen=True)
class Weights:
    """Weights by name."""

    outlines: Mapping[str, Tensor]
    """Their shapes and types, as tensors without numbers (torch's meta device)."""
    read: Callable[[], dict[str, Tensor]]
    """Reads their numbers, in the types that they are stored in."""

    def changed(self, change: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]) -> "Weights":
        """The weights as `change` names and shapes them."""
        return Weights(change(self.outlines), lambda: change(self.read()))

    def __or__(self, others: "Weights") -> "Weights":
        """These weights and others, which win where both have a name."""
        both = {**self.outlines, **others.outlines}
        return Weights(both, lambda: {**self.read(), **others.read()})


def open_weights(folder: Path) -> Weights:
    """All weights of a folder, in one file or in shards, under the names on disk.

    What wrappers have added to the names is taken out, and so is what all names begin with.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, two weights have one name, or they are an adapter's.
    """
    found = {path: _outlines(path) for path in _files(folder)}
    stored = [(path, name) for path, outlines in found.items() for name in outlines]
    names = _bare_names([name for _, name in stored])
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(
            f"{folder} has two weights named {twice[0]}; expected each once. Save the model again"
        )
    if unmerged := [name for name in names if re.search(r"\.lora_[AB]\.", name)]:
        raise ValueError(
            f"{folder} has weights of a LoRA adapter that was not merged ({unmerged[0]}). Merge it "
            "where the model was made: model.merge_and_unload().save_pretrained(folder)"
        )
    places = dict(zip(names, stored, strict=True))

    def read() -> dict[str, Tensor]:
        numbers: dict[str, Tensor] = {}
        for path in found:
            with safe_open(path, framework="pt") as file:
                for name, (place, on_disk) in places.items():
                    if place == path:
                        numbers[name] = file.get_tensor(on_disk)
        return numbers

    return Weights({name: found[path][old] for name, (path, old) in places.items()}, read)


def _files(folder: Path) -> list[Path]:
    """The weights' files: the one, or else those that the index names, as transformers chooses."""
    if (folder / _FILE).is_file() or not (folder / _INDEX).is_file():
        shards = [_FILE]
    else:
        named = read_json(folder / _INDEX).get("weight_map")
        shards = sorted({str(file) for file in named.values()}) if isinstance(named, dict) else []
        if not shards or any(Path(shard).name != shard for shard in shards):
            raise ValueError(
                f"{folder / _INDEX} does not say which files beside it hold the weights; expected "
                "a weight_map of names. Save the model again"
            )
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more of its files" if len(missing) > 1 else ""
        raise no_weights(folder, missing[0] + more)
    return [folder / shard for shard in shards]


def _outlines(path: Path) -> dict[str, Tensor]:
    """What a file's header says of each of its weights."""
    try:
        with safe_open(path, framework="pt") as file:
            heads = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 no mapping
            return {
                name: torch.empty(
                    # A type that is none of these holds no model's numbers as they are.
                    head.get_shape(),
                    device="meta",
                    dtype=_FLOATS.get(head.get_dtype(), torch.int8),
                )
                for name, head in heads.items()
            }
    except (SafetensorError, RuntimeError, TypeError, OverflowError) as error:
        with path.open("rb") as file:
            pointer = file.read(len(_LFS_POINTER)) == _LFS_POINTER
        why = "the pointer that Git LFS left in its place" if pointer else f"damaged ({error})"
        raise ValueError(
            f"{path} is {why}; expected weights as safetensors. Download or save it again"
        ) from error


def _bare_names(names: Iterable[str]) -> list[str]:
    """The names without wrappers, also one that stands before all names and is not known."""
    parts = [[part for part in name.split(".") if part not in _WRAPPERS] for name in names]
    while len({name[0] for name in parts} - _ROOTS) == 1 and all(
        len(name) > 2 and name[0] == parts[0][0] for name in parts
    ):
        parts = [name[1:] for name in parts]
    return [".".join(name) for name in parts]
