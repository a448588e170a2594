"""The other runtimes that a graph is tried in; each is independent of onnxruntime's native build.

They are optional: one that is not installed is named, with the command that installs it. The one of
browsers runs under node: `node/run.mjs` is the other side, and the form of the messages stands
there.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from export.runtime.session import THREADS, Arrays, Run


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
        return None

    def version(self) -> str:
        """Of the installed package."""

    def must_run(self, precision: str) -> bool:
        """Whether a bundle promises that its graphs of this precision run there."""
        return precision == "float32"

    def open(self, graph: Path) -> AbstractContextManager[Run]:
        """A context in which the graph runs.

        Raises:
            RuntimeRefusal: it does not take this graph.
        """


class GatherElements(OpRun):
    """As the standard words it. The evaluator's own refuses fewer indices than there are data."""

    op_domain = ""

    def _run(self, data: np.ndarray, indices: np.ndarray, axis: int = 0) -> tuple[np.ndarray, ...]:
        place: list[np.ndarray] = list(np.ogrid[tuple(slice(size) for size in indices.shape)])
        place[axis] = indices
        return (data[tuple(place)],)


class Reference(Runtime):
    """onnx's reference evaluator: numpy, operator by operator as the standard words them."""

    name = "onnx.reference"
    takes_large = False

    def version(self) -> str:
        return version("onnx")

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        """As `Runtime.open` says."""
        model = onnx.load(graph)
        foreign = sorted({f"{n.domain}.{n.op_type}" for n in model.graph.node if n.domain})
        if foreign:
            raise RuntimeRefusal(f"it knows standard operators only, not {', '.join(foreign)}")
        evaluator = ReferenceEvaluator(model, new_ops=[GatherElements])
        names = [output.name for output in model.graph.output]

        def run(feed: Arrays) -> dict[str, np.ndarray]:
            # numpy warns where the standard has infinity: MPNet takes the logarithm of distance 0.
            with np.errstate(all="ignore"):
                return dict(zip(names, evaluator.run(names, dict(feed)), strict=True))

        yield run


class OpenVino(Runtime):
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

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        """As `Runtime.open` says."""
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS}
        try:
            core = openvino.Core()
            model = core.read_model(graph)
            # Compiled, an output may go by the name of what it is the same as, too.
            names = [output.get_any_name() for output in model.outputs]
            compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise RuntimeRefusal(_first_line(error)) from error

        def run(feed: Arrays) -> dict[str, np.ndarray]:
            found = compiled(dict(feed))
            # Copies: what it gives is overwritten by the next run.
            return {name: np.array(found[at]) for at, name in enumerate(names)}

        yield run


NODE = Path(__file__).parents[1] / "node"
NODE_COMMAND = ("node",)
PACKAGE = "onnxruntime-web"


class WebRuntimeError(RuntimeError):
    """onnxruntime-web refused a graph or a run, or node ended; the message says what it said."""


def missing_for_web(package: str = PACKAGE) -> str | None:
    """The command that installs what is missing to run `package` under node; None if all is there.

    Args:
        package: one of those in node/package.json.
    """
    if shutil.which("node") is None:
        return "apt-get install nodejs npm && npm install --prefix export/node"
    if not (NODE / "node_modules" / package / "package.json").is_file():
        return "npm install --prefix export/node"
    return None


class WebSession:
    """A graph opened by onnxruntime-web (wasm, one thread), for any number of runs.

        with WebSession(Path("model.onnx")) as session:
            outputs = session.run({"input_ids": ids, "attention_mask": mask})

    Raises:
        WebRuntimeError: node or the package is not installed, or the graph was refused.
    """

    def __init__(self, graph: Path) -> None:
        if command := missing_for_web():
            raise WebRuntimeError(f"{PACKAGE} under node is not installed: {command}")
        # What the runtime logs: warnings and worse.
        self._remarks = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            [*NODE_COMMAND, str(NODE / "run.mjs"), str(graph.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._remarks,
        )
        assert self._process.stdin, "it is a pipe"
        assert self._process.stdout, "it is a pipe"
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        try:
            head, _ = self._receive()
        except BaseException:
            self.close()
            raise
        self.inputs: tuple[str, ...] = tuple(head["inputs"])
        """The names of the graph's inputs, without those that have a default."""

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """All outputs by their names.

        This runtime does not know of inputs with a default: a feed with a head mask is refused.

        Raises:
            WebRuntimeError: the runtime refused the inputs or failed.
        """
        arrays = {name: np.ascontiguousarray(array) for name, array in feeds.items()}
        described = [
            {"name": name, "type": array.dtype.name, "dims": array.shape, "bytes": array.nbytes}
            for name, array in arrays.items()
        ]
        try:
            self._stdin.write(json.dumps({"arrays": described}).encode() + b"\n")
            for array in arrays.values():
                self._stdin.write(array.tobytes())
            self._stdin.flush()
        except BrokenPipeError as error:
            raise WebRuntimeError(self._how_it_ended()) from error
        _, found = self._receive()
        return found

    def close(self) -> None:
        """Ends the process."""
        self._stdin.close()
        self._process.wait()
        self._stdout.close()
        self._remarks.close()

    def __enter__(self) -> "WebSession":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _receive(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        line = self._stdout.readline()
        if not line:
            raise WebRuntimeError(self._how_it_ended())
        head = json.loads(line)
        if "error" in head:
            raise WebRuntimeError(f"{PACKAGE}: {head['error']}")
        arrays = {}
        for entry in head["arrays"]:
            content = self._stdout.read(entry["bytes"])
            if len(content) < entry["bytes"]:
                raise WebRuntimeError(self._how_it_ended())
            flat = np.frombuffer(content, np.dtype(entry["type"]))
            arrays[entry["name"]] = flat.reshape(entry["dims"])
        return head, arrays

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        self._remarks.seek(0)
        said = self._remarks.read().decode(errors="replace").strip()
        return f"node ended with code {code}: {said[-2000:] or 'it said nothing'}"


class Web(Runtime):
    """onnxruntime-web, the build for browsers, under node."""

    name = "onnxruntime-web"
    takes_large = True

    def missing(self) -> str | None:
        return missing_for_web()

    def version(self) -> str:
        described = NODE / "node_modules" / PACKAGE / "package.json"
        return str(json.loads(described.read_text(encoding="utf-8"))["version"])

    def must_run(self, precision: str) -> bool:
        return True

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        """As `Runtime.open` says."""
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
