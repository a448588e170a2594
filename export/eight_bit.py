"""What was asked for in 8 bit, and whether the machine is idle enough to time it."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from export.processor import IntegerWeights, choose_integer_weights
from export.profiles import PROFILES, Profile

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
