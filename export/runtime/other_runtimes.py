"""The other runtimes that a graph is tried in; each is independent of onnxruntime's native build.

They are optional: one that is not installed is named, with the command that installs it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from export.runtime.session import THREADS, Arrays, Run
from export.runtime.web import WebRuntimeError, WebSession, missing_for_web, web_version


class RuntimeRefusal(RuntimeError):
    """A runtime does not take a graph; the message says why."""


@runtime_checkable
class Runtime(Protocol):
    """What opens a graph and runs it."""

    name: str
    takes_large: bool
    """Whether it is quick enough for texts at the model's limit."""

    def missing(self) -> str | None:
        """The command that installs it; None if it is there."""

    def version(self) -> str:
        """Of the installed package."""

    def must_run(self, precision: str) -> bool:
        """Whether a bundle promises that its graphs of this precision run there."""

    def open(self, graph: Path) -> AbstractContextManager[Run]:
        """A context in which the graph runs.

        Raises:
            RuntimeRefusal: it does not take this graph.
        """


class Reference:
    """onnx's reference evaluator: numpy, operator by operator as the standard words them."""

    name = "onnx.reference"
    takes_large = False

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return version("onnx")

    def must_run(self, precision: str) -> bool:
        return precision == "float32"

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        model = onnx.load(graph)
        foreign = sorted({f"{n.domain}.{n.op_type}" for n in model.graph.node if n.domain})
        if foreign:
            raise RuntimeRefusal(f"it knows standard operators only, not {', '.join(foreign)}")
        evaluator = ReferenceEvaluator(model)
        names = [output.name for output in model.graph.output]
        yield lambda feed: dict(zip(names, evaluator.run(names, dict(feed)), strict=True))


class OpenVino:
    """OpenVINO on the CPU, in float32: unless told it takes bfloat16 where the CPU has it."""

    name = "OpenVINO"
    takes_large = True

    def missing(self) -> str | None:
        try:
            self.version()
        except PackageNotFoundError:
            return "pip install -r export/requirements-runtimes.txt"
        return None

    def version(self) -> str:
        return version("openvino")

    def must_run(self, precision: str) -> bool:
        return precision == "float32"

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        """As every runtime's, in float32. Raises RuntimeRefusal if OpenVINO takes no such graph."""
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS}
        try:
            compiled = openvino.Core().compile_model(graph, "CPU", settings)
        except RuntimeError as error:
            raise RuntimeRefusal(_first_line(error)) from error
        names = [output.get_any_name() for output in compiled.outputs]

        def run(feed: Arrays) -> dict[str, np.ndarray]:
            found = compiled(dict(feed))
            # Copies: what it gives is overwritten by the next run.
            return {name: np.array(found[name]) for name in names}

        yield run


class Web:
    """onnxruntime-web, the build for browsers, under node."""

    name = "onnxruntime-web"
    takes_large = True

    def missing(self) -> str | None:
        return missing_for_web()

    def version(self) -> str:
        return web_version()

    def must_run(self, precision: str) -> bool:
        return True

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        try:
            session = WebSession(graph)
        except WebRuntimeError as error:
            raise RuntimeRefusal(_first_line(error)) from error
        with session:
            yield session.run


OTHERS: tuple[Runtime, ...] = (Reference(), OpenVino(), Web())
"""Those that every graph is tried in, beside onnxruntime."""


def installed_versions(others: Sequence[Runtime]) -> Mapping[str, str]:
    """Runtime -> version, onnxruntime's first, of those that are installed."""
    found = {one.name: one.version() for one in others if one.missing() is None}
    return {"onnxruntime": version("onnxruntime"), **found}


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
