"""One graph of a bundle, opened to be checked: in onnxruntime with its warnings on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from export.bundle_schema import MapError, ReadingGraph, WritingGraph, WritingMapError
from export.graph_names import GraphNames
from export.proof import Proof, kind_of, limit_of_float32
from export.remarks import remarks
from export.sessions import WARNING, Arrays, Run, open_session, run

_MEANT = "appears in graph inputs and will not be treated as constant"
"""onnxruntime's remark at load about inputs with a default, the head masks."""


@dataclass(frozen=True, kw_only=True)
class OpenedGraph:
    """A graph, its session, and what it must be like."""

    precision: str
    path: Path
    model: onnx.ModelProto
    session: onnxruntime.InferenceSession
    names: GraphNames

    @property
    def run(self) -> Run:
        """Runs it in onnxruntime."""
        return partial(run, self.session)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something to run a graph on in any runtime: one run, or the steps of a target."""

    title: str
    runs: Callable[[Run], Iterable[Arrays]]
    """Gives the outputs of each run."""
    large: bool = False
    """Whether it is at the model's limit."""


def open_graph(path: Path, precision: str, names: GraphNames, proof: Proof) -> OpenedGraph:
    """Opens a graph, after its form was checked.

    Raises:
        Exception: what onnx or onnxruntime raise when a file is no graph.
    """
    model = onnx.load(path)
    proof.check_form(model, names)
    with remarks() as said:
        session = open_session(path, WARNING)
    others = [line for line in said if _MEANT not in line]
    proof.expect(not others, f"onnxruntime warns at load: {_shortened(others)}")
    return OpenedGraph(precision=precision, path=path, model=model, session=session, names=names)


@contextmanager
def without_warnings(proof: Proof) -> Iterator[None]:
    """Notes what onnxruntime logs while graphs run inside the block."""
    with remarks() as said:
        yield
    proof.expect(not said, f"onnxruntime warns when the graph runs: {_shortened(said)}")


def limits_of(
    precision: str, entry: ReadingGraph | WritingGraph
) -> Callable[[str, np.ndarray], float]:
    """How far two runs of a graph may be apart, in other batches, pieces or runtimes.

    In 8 bit, each of the two may be as far from float32 as `bundle.json` states of the texts that
    it was measured on, so both together twice as far. Outputs of which it states nothing (hidden
    states, norms, keys and values) have no limit: they are compared, shown and not judged.

    Args:
        entry: the graph's in `bundle.json`.
    """
    if precision == "float32":
        return limit_of_float32
    stated = dict(entry.difference_from_float32)
    # A single weight moves at most as far as the total variation of its row.
    error = entry.map_error
    errors: dict[str, MapError | None]
    errors = {"encoder_attentions": error} if isinstance(error, MapError) else {}
    if isinstance(error, WritingMapError):
        errors = {
            "decoder_attentions": error.decoder_attentions,
            "cross_attentions": error.cross_attentions,
        }
    stated |= {kind: one.max for kind, one in errors.items() if one and one.max is not None}

    return lambda name, _: 2 * float(stated.get(kind_of(name), np.inf))


def _shortened(lines: list[str]) -> str:
    return f"{lines[0]} ({len(lines)} lines)" if lines else ""
