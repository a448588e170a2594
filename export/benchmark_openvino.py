"""Times a graph in OpenVINO; a part of `benchmark.py`."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from export.latency import median_time
from export.sessions import THREADS


def open_graph(graph: Path, precision: str) -> Callable[[int], Callable[[], object]]:
    """Compiles a graph of an encoder: tokens -> one run over a text of so many.

    Args:
        precision: `f32` or `bf16`; what it computes in. OpenVINO takes bf16 by itself where the
            processor has it.
    """
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": THREADS,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(graph, "CPU", settings)
    request = compiled.create_infer_request()

    def text_of(tokens: int) -> Callable[[], object]:
        feed = {}
        for given in compiled.inputs:
            name, axes = given.get_any_name(), list(given.get_partial_shape())
            # Those of `head_mask` are fixed behind the first; onnxruntime needs no such input.
            fixed = [axis.get_length() for axis in axes[1:] if axis.is_static]
            shape, kind = ((1, *fixed), np.float32) if fixed else ((1, tokens), np.int64)
            feed[name] = np.full(shape, 0 if name == "token_type_ids" else 1, kind)
        # Neither what goes in nor what comes out is copied: OpenVINO at its best.
        return partial(request.infer, feed, share_inputs=True, share_outputs=True)

    return text_of


def time_openvino(graph: Path, lengths: Sequence[int], *, precision: str) -> dict[int, float]:
    """Milliseconds of a text of each length; `precision` as of `open_graph`."""
    text_of = open_graph(graph, precision)
    return {length: median_time(text_of(length)) for length in lengths}
