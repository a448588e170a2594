"""How much memory an export takes, told before it is taken, and refused where it cannot be had."""

from pathlib import Path
from typing import Any

from export.graphs.tracing import check_fits, weights_bytes
from export.loading.checkpoint import LoadedCheckpoint, LoadedDecoder

_MOST = 11
"""Copies of a model's weights: torch's, the traced graph's, an opened one's, its file's, sessions
of float32 and 8 bit, and the maps of a proof. SmolLM2's 0.54 GB took 6.0 GB."""
_LEAST = 5
"""Copies beside torch's, whatever the model: XLM-RoBERTa large's 2.2 GB, with few maps and without
8 bit, took 16.7 GB, which is one and a half more than this."""


def bytes_of(loaded: LoadedCheckpoint) -> int:
    """Of all weights in float32. Raises ValueError as `check_fits`."""
    reader = loaded.encoder
    parts: list[tuple[str, Any]] = [("the encoder", reader.model)] if reader else []
    if loaded.generator:
        parts = [("the model", loaded.generator.model)]
    elif isinstance(loaded.decoder, LoadedDecoder):
        model = loaded.decoder.model
        bridge = [("the bridge", model.bridge)] if model.bridge else []
        parts += [("the decoder", model.decoder), *bridge]
    for what, module in parts:
        check_fits(module, what)
    return sum(weights_bytes(module) for _, module in parts)


def show_memory(weights: int, free: int | None) -> str:
    """What an export of so many bytes of weights may take.

    Args:
        free: bytes; None if it is not known.
    """
    most = _MOST * weights
    if free is None:
        return f"up to about {most / 1e9:.0f} GB"
    told = "" if most <= free else ": it may not be enough; close other programs"
    return f"up to about {most / 1e9:.0f} GB; {free / 1e9:.0f} GB are free{told}"


def check_memory(weights: int, free: int | None) -> None:
    """Whether an export can end, asked once the weights are there and before they are traced.

    Args:
        free: as in `show_memory`.

    Raises:
        ValueError: it cannot; the system would end it, without a word, after minutes.
    """
    least = _LEAST * weights
    if free is not None and free < least:
        raise ValueError(
            f"an export of {weights / 1e9:.1f} GB of weights takes {least / 1e9:.1f} GB more at "
            f"least, and {free / 1e9:.1f} GB are free: close other programs, or export it on a "
            "machine of more memory"
        )


def free_memory() -> int | None:
    """Bytes that programs can have, as Linux tells, swap included; None on other systems."""
    file = Path("/proc/meminfo")
    lines = file.read_text(encoding="ascii").splitlines() if file.is_file() else []
    found = [
        1024 * int(line.split()[1])
        for line in lines
        if line.startswith(("MemAvailable:", "SwapFree:"))
    ]
    return sum(found) if found else None
