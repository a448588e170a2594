"""onnxruntime sessions as the exporter opens them: two threads at most, quiet, on the CPU."""

import os
from pathlib import Path

import onnx
import onnxruntime

THREADS = min(2, os.cpu_count() or 1)
"""Those of a small server."""

ERROR = 3
"""onnxruntime's log level: its one warning at load, about inputs that have a default, is meant."""


def open_session(graph: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    """A session on a graph in memory or in a file, with the settings of a small server."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = ERROR
    source = str(graph) if isinstance(graph, Path) else graph.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
