"""Builds a model of a folder's weights, or says all that does not fit.

The weights' names and shapes are held against the config first: sizes that the weights do not have
are refused before anything is allocated for them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from training.weights_file import Weights

Model = TypeVar("Model", bound=nn.Module)
_MOST_PROBLEMS = 6


def build_model(
    make: Callable[[], Model],
    weights: Weights,
    folder: Path,
    *,
    configs: Mapping[str, Any],
    what: str,
    names_on_disk: Callable[[Iterable[str]], list[str]],
    advice: Callable[[list[str]], str],
    may_be_new: tuple[str, ...] = (),
) -> tuple[Model, list[str]]:
    """Makes a model and fills it, in float32.

    Args:
        weights: under our names.
        configs: what stands before `layers.` in the names of a part -> the part's config.
        what: the model in a word, for the message.
        may_be_new: how names begin that may be missing; those weights stay as `make` drew them.

    Returns:
        The model, and the names of the weights that are as `make` drew them.

    Raises:
        ValueError: weights are missing, unknown, of another shape, or no finite numbers; the first
            few are named, and how many there are.
    """
    for prefix, config in configs.items():
        _check_sizes(config, prefix, weights.outlines, folder)
    with torch.device("meta"):
        expected = make().state_dict()
    new = (
        [name for name in expected if name not in weights.outlines and name.startswith(may_be_new)]
        if may_be_new
        else []
    )
    problems = sorted(_problems(expected, weights.outlines, new, names_on_disk))
    if problems:
        left_out = len(problems) - _MOST_PROBLEMS
        listed = problems[:_MOST_PROBLEMS] + ([f"and {left_out} more"] if left_out > 0 else [])
        raise ValueError(
            f"the weights in {folder} do not make this {what}: {'; '.join(listed)}."
            + advice(problems)
        )
    model = make()
    read = {name: tensor.to(torch.float32) for name, tensor in weights.read().items()}
    for name, tensor in read.items():
        if not tensor.isfinite().all():
            raise ValueError(
                f"{names_on_disk([name])[0]} in {folder} has numbers that are not finite: the "
                "training diverged or the file is damaged. Use weights from before that"
            )
    model.load_state_dict(read, strict=not new)
    return model, new


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
    names_on_disk: Callable[[Iterable[str]], list[str]],
) -> set[str]:
    """All that keeps the weights from filling the model, each in a few words."""
    missing = set(expected) - set(found) - set(new)
    problems = {f"missing: {name}" for name in names_on_disk(missing)}
    problems |= {f"unknown: {name}" for name in set(found) - set(expected)}
    quantized = []
    for name in set(found) & set(expected):
        on_disk, stored, wanted = names_on_disk([name])[0], found[name], expected[name]
        if stored.shape != wanted.shape:
            problems.add(
                f"{on_disk} has shape {tuple(stored.shape)}, config.json makes it "
                f"{tuple(wanted.shape)}"
            )
        elif not stored.is_floating_point():
            quantized.append(on_disk)
    if quantized:
        first, more = min(quantized), len(quantized) - 1
        others = f" and {more} more are" if more else " is"
        problems.add(
            f"{first}{others} quantized: expected numbers of 16, 32 or 64 bits in floating point"
        )
    return problems
