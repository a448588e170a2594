"""What becomes of one part of a checkpoint: its graphs, measured, and every check that failed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from export.bundle import Graph

Tell = Callable[[str], None]
"""Takes what a person is told while the graphs are made."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One part's graphs by their precision, `float32` or `8bit`."""

    graphs: dict[str, Graph] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """In words; nothing may be written if there is one."""
    misses: list[str] = field(default_factory=list)
    """The limits that the 8-bit graph misses, in words; it is then written only if asked for."""
