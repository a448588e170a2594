"""What was asked for in 8 bit, and how an 8-bit graph's time is taken so that a gate can use it."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from export.latency import time_share
from export.processor import IntegerWeights, choose_integer_weights
from export.profiles import PROFILES, Profile

_TURNS = 3
_STAT = Path("/proc/stat")
BUSY = 0.1
"""Others' share of the processors above which times on all threads mean little."""


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
    busy: bool = False,
) -> dict[int, float]:
    """As `time_share`; where a limit seems missed, the median of three such measurements.

    Single measurements wander by a tenth.
    """
    turns = [time_share(graph, of, lengths=lengths, busy=busy)]
    while len(turns) < _TURNS and _missed(turns, limits):
        turns.append(time_share(graph, of, lengths=lengths, busy=busy))
    return _middle(turns)


def _middle(turns: Sequence[Mapping[int, float]]) -> dict[int, float]:
    return {tokens: statistics.median(turn[tokens] for turn in turns) for tokens in turns[0]}


def _missed(turns: Sequence[Mapping[int, float]], limits: Mapping[int, float]) -> bool:
    found = _middle(turns)
    return any(found.get(tokens, 0.0) > most for tokens, most in limits.items())


def used_by_others(seconds: float = 0.5) -> float:
    """The share of all processors that other programs use while this one waits; 0 if unknown."""
    if not _STAT.is_file():
        return 0.0
    before = _ticks()
    time.sleep(seconds)
    spent = [after - earlier for earlier, after in zip(before, _ticks(), strict=True)]
    idle = spent[3] + spent[4]  # idle, and waiting for a disk
    return 1 - idle / max(1, sum(spent))


def _ticks() -> list[int]:
    """What Linux counts for all processors together: user, nice, system, idle, iowait, ..."""
    line = _STAT.read_text(encoding="ascii").splitlines()[0]
    return [int(number) for number in line.split()[1:9]]
