"""What it means that a checkpoint could not be written, whoever says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

_BESIDE_WEIGHTS = 8 * 2**20  # bytes: tokenizers and JSON


@contextmanager
def by_a_library() -> Iterator[None]:
    """Around a call of a library that writes files, and does nothing else.

    safetensors and tokenizers tell of a full disk by exceptions of their own kinds.

    Raises:
        OSError: whatever it raised.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Around all that is written for a folder, when the work for it is done.

    Raises:
        OSError: it could not be written, in a sentence.
    """
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{target} cannot be written ({error.strerror or error}); make room, or give another "
            "folder with --out"
        ) from error


def room_for(model: nn.Module) -> int:
    """About how many bytes a checkpoint of this model takes."""
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    return weights + _BESIDE_WEIGHTS
