"""onnxruntime sessions as the exporter opens them: two threads at most, quiet, on the CPU."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from export.processor import EXACT, by_processor

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
    source = str(graph) if isinstance(graph, Path) else graph.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, feed: Arrays) -> dict[str, np.ndarray]:
    """All outputs by their names."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feed)), strict=True))
