"""What must hold of a graph; all faults are gathered, so that one run tells everything.

`Checks` notes a graph's form, its numbers beside others' and the rows of its maps; the functions
below it ask what must hold whatever the numbers are. Nothing here needs torch: the proofs against
torch and the proof of a finished bundle both ask this.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import onnx

from export.graphs.graph_file import check_graph
from export.graphs.names import Axes, GraphNames
from export.runtime.session import Arrays, Run
from export.verification.inputs import Prompt, Text, steps

LIMIT = 1e-4
"""Largest difference of a float32 graph from torch, and of two runtimes or two ways to run it, in
units of the output's largest value where that is above 1."""

ROW_SUM_LIMIT = 1e-5


def limit_of_float32(_: str, values: np.ndarray) -> float:
    """What float32 arithmetic in another order may change."""
    return LIMIT * max(1.0, float(np.abs(values).max(initial=0)))


@dataclass
class Checks:
    """What was found: the largest difference of each kind of output, and every failure in words."""

    differences: dict[str, float] = field(default_factory=dict)
    """Kind of output (`encoder_attentions`: of all layers) -> largest absolute difference."""
    batches: list[str] = field(default_factory=list)
    not_tried: str = ""
    """What the proof leaves open, as `longest.not_tried` says."""
    failures: list[str] = field(default_factory=list)
    errors_pass: bool = False
    """Whether an error ends the checks: of a graph that was just traced it is our fault, and what
    stopped it must be told as such. Of a bundle that anybody made it is one more failure."""
    limit_of: Callable[[str, np.ndarray], float] = field(default=limit_of_float32, repr=False)
    """The largest difference that an output of this name and these values may show."""

    def require(self, holds: bool | np.bool_, failure: str) -> None:
        """Notes `failure` unless `holds`."""
        if not holds:
            self.failures.append(failure)

    @contextmanager
    def guard(self, title: str) -> Iterator[None]:
        """Notes an error inside the block as a failure, so that the checks after it still run, or
        lets it pass where `errors_pass`."""
        try:
            yield
        # Runtimes raise what they like; onnxruntime's errors share no class but this one.
        except Exception as error:
            if self.errors_pass:
                raise
            self.failures.append(f"{title}: stopped by {type(error).__name__}: {error}")

    def compare(
        self,
        expected: Arrays,
        found: Arrays,
        title: str,
        *,
        source: str = "torch",
        exact: Callable[[], Arrays] | None = None,
    ) -> None:
        """Notes each output's difference from what is expected, as a failure above the limit.

        Args:
            source: what gave the expected values.
            exact: gives the same values in float64. Where a difference is above the limit, these
                judge: a graph that is at most twice as far from them as the source is no worse
                than float32 itself.
        """
        for name, reference in expected.items():
            if found[name].shape != reference.shape:
                self.failures.append(
                    f"{title}: {name} has shape {found[name].shape}, {source} gives "
                    f"{reference.shape}"
                )
                continue
            difference = largest_difference(found[name], reference)
            kind = kind_of(name)
            self.differences[kind] = max(difference, self.differences.get(kind, 0.0))
            limit = self.limit_of(name, reference)
            if exact and not difference <= limit:
                true = exact()[name]
                limit = max(limit, 2 * largest_difference(reference, true))
                difference = largest_difference(found[name], true)
            # Written so that a NaN fails.
            if not difference <= limit:
                self.failures.append(
                    f"{title}: {name} differs from {source} by {difference:.1e}, limit {limit:.1e}"
                )

    def compare_row(self, together: Arrays, alone: Arrays, row: int, *, left: bool = False) -> None:
        """Notes where a text differs in a padded batch from what it gives alone.

        Args:
            left: the batch is padded on the left, not on the right.
        """
        for name, single in alone.items():
            batched = together[name][row : row + 1]
            sizes = zip(batched.shape, single.shape, strict=True)
            real = batched[
                tuple(slice(full - size, full) if left else slice(size) for full, size in sizes)
            ]
            difference = largest_difference(real, single)
            self.require(
                difference <= self.limit_of(name, single),
                f"{name} of a padded row differs by {difference:.1e} from the row alone",
            )

    def check_map(
        self, weights: np.ndarray, visible: np.ndarray, title: str, rows: np.ndarray | None = None
    ) -> None:
        """Rows sum to one over what is visible; the rest gets exactly nothing.

        Args:
            weights: shape (batch, heads, query, key).
            visible: True where looking is allowed, broadcastable to it.
            rows: True for the rows that are asked about, (batch, query); all unless given.
        """
        if rows is not None:
            weights, visible = weights * rows[:, None, :, None], visible & rows[:, None, :, None]
        row_sum = np.where(visible.any(axis=-1), 1.0, 0.0)  # 0: nothing to see
        off = np.abs(weights.sum(axis=-1) - row_sum).max()
        self.require(off <= ROW_SUM_LIMIT, f"{title}: a row misses 1 by {off:.1e}")
        hidden = np.abs(weights * ~visible).max()
        self.require(hidden == 0, f"{title}: what is hidden gets a weight of {hidden:.1e}")

    def check_form(self, graph: onnx.ModelProto, names: GraphNames) -> None:
        """onnx's own checker; names, types and axes as declared, none of them empty or frozen."""
        try:
            check_graph(graph)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            self.failures.append(f"onnx.checker: {error}")
        for kind, expected, values in (
            ("inputs", names.inputs, graph.graph.input),
            ("outputs", names.outputs, graph.graph.output),
        ):
            found = tuple(value.name for value in values)
            self.require(found == tuple(expected), f"{kind} are {found}, expected {(*expected,)}")
            for value in values:
                if value.name in expected:
                    self._check_declared(value, expected[value.name])
        operators = {node.op_type for node in graph.graph.node}
        self.require("If" not in operators, "the graph has an If, which no bundle needs")
        defaults = {tensor.name for tensor in graph.graph.initializer}
        for name in names.optional:
            self.require(name in defaults, f"{name} has no default, so every client must give it")

    def _check_declared(self, value: onnx.ValueInfoProto, axes: Axes) -> None:
        tensor = value.type.tensor_type
        found = [axis.dim_param or axis.dim_value for axis in tensor.shape.dim]
        self.require(0 not in found, f"{value.name} declares an empty axis: {found}")
        frozen = [
            str(name)
            for name, size in zip(axes, found, strict=False)
            if isinstance(name, str) and isinstance(size, int) and size
        ]
        self.require(not frozen, f"{value.name} has a frozen {' and '.join(frozen)} axis: {found}")
        self.require(
            bool(frozen) or 0 in found or found == list(axes),
            f"{value.name} declares {found}, expected {list(axes)}",
        )
        whole = value.name.endswith(("_ids", "attention_mask"))
        expected = onnx.TensorProto.INT64 if whole else onnx.TensorProto.FLOAT
        self.require(
            tensor.elem_type == expected,
            f"{value.name} is of type {_type(tensor.elem_type)}, expected {_type(expected)}",
        )


def _type(number: int) -> str:
    return onnx.TensorProto.DataType.Name(number).lower()


def largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest absolute difference of two arrays of one shape; 0 where they are empty."""
    return float(np.abs(one - other).max(initial=0))


def kind_of(output: str) -> str:
    """`encoder_attentions` of `encoder_attentions.3`, `present.key` of `present.0.decoder.key`."""
    first, *rest = output.split(".")
    return f"{first}.{rest[-1]}" if len(rest) > 1 else first


def check_maps(
    found: Arrays, mask: np.ndarray, title: str, checks: Checks, *, real_rows: bool = False
) -> None:
    """Rows sum to one over the real tokens, or over the past; padding and the future get exactly
    nothing; no output is infinite or not a number.

    Args:
        mask: 1 for a real token of the text that is read, (batch, source); of a decoder alone, of
            the text so far.
        real_rows: ask it of the rows of real tokens alone, of a model that leaves something else in
            those of padding.
    """
    real = mask.astype(bool)[:, None, None, :]
    for name, values in found.items():
        checks.require(np.isfinite(values).all(), f"{title}: {name} is not finite")
        if name.startswith(("encoder_attentions.", "cross_attentions.")):
            rows = mask.astype(bool) if real_rows else None
            checks.check_map(values, real, f"{title}: {name}", rows)
        if name.startswith("decoder_attentions."):
            query, key = values.shape[2:]
            causal = np.tri(query, key, key - query, dtype=bool)[None, None]
            seen = causal & real if real_rows else causal
            rows = mask.astype(bool)[:, key - query :] if real_rows else None
            checks.check_map(values, seen, f"{title}: {name}", rows)


def check_shapes(
    found: Arrays, lengths: Mapping[str, int], names: GraphNames, title: str, checks: Checks
) -> None:
    """Every output has the shape that its axes have in this run.

    Args:
        lengths: of each named axis of the inputs.
    """
    for name, axes in names.outputs.items():
        shape = tuple(
            axis if isinstance(axis, int) else sum(lengths[one] for one in axis.split(" + "))
            for axis in axes
        )
        checks.require(
            found[name].shape == shape,
            f"{title}: {name} has the shape {found[name].shape}, expected {shape}",
        )


def lengths_of(feed: Arrays, inputs: Mapping[str, Axes]) -> dict[str, int]:
    """Named axis -> its length in these inputs."""
    return {
        axis: size
        for name, array in feed.items()
        for axis, size in zip(inputs[name], array.shape, strict=True)
        if isinstance(axis, str)
    }


def check_texts_alone(run: Run, feed: Arrays, checks: Checks) -> None:
    """A text's results must not depend on what it was padded with or stood beside.

    Args:
        feed: a batch for an encoder, all of it padded on one side.
    """
    together, mask = run(feed), feed["attention_mask"]
    left = bool((mask[:, 0] == 0).any())
    for row, length in enumerate(mask.sum(axis=1)):
        real = slice(mask.shape[1] - length, None) if left else slice(length)
        alone = run({name: array[row : row + 1, real] for name, array in feed.items()})
        checks.compare_row(together, alone, row, left=left)


def check_targets_alone(
    run: Run, empty: Callable[[int], Arrays], sample: Text, checks: Checks
) -> None:
    """As `check_texts_alone`, of a decoder's batch: the last step of each row by itself.

    Args:
        empty: gives the past of a batch that is about to begin.
    """
    if len(sample.target) == 1:
        return
    *_, together = steps(run, empty(len(sample.target)), sample)
    for row in range(len(sample.target)):
        *_, alone = steps(run, empty(1), sample.row(row))
        checks.compare_row(together, alone, row, left=isinstance(sample, Prompt))


def check_ones(
    plain: Arrays, run: Callable[[Arrays], Arrays], ones: Mapping[str, np.ndarray], checks: Checks
) -> None:
    """A head mask of ones changes nothing, bit for bit.

    Args:
        plain: the outputs without a mask.
        run: gives them with the masks that it is handed.
        ones: the masks, all of them 1.
    """
    for kind, mask in ones.items():
        for name, values in run({kind: mask}).items():
            same = np.array_equal(values, plain[name])
            checks.require(same, f"a {kind} of ones changes {name}")
