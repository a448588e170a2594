"""Opens onnxruntime sessions as a small server wants them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from explorer.bundle_graph import Graph
from explorer.bundle_schema import AGAIN, BundleError
from explorer.processor import adds_exactly
from explorer.tokenizer_file import reason

_THREADS = min(2, os.cpu_count() or 1)
_WIDEST = 1_000_000
"""Heads, or numbers per token: arrays of such a size are made before the graph has run."""


def open_session(graph: Graph) -> onnxruntime.InferenceSession:
    """A session on a bundle's graph. Raises BundleError if onnxruntime refuses the file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Threads that spin while they wait take the core from the web server.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not adds_exactly():
        # Turns int8 weights into uint8 at load: exact everywhere, and twice as slow with VNNI.
        options.add_session_config_entry("session.x64quantprecision", "1")
    # The arena never gives back what the longest text took.
    options.enable_cpu_mem_arena = False
    # Its only warning here says that head_mask, an initializer, may be overridden: it is meant to.
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph.path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no other base
        raise BundleError(
            f"{graph.path} is no graph that opens: {reason(error)}. {AGAIN}"
        ) from error


def run_into(
    session: onnxruntime.InferenceSession,
    feed: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, NDArray[np.float32]],
) -> None:
    """Runs a graph and has it write its outputs into arrays that are there, in one piece each and
    of the right shapes."""
    if not {given.name for given in session.get_inputs()}.issuperset(feed):
        # A binding knows no optional input, such as head_mask: here the outputs are copied, each
        # dropped at once.
        values = session.run(list(outputs), feed)
        for array in outputs.values():
            array[...] = values.pop(0)
        return
    binding = session.io_binding()
    for name, array in feed.items():
        binding.bind_cpu_input(name, np.ascontiguousarray(array))
    for name, array in outputs.items():
        binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    session.run_with_iobinding(binding)


def check_names(
    session: onnxruntime.InferenceSession,
    graph: Graph,
    layers: int,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    maps: str,
) -> None:
    """Raises BundleError if the graph lacks one of these inputs or outputs, or has more layers.

    Args:
        maps: what the outputs are called of which there is one for each layer.
    """
    _check("inputs", inputs, session.get_inputs(), graph, layers)
    _check("outputs", outputs, session.get_outputs(), graph, layers)
    found = sum(one.name.startswith(f"{maps}.") for one in session.get_outputs())
    if found != layers:
        raise BundleError(
            f"{graph.path} gives the maps of {found} layers; bundle.json says {layers} layers. "
            f"{AGAIN}"
        )


def _check(
    kind: str, names: Sequence[str], found: Sequence[onnxruntime.NodeArg], graph: Graph, layers: int
) -> None:
    there = {one.name for one in found}
    missing = [name for name in names if name not in there]
    if missing:
        shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise BundleError(
            f"{graph.path} lacks {len(missing)} of {len(names)} {kind}: {shown}. bundle.json says "
            f"{layers} layers. {AGAIN}"
        )


def declared_size(session: onnxruntime.InferenceSession, graph: Graph, name: str, axis: int) -> int:
    """The size that a graph declares for an axis of an input.

    Raises:
        BundleError: it declares none there, or one that no model has.
    """
    shapes = {given.name: given.shape for given in session.get_inputs()}
    size = shapes[name][axis] if len(shapes[name]) > axis else None
    if not isinstance(size, int) or not 1 <= size <= _WIDEST:
        raise BundleError(
            f"{graph.path} declares {str(size)[:40]} as size {axis + 1} of {name}; expected a "
            f"number from 1 to {_WIDEST:,}. {AGAIN}"
        )
    return size
