"""What comes of one part of a checkpoint, whether it reads or writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import onnx
import onnxruntime

from export.bundle.write import ExportedGraph
from export.graphs.map_layers import keep_maps
from export.graphs.names import GraphNames
from export.runtime.session import Arrays, open_session, run
from export.verification.checks import Checks

Log = Callable[[str], None]
"""Takes what a person is told while the graphs are made."""


@dataclass(frozen=True, kw_only=True)
class PartResult:
    """One part's graphs by their precision, `float32` or `8bit`."""

    graphs: dict[str, ExportedGraph] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """In words; nothing may be written if there is one."""
    missed_limits: list[str] = field(default_factory=list)
    """Those that the 8-bit graph misses, in words; it is then written only if asked for."""


def fewer_maps(
    graph: onnx.ModelProto,
    layers: Sequence[int] | None,
    names: GraphNames,
    feed: Arrays,
    whole: onnxruntime.InferenceSession | None = None,
) -> list[str]:
    """Leaves out the maps that are not wanted, in place, and gives what does not hold then.

    Args:
        layers: those whose maps are wanted; None: all.
        names: of the graph with their maps alone.
        feed: some texts for it.
        whole: a session on the graph as it was; its outputs must be the same, where it is given.
    """
    if layers is None:
        return []
    keep_maps(graph, layers)
    checks = Checks(errors_pass=True)
    checks.check_form(graph, names)
    if whole:
        found, expected = run(open_session(graph), feed), run(whole, feed)
        for name in names.outputs:
            checks.compare(
                {name: expected[name]}, found, "with fewer maps", source="the whole graph"
            )
    return checks.failures
