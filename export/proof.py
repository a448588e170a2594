"""What every proof of a graph needs: its form, its numbers beside torch's, the rows of its maps.

Nothing here stops at the first fault: all of them are gathered, so that one run tells everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime

from export.tracing import GraphNames

LIMIT = 1e-4
"""Largest difference from torch, in units of the output's largest value where that is above 1."""

ROW_SUM_LIMIT = 1e-5

Arrays = Mapping[str, np.ndarray]


@dataclass
class Proof:
    """What was found: the largest difference of each kind of output, and every failure in words."""

    differences: dict[str, float] = field(default_factory=dict)
    """Kind of output (`encoder_attentions`: of all layers) -> largest absolute difference."""
    batches: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def expect(self, holds: bool | np.bool_, failure: str) -> None:
        """Notes `failure` unless `holds`."""
        if not holds:
            self.failures.append(failure)

    def compare(self, expected: Arrays, found: Arrays, title: str) -> None:
        """Notes each output's difference from what is expected, as a failure above the limit."""
        for name, reference in expected.items():
            if found[name].shape != reference.shape:
                self.failures.append(
                    f"{title}: {name} has shape {found[name].shape}, torch gives {reference.shape}"
                )
                continue
            difference = largest_difference(found[name], reference)
            kind = kind_of(name)
            self.differences[kind] = max(difference, self.differences.get(kind, 0.0))
            limit = LIMIT * max(1.0, float(np.abs(reference).max(initial=0)))
            # Written so that a NaN fails.
            if not difference <= limit:
                self.failures.append(
                    f"{title}: {name} differs from torch by {difference:.1e}, limit {limit:.1e}"
                )

    def compare_row(self, together: Arrays, alone: Arrays, row: int) -> None:
        """Notes where a text differs in a padded batch from what it gives alone."""
        for name, single in alone.items():
            batched = together[name][row : row + 1]
            real = batched[tuple(slice(0, size) for size in single.shape)]
            difference = largest_difference(real, single)
            limit = LIMIT * max(1.0, float(np.abs(single).max(initial=0)))
            self.expect(
                difference <= limit,
                f"{name} of a padded row differs by {difference:.1e} from the row alone",
            )

    def check_map(self, weights: np.ndarray, visible: np.ndarray, title: str) -> None:
        """Rows sum to one over what is visible; the rest gets exactly nothing.

        Args:
            weights: shape (batch, heads, query, key).
            visible: True where looking is allowed, broadcastable to it.
        """
        row_sum = np.where(visible.any(axis=-1), 1.0, 0.0)  # 0: nothing to see
        off = np.abs(weights.sum(axis=-1) - row_sum).max()
        self.expect(off <= ROW_SUM_LIMIT, f"{title}: a row misses 1 by {off:.1e}")
        hidden = np.abs(weights * ~visible).max()
        self.expect(hidden == 0, f"{title}: what is hidden gets a weight of {hidden:.1e}")

    def check_finite(self, found: Arrays, title: str) -> None:
        """No output is infinite or not a number."""
        for name, values in found.items():
            self.expect(np.isfinite(values).all(), f"{title}: {name} is not finite")

    def check_form(self, graph: onnx.ModelProto, names: GraphNames) -> None:
        """onnx's own checker, the declared names, and no axis that is empty or frozen."""
        try:
            onnx.checker.check_model(graph, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            self.failures.append(f"onnx.checker: {error}")
        for kind, expected, values in (
            ("inputs", names.inputs, graph.graph.input),
            ("outputs", names.outputs, graph.graph.output),
        ):
            found = tuple(value.name for value in values)
            self.expect(found == expected, f"{kind} are {found}, expected {expected}")
        for value in (*graph.graph.input, *graph.graph.output):
            axes = value.type.tensor_type.shape.dim
            sizes = [axis.dim_param or axis.dim_value for axis in axes]
            self.expect(0 not in sizes, f"{value.name} declares an empty axis: {sizes}")
            self.expect(bool(axes[0].dim_param), f"{value.name} has a frozen batch axis: {sizes}")


def run(session: onnxruntime.InferenceSession, feed: Arrays) -> dict[str, np.ndarray]:
    """All outputs by their names."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feed)), strict=True))


def largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest absolute difference of two arrays of one shape; 0 where they are empty."""
    return float(np.abs(one - other).max(initial=0))


def kind_of(output: str) -> str:
    """`encoder_attentions` of `encoder_attentions.3`, `present.key` of `present.0.decoder.key`."""
    first, *rest = output.split(".")
    return f"{first}.{rest[-1]}" if len(rest) > 1 else first
