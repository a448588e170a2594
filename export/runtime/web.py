"""onnxruntime-web, the runtime of browsers, under node: a graph goes in, arrays in, arrays out.

`node/run.mjs` is the other side; the form of the messages stands there.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

NODE = Path(__file__).parents[1] / "node"
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


def web_version(package: str = PACKAGE) -> str:
    """The version of an installed package of node/package.json."""
    described = (NODE / "node_modules" / package / "package.json").read_text(encoding="utf-8")
    return str(json.loads(described)["version"])


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
        self._remarks = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            ["node", str(NODE / "run.mjs"), str(graph.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._remarks,
        )
        try:
            head, _ = self._receive()
        except BaseException:
            self.close()
            raise
        self.version: str = head["version"]
        self.inputs: tuple[str, ...] = tuple(head["inputs"])
        """The names of the graph's inputs, without those that have a default."""
        self.outputs: tuple[str, ...] = tuple(head["outputs"])

    def run(
        self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """The outputs by their names: all of them, or those that are asked for.

        This runtime does not know of inputs with a default: a feed with a head mask is refused.

        Raises:
            WebRuntimeError: the runtime refused the inputs or failed.
        """
        arrays = {name: np.ascontiguousarray(array) for name, array in feeds.items()}
        head: dict[str, Any] = {
            "arrays": [
                {
                    "name": name,
                    "type": array.dtype.name,
                    "dims": array.shape,
                    "bytes": array.nbytes,
                }
                for name, array in arrays.items()
            ]
        }
        if outputs is not None:
            head["outputs"] = list(outputs)
        try:
            self._stdin.write(json.dumps(head).encode() + b"\n")
            for array in arrays.values():
                self._stdin.write(array.tobytes())
            self._stdin.flush()
        except BrokenPipeError as error:
            raise WebRuntimeError(self._how_it_ended()) from error
        _, found = self._receive()
        return found

    @property
    def remarks(self) -> str:
        """What the runtime has logged so far: warnings and worse."""
        self._remarks.seek(0)
        return self._remarks.read().decode(errors="replace")

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

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout

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
        return f"node ended with code {code}: {self.remarks.strip()[-2000:] or 'it said nothing'}"
