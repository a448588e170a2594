"""The weights of a folder, in a model of `transformers`: all of them, or a sentence.

They are read as safetensors, or as GGUF, in float32 whatever they are stored in. The model's own
class would fill what is missing with random numbers, and drop what it has no place for.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedModel

from export.graphs.tracing import silenced
from training.checkpoints.files import no_weights


class FoundWeights(NamedTuple):
    """How the weights of a folder fit a model."""

    unfit: dict[str, str]
    """The model's weights that the folder has not, or in another shape -> their two shapes."""
    unread: list[str]
    """The folder's that the model has no place for."""


def open_model(
    folder: Path, config: PreTrainedConfig, auto: str, **gguf: Any
) -> tuple[PreTrainedModel, FoundWeights]:
    """A model in eager mode and float32, and how the folder's weights fit it.

    Args:
        auto: the class of `transformers` that opens it.
        gguf: how its `from_pretrained` is told to read a GGUF file in place of safetensors.

    Raises:
        FileNotFoundError: there are no weights.
        ValueError: it cannot be opened so.
    """
    if not gguf and not any(folder.glob("*.safetensors")):
        raise no_weights(folder, "model.safetensors")
    try:
        with silenced(), without_bars():
            model, info = getattr(transformers, auto).from_pretrained(
                folder,
                config=config,
                attn_implementation="eager",
                dtype=torch.float32,
                use_safetensors=not gguf,
                local_files_only=True,
                output_loading_info=True,
                # Told below, by name and with both shapes.
                ignore_mismatched_sizes=True,
                **gguf,
            )
    # As above; and safetensors' own errors for a file that was cut off.
    except Exception as error:
        raise ValueError(
            f"transformers cannot open the {config.model_type} in {folder} as {auto}: "
            f"{reason_of(error)}"
        ) from error
    unfit = dict.fromkeys(sorted(info["missing_keys"]), "")
    for name, theirs, ours in sorted(info["mismatched_keys"]):
        unfit[name] = f" ({list(theirs)} in place of {list(ours)})"
    return model, FoundWeights(unfit, sorted(info["unexpected_keys"]))


def check_whole(folder: Path, model: PreTrainedModel, found: FoundWeights) -> list[str]:
    """A remark on what of the folder's weights is left out, such as another head's.

    Raises:
        ValueError: weights are missing or of another shape, and would be random numbers; a layer
            of them is left over, so that the model would be cut off; some are not finite.
    """
    named = type(model).__name__
    if found.unfit:
        raise ValueError(
            f"{folder} has not all weights of a {named} by its config.json; missing, or of another "
            f"shape: {_listed([name + why for name, why in found.unfit.items()])}. They would be "
            "random numbers: train it, or save the trained model"
        )
    kinds = {_without_numbers(model, name) for name, _ in model.named_parameters()}
    if further := [name for name in found.unread if _without_numbers(model, name) in kinds]:
        raise ValueError(
            f"{folder} has weights of more layers than its config.json counts: {_listed(further)}. "
            "The model would be cut off: set the number of layers as it was trained"
        )
    if broken := [
        name for name, weights in model.named_parameters() if not weights.isfinite().all()
    ]:
        raise ValueError(
            f"{folder} has weights that are no finite numbers: {_listed(broken)}. Take a "
            "checkpoint from before they went wrong"
        )
    if not found.unread:
        return []
    return [f"a {named} has no place for these weights, left out: {_listed(found.unread)}"]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _without_numbers(model: PreTrainedModel, name: str) -> str:
    """A weight's name, the same for every layer that has one."""
    return re.sub(r"\d+", "#", name.removeprefix(f"{model.base_model_prefix}."))


@contextmanager
def without_bars() -> Iterator[None]:
    """Inside the block transformers draws no progress."""
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()


def reason_of(error: Exception) -> str:
    """What an error says in one line; one that ends in a colon has its reason in the next."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no more said"]
    told = lines[0] if not lines[0].endswith(":") else " ".join(lines[:2])
    return f"{type(error).__name__}: {told[:300]}"
