"""onnxruntime sessions as the exporter opens them: two threads at most, quiet, on the CPU.

onnxruntime multiplies uint8 activations by int8 weights. x86 processors with VNNI add such products
up exactly; without VNNI two of them are added in 16 bits and may be cut off (onnxruntime's
documentation, "Quantize ONNX models": U8S8 saturation). Its session option `EXACT` avoids that; so
do weights that are stored as uint8, for clients that do not set the option. Both cost half of the
speed or more, with VNNI as well, so they are for processors without it.
"""

import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from bundle_format.graphs import IntegerWeights
from export.graphs.graph_file import fits_one_file, save_graph

EXACT = "session.x64quantprecision"
"""Set to 1, onnxruntime turns int8 weights into uint8 when it loads them."""
CHOICES = ("auto", "int8", "uint8")

_VNNI = ("avx512_vnni", "avx_vnni", "avx_vnni_int8")
_X86 = ("x86_64", "amd64", "i686", "i386", "x86")


def choose_integer_weights(
    choice: str = "auto", machine: str = "", flags: str = ""
) -> IntegerWeights:
    """`int8` where this processor multiplies them exactly, else `uint8`; or what was asked for.

    Args:
        choice: one of `CHOICES`.
        machine, flags: as `by_processor`.
    """
    if choice != "auto":
        return IntegerWeights(
            type="uint8" if choice == "uint8" else "int8", reason="asked for with --integer-weights"
        )
    return by_processor(machine, flags)


def by_processor(machine: str = "", flags: str = "") -> IntegerWeights:
    """The type of weights that a processor multiplies exactly.

    Args:
        machine, flags: the processor's kind and features; those of this machine unless given.
    """
    machine = (machine or platform.machine()).lower()
    if machine not in _X86:
        return IntegerWeights(
            type="int8", reason=f"exported on {machine}, which multiplies exactly"
        )
    flags = flags or _flags()
    if not flags:
        return IntegerWeights(type="uint8", reason="exported on an x86 of unknown features")
    if vnni := next((name for name in _VNNI if name in flags.split()), None):
        return IntegerWeights(type="int8", reason=f"exported on an x86 with {vnni}")
    return IntegerWeights(type="uint8", reason="exported on an x86 without VNNI")


def _flags() -> str:
    """The features that Linux lists; nothing on other systems."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "")


THREADS = min(2, os.cpu_count() or 1)
"""Those of a small server."""

WARNING, ERROR = 2, 3
"""onnxruntime's log levels. `ERROR` is the usual one: its one warning at load, about inputs that
have a default, is meant."""

Arrays = Mapping[str, np.ndarray]
Run = Callable[[Arrays], dict[str, np.ndarray]]
"""Takes a graph's inputs and gives all its outputs, by their names, in whatever runtime."""


def open_session(
    graph: onnx.ModelProto | Path, log_level: int = ERROR, threads: int = THREADS
) -> onnxruntime.InferenceSession:
    """A session on a graph in memory or in a file, with the settings of a small server."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if by_processor().type == "uint8":
        options.add_session_config_entry(EXACT, "1")
    options.log_severity_level = log_level
    opened = partial(
        onnxruntime.InferenceSession, sess_options=options, providers=["CPUExecutionProvider"]
    )
    if isinstance(graph, Path):
        return opened(str(graph))
    if fits_one_file(graph):
        return opened(graph.SerializeToString())
    # It keeps what it has opened; where a system does not let that go, the files stay.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        save_graph(graph, Path(folder) / "graph.onnx")
        return opened(str(Path(folder) / "graph.onnx"))


def run(session: onnxruntime.InferenceSession, feed: Arrays) -> dict[str, np.ndarray]:
    """All outputs by their names."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feed)), strict=True))
