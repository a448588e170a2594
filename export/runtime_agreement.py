"""Whether other runtimes give what onnxruntime gives, in numbers."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from export.opened_graph import Case, OpenedGraph
from export.proof import Proof
from export.runtimes import Runtime, RuntimeRefusal


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What one runtime gave for one graph."""

    runtime: str
    cases: Sequence[str] = ()
    """What it was tried on, in words."""
    differences: Mapping[str, float] = field(default_factory=dict)
    """Kind of output -> largest absolute difference from onnxruntime."""
    skipped: str | None = None
    """Why it was not run; None if it was."""

    def entry(self) -> dict[str, Any]:
        """What `bundle.json` keeps."""
        if self.skipped:
            return {"skipped": self.skipped}
        return {"cases": list(self.cases), "differences": dict(self.differences)}


def compare_runtimes(
    graph: OpenedGraph, cases: Sequence[Case], runtimes: Sequence[Runtime], proof: Proof
) -> list[Agreement]:
    """Runs the cases in each runtime that is installed, one after the other.

    A runtime that refuses a graph which the bundle promises to run there is a failure; so is a
    difference above the limit of `proof`.
    """
    expected = {case.title: list(case.runs(graph.run)) for case in cases}
    return [_compare(graph, cases, expected, runtime, proof) for runtime in runtimes]


def _compare(
    graph: OpenedGraph,
    cases: Sequence[Case],
    expected: Mapping[str, Sequence[Mapping[str, Any]]],
    runtime: Runtime,
    proof: Proof,
) -> Agreement:
    if command := runtime.missing():
        return Agreement(runtime=runtime.name, skipped=f"not installed: {command}")
    found = Proof(limit_of=proof.limit_of)
    taken = [case for case in cases if runtime.takes_large or not case.large]
    try:
        with runtime.open(graph.path) as run:
            for case in taken:
                title = f"{runtime.name}, {case.title}"
                with found.attempt(title):
                    for want, got in zip(expected[case.title], case.runs(run), strict=True):
                        found.compare(want, got, title, source="onnxruntime")
    except RuntimeRefusal as refusal:
        said = str(refusal).replace(f"{graph.path.parent}{os.sep}", "")  # no path of this machine
        reason = f"it refuses the graph: {said}"
        proof.expect(not runtime.must_run(graph.precision), f"{runtime.name}: {reason}")
        return Agreement(runtime=runtime.name, skipped=reason)
    proof.failures += found.failures
    return Agreement(
        runtime=runtime.name,
        cases=[case.title for case in taken],
        differences=found.differences,
    )
