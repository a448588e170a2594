"""What was asked for in 8 bit, and how an 8-bit graph's time is taken so that a gate can use it."""

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from export.latency import time_share
from export.processor import IntegerWeights, choose_integer_weights
from export.profiles import PROFILES, Profile

_TURNS = 3


@dataclass(frozen=True, kw_only=True)
class EightBit:
    """The flags of `to_onnx.py` that an 8-bit graph hangs on."""

    name: str = "faithful"
    integer_weights: IntegerWeights = field(default_factory=choose_integer_weights)

    @property
    def profile(self) -> Profile:
        """The schemes and limits of that name."""
        return PROFILES[self.name]

    @property
    def unsigned(self) -> bool:
        """Whether weights of integer products are stored as uint8."""
        return self.integer_weights.type == "uint8"

    def entry(self) -> dict[str, object]:
        """What `bundle.json` keeps of it."""
        return {"profile": self.name, "integer_weights": self.integer_weights.entry()}


def settled_share(
    graph: onnx.ModelProto,
    of: onnx.ModelProto,
    *,
    lengths: Sequence[int],
    limits: Mapping[int, float],
) -> dict[int, float]:
    """As `time_share`; where a limit seems missed, the median of three such measurements.

    Single measurements wander by a tenth on a machine that does other things as well.
    """
    turns = [time_share(graph, of, lengths=lengths)]
    while len(turns) < _TURNS and _missed(turns, limits):
        turns.append(time_share(graph, of, lengths=lengths))
    return _middle(turns)


def _middle(turns: Sequence[Mapping[int, float]]) -> dict[int, float]:
    return {tokens: statistics.median(turn[tokens] for turn in turns) for tokens in turns[0]}


def _missed(turns: Sequence[Mapping[int, float]], limits: Mapping[int, float]) -> bool:
    found = _middle(turns)
    return any(found.get(tokens, 0.0) > most for tokens, most in limits.items())


def busy() -> str | None:
    """A sentence when other programs use this machine, which makes times doubtful; else None."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load <= 0.5 * cores:
        return None
    return (
        f"this machine was busy before its times were taken (load {load:.1f} on {cores} cores): "
        "measure again when it is idle"
    )
