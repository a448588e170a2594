"""What a graph gives when it is tried at start, held against what its bundle says.

A bundle that opens and fails when a reader comes is worse than one that is refused.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from explorer.bundle_graph import Graph
from explorer.bundle_schema import AGAIN, BundleError
from explorer.tokenizer_file import reason


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
