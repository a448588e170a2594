"""Opens onnxruntime sessions as a small server wants them, tries them, and shares them.

At start each graph is run once and its outputs are held against what its bundle says: a bundle that
opens and fails when a reader comes is worse than one that is refused.

Every graph uses all cores that there are, so two runs at once would make both late and hold the
memory of both. So they take turns: what runs a graph many times takes a turn for each run, and a
reading that came meanwhile goes before its next one, so that nobody waits for more than the run
that is under way.
"""

import atexit
import os
import platform
from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bundle_format.folder import AGAIN, BundleError
from explorer.bundle import Graph
from explorer.errors import reason
from explorer.inference.reading import numbered_layers

_X86 = ("x86_64", "amd64", "i686", "i386", "x86")
_VNNI = {"avx512_vnni", "avx_vnni", "avx_vnni_int8"}


def adds_exactly(machine: str = "", flags: str = "") -> bool:
    """True unless this is an x86 without VNNI, or one whose features are unknown.

    x86 without VNNI adds two such products in 16 bits and may cut them off (onnxruntime's
    documentation, "Quantize ONNX models": U8S8 saturation).

    Args:
        machine, flags: the processor's kind and features; those of this machine unless given.
    """
    if (machine or platform.machine()).lower() not in _X86:
        return True
    listed = Path("/proc/cpuinfo")  # Linux's; other systems have none
    if not flags and listed.is_file():
        lines = listed.read_text(encoding="utf-8").splitlines()
        flags = next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "")
    return not _VNNI.isdisjoint(flags.split())


THREADS = min(2, os.cpu_count() or 1)
_WIDEST = 1_000_000
"""Heads, or numbers per token: arrays of such a size are made before the graph has run."""


def open_session(graph: Graph, threads: int = THREADS) -> onnxruntime.InferenceSession:
    """A session on a bundle's graph. Raises BundleError if onnxruntime refuses the file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
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
        session = onnxruntime.InferenceSession(
            graph.path,
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=False,  # to the same once more, with lines on stdout
        )
        for one in (*session.get_inputs(), *session.get_outputs()):
            _ = one.name, one.shape  # decoded here: bytes that are no text open all the same
    except Exception as error:  # onnxruntime's own classes share no other base
        raise BundleError(
            f"{graph.path} is no graph that opens: {reason(error)}. {AGAIN}"
        ) from error
    return session


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
    map_layers: Sequence[int],
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    maps: str,
) -> None:
    """Raises BundleError if the graph lacks one of these inputs or outputs, or has more maps.

    Args:
        layers: how many there are, by `bundle.json`.
        map_layers: those that have maps, from 0.
        maps: what the outputs are called of which there is one for each layer with maps.
    """
    some = f", with maps of {numbered_layers(map_layers)}" if len(map_layers) < layers else ""
    stated = f"bundle.json says {layers} layer{'' if layers == 1 else 's'}{some}"
    of_graph = {"inputs": session.get_inputs(), "outputs": session.get_outputs()}
    for kind, names in (("inputs", inputs), ("outputs", outputs)):
        there = {one.name for one in of_graph[kind]}
        missing = [name for name in names if name not in there]
        if missing:
            shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
            raise BundleError(
                f"{graph.path} lacks {len(missing)} of {len(names)} {kind}: {shown}. {stated}. "
                f"{AGAIN}"
            )
    found = sum(one.name.startswith(f"{maps}.") for one in of_graph["outputs"])
    if found != len(map_layers):
        raise BundleError(f"{graph.path} gives the maps of {found} layers; {stated}. {AGAIN}")


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


@contextmanager
def trying(graph: Graph, what: str) -> Iterator[None]:
    """To be entered around what runs a graph. Raises BundleError: it does not run on that."""
    try:
        yield
    except BundleError:
        raise
    except Exception as error:  # onnxruntime's own classes share no other base
        raise BundleError(
            f"{graph.path} opens but does not run on {what}: {reason(error)}. {AGAIN}"
        ) from error


def check_outputs(
    graph: Graph, outputs: Mapping[str, NDArray], expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Raises BundleError: an output has another shape, another type, or numbers that are none."""
    for name, shape in expected.items():
        array = outputs[name]
        if array.shape != shape or array.dtype != np.float32:
            raise BundleError(
                f"{graph.path} gives {name} of shape {array.shape} in {array.dtype}; by "
                f"bundle.json it has {shape} in float32. {AGAIN}"
            )
        if not np.isfinite(array).all():
            raise BundleError(f"{graph.path} gives {name} with NaN or infinite values. {AGAIN}")


_PATIENCE = 10.0
"""Seconds that the end of the program waits for the run that is under way."""


class Turns:
    """Turns in the order in which they were asked for, but those asked for as first."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._numbers = count()
        self._waiting: list[tuple[bool, int]] = []
        self._taken = False
        self._closed = False

    @contextmanager
    def take(self, *, first: bool = False) -> Iterator[None]:
        """Waits for a turn and holds it while the context is open; not to be taken inside another.

        Args:
            first: it is for one text that somebody waits for: it goes before all that are not.
        """
        place = (not first, next(self._numbers))
        with self._changed:
            insort(self._waiting, place)
            try:
                self._changed.wait_for(
                    lambda: not self._taken and not self._closed and self._waiting[0] == place
                )
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()  # who was interrupted may have stood before others
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()

    def close(self) -> None:
        """Nobody gets a turn any more, and whoever waits for one waits until the program ends.
        Returns once the run that is under way has ended."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._taken, _PATIENCE)


TURNS = Turns()
"""Those of this machine, for all models of a page."""

# A program that ends while a graph runs in a thread of the server is aborted by the C++ library.
atexit.register(TURNS.close)
