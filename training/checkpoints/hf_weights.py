"""Weights in Hugging Face's safetensors: read under our names, built into models, written.

Each row of a table of `hf_names.py` names a module; its `.weight` and `.bias` follow it. GPT-2
differs twice from BERT: it stores the matrices of linear layers transposed, and queries, keys and
values side by side in one. Names and shapes are read at once, the numbers when they are asked for:
sizes in a config that the weights do not have are refused before anything is allocated for them.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from training.checkpoints.atomic_folder import by_a_library
from training.checkpoints.files import no_weights, read_json
from training.checkpoints.hf_names import DECODER, DECODER_JOINED, FAMILIES, Family

# The head is the word embedding again; the others are causal masks that old versions saved.
_NOT_OF_DECODER = re.compile(r"^lm_head\.weight$|\.(attn|crossattention)\.(bias|masked_bias)$")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a kind of model."""

    rows: Mapping[str, tuple[str, ...]]
    """Their module -> ours, of which it may hold several. `{}` stands for a layer's number."""
    transposed: frozenset[str]
    """Those of theirs whose matrix is stored (in, out)."""
    modern: Callable[[str], str]
    """A name that checkpoints had over the years -> today's."""
    left_out: Callable[[str], bool]
    """Whether a name of today's is of nothing that our model has."""

    def to_hf(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our state dict under their names; KeyError: a weight of ours has no row in the table."""
        theirs: dict[str, dict[str, Tensor]] = {}
        for name, tensor in weights.items():
            theirs.setdefault(self.on_disk(name), {})[_parsed(name)[0]] = tensor
        return {name: self._stored(name, parts) for name, parts in theirs.items()}

    def _stored(self, name: str, parts: Mapping[str, Tensor]) -> Tensor:
        row, _, parameter = _parsed(name)
        ordered = [parts[ours] for ours in self.rows[row] if ours in parts]
        joined = torch.cat(ordered) if len(ordered) > 1 else ordered[0]
        return joined.T.contiguous() if row in self.transposed and parameter == "weight" else joined

    def from_hf(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Their state dict under our names; ValueError: two of them are one weight of ours.

        A name that no row knows stays as it is, so that a strict load names it.
        """
        ours: dict[str, Tensor] = {}
        on_disk: dict[str, str] = {}
        for name, tensor in weights.items():
            modern = self.modern(name)
            if self.left_out(modern):
                continue
            for found, part in self._parts(name, modern, tensor):
                if found in ours:
                    raise ValueError(
                        f"{on_disk[found][:100]} and {name[:100]} are stored both, and are one "
                        "weight of the model under two names; keep the one that the model was "
                        "trained with"
                    )
                ours[found], on_disk[found] = part, name
        return ours

    def _parts(self, name: str, modern: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
        """What a weight on disk holds of ours."""
        row, number, parameter = _parsed(modern)
        joined = self.rows.get(row, ())
        turned = tensor.T if row in self.transposed and tensor.ndim == 2 else tensor
        if not joined or (len(joined) > 1 and (turned.ndim == 0 or turned.shape[0] % len(joined))):
            return [(name, tensor)]
        parts = turned.chunk(len(joined)) if len(joined) > 1 else [turned]
        return [
            (f"{ours.format(number)}.{parameter}", part.contiguous())
            for ours, part in zip(joined, parts, strict=True)
        ]

    def on_disk(self, name: str) -> str:
        """A weight of ours by its name on disk; an unknown one as it is."""
        key, number, parameter = _parsed(name)
        row = next((row for row, joined in self.rows.items() if key in joined), None)
        return f"{row.format(number)}.{parameter}" if row else name


@cache
def encoder_names(model_type: str = "bert") -> Names:
    """The names of a classifier of a family, or of its encoder alone.

    Takes what checkpoints have been called over the years: with or without the prefix (a
    `BertModel` has none), layer norms with `gamma` and `beta` (before 2019), the buffer of position
    numbers that was saved once.
    """
    family: Family = FAMILIES[model_type]
    unprefixed = {theirs.partition(".")[0] for theirs in family.encoder.values()} | {"pooler"}

    def modern(name: str) -> str:
        today = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
        today = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", today)
        return f"{family.prefix}.{today}" if name.partition(".")[0] in unprefixed else today

    return Names(
        rows={theirs: (ours,) for ours, theirs in family.names.items()},
        transposed=frozenset(),
        modern=modern,
        left_out=lambda name: name.startswith(family.left_out) or name.endswith(".position_ids"),
    )


DECODER_NAMES = Names(
    rows={theirs: (ours,) for ours, theirs in DECODER.items()} | DECODER_JOINED,
    transposed=frozenset(DECODER_JOINED),
    modern=lambda name: re.sub(r"^(h\.|wte\.|wpe\.|ln_f\.)", r"transformer.\1", name),
    left_out=lambda name: bool(_NOT_OF_DECODER.search(name)),
)
"""Of a `GPT2LMHeadModel`, or a `GPT2Model`."""


def _parsed(name: str) -> tuple[str, str, str]:
    """A weight's row, its layer's number, and whether it is a weight or a bias."""
    module, _, parameter = name.rpartition(".")
    number = re.search(r"\.(\d+)\.", module)
    return re.sub(r"\.\d+\.", ".{}.", module), number[1] if number else "", parameter


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


Model = TypeVar("Model", bound=nn.Module)
_MOST_PROBLEMS = 6


def build_model(
    make: Callable[[], Model],
    weights: Weights,
    folder: Path,
    *,
    configs: Mapping[str, Any],
    what: str,
    on_disk: Callable[[str], str],
    advice: Callable[[list[str]], str],
    may_be_new: tuple[str, ...] = (),
) -> tuple[Model, list[str]]:
    """A model filled with weights, in float32, and the names of those that are as `make` drew them.

    Args:
        weights: under our names.
        configs: what stands before `layers.` in the names of a part -> the part's config.
        what: the model in a word, for the message.
        on_disk: our name of a weight -> the one that a reader knows.
        may_be_new: how names begin that may be missing.

    Raises:
        ValueError: weights are missing, unknown, of another shape, or no finite numbers; the first
            few are named, and how many there are.
    """
    for prefix, config in configs.items():
        _check_sizes(config, prefix, weights.outlines, folder)
    with torch.device("meta"):
        expected = make().state_dict()
    new = [n for n in expected if n not in weights.outlines and n.startswith(may_be_new)]
    if problems := _problems(expected, weights.outlines, new, on_disk):
        left_out = len(problems) - _MOST_PROBLEMS
        more = f"; and {left_out} more" if left_out > 0 else ""
        first = "; ".join(problems[:_MOST_PROBLEMS]) + more
        said = f"the weights in {folder} do not make this {what}: {first}."
        raise ValueError(said + advice(problems))
    read = {name: tensor.to(torch.float32) for name, tensor in weights.read().items()}
    if odd := next((name for name, tensor in read.items() if not tensor.isfinite().all()), None):
        raise ValueError(
            f"{on_disk(odd)} in {folder} has numbers that are not finite: the training diverged or "
            "the file is damaged. Use weights from before that"
        )
    model = make()
    model.load_state_dict(read, strict=not new)
    return model, new


def save_weights(
    folder: Path, model: nn.Module, names: Names, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Writes a model's weights under Hugging Face's `names`, and its tokenizer, into a folder."""
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with by_a_library():
        save_file(names.to_hf(weights), folder / _FILE, metadata={"format": "pt"})
        tokenizer.save_pretrained(folder)


def _check_sizes(config: Any, prefix: str, outlines: Mapping[str, Tensor], folder: Path) -> None:
    """Refuses sizes that no weight has, so that a model of such sizes is not even outlined."""
    pattern = re.compile(rf"{re.escape(prefix)}layers\.(\d+)\.")
    layers = {found[1] for name in outlines if (found := pattern.match(name))}
    wanted = config.num_hidden_layers
    if wanted != len(layers) and (layers or wanted > len(outlines)):
        raise ValueError(
            f"config.json says {short(wanted)} layers, the weights in {folder} have "
            f"{len(layers)}. Use the config.json that was saved with them"
        )
    largest = max((outline.numel() for outline in outlines.values()), default=0)
    for field in fields(config):
        size = getattr(config, field.name)
        if isinstance(size, int) and field.name != "num_hidden_layers" and size > largest:
            raise ValueError(
                f"config.json asks for {field.name} {short(size)}, and no weight in {folder} has "
                f"more than {largest} numbers. Use the config.json that was saved with the weights"
            )


def _problems(
    expected: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    new: Iterable[str],
    on_disk: Callable[[str], str],
) -> list[str]:
    """All that keeps the weights from filling the model, each in a few words, sorted."""
    missing = set(expected) - set(found) - set(new)
    problems = {f"missing: {on_disk(name)}" for name in missing}
    problems |= {f"unknown: {name}" for name in set(found) - set(expected)}
    quantized = []
    for name in set(found) & set(expected):
        stored, wanted = found[name], tuple(expected[name].shape)
        if (shape := tuple(stored.shape)) != wanted:
            problems.add(f"{on_disk(name)} has shape {shape}, config.json makes it {wanted}")
        elif not stored.is_floating_point():
            quantized.append(on_disk(name))
    if quantized:
        first, more = min(quantized), len(quantized) - 1
        others = f" and {more} more are" if more else " is"
        problems.add(
            f"{first}{others} quantized: expected numbers of 16, 32 or 64 bits in floating point"
        )
    return sorted(problems)
