"""What must hold of every graph, whatever its numbers are; found out by running it alone.

The proofs against torch and the proof of a finished bundle both ask this; nothing here needs torch.
"""

from collections.abc import Callable, Mapping

import numpy as np

from export.decoder_samples import Sample, steps
from export.graph_names import Axes, GraphNames
from export.proof import Proof
from export.sessions import Arrays, Run


def check_maps(found: Arrays, feed: Arrays, title: str, proof: Proof) -> None:
    """Rows sum to one over the real tokens; padding gets exactly nothing; no value is NaN."""
    proof.check_finite(found, title)
    real = feed["attention_mask"].astype(bool)[:, None, None, :]
    for name, values in found.items():
        if name.startswith("encoder_attentions."):
            proof.check_map(values, real, f"{title}: {name}")


def check_step(found: Arrays, sample: Sample, title: str, proof: Proof) -> None:
    """Rows sum to one, over the source's real tokens and over the past; the future gets nothing."""
    proof.check_finite(found, title)
    real = sample.mask.astype(bool)[:, None, None, :]
    for name, values in found.items():
        if name.startswith("cross_attentions."):
            proof.check_map(values, real, f"{title}: {name}")
        if name.startswith("decoder_attentions."):
            query, key = values.shape[2:]
            causal = np.tri(query, key, key - query, dtype=bool)[None, None]
            proof.check_map(values, causal, f"{title}: {name}")


def check_shapes(
    found: Arrays, lengths: Mapping[str, int], names: GraphNames, title: str, proof: Proof
) -> None:
    """Every output has the shape that its axes have in this run.

    Args:
        lengths: of each named axis of the inputs.
    """
    for name, axes in names.outputs.items():
        shape = tuple(_length(axis, lengths) for axis in axes)
        proof.expect(
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


def check_texts_alone(run: Run, feed: Arrays, proof: Proof) -> None:
    """A text's results must not depend on what it was padded with, on the right, or stood beside.

    Args:
        feed: a batch for an encoder.
    """
    together = run(feed)
    for row, length in enumerate(feed["attention_mask"].sum(axis=1)):
        alone = run({name: array[row : row + 1, :length] for name, array in feed.items()})
        proof.compare_row(together, alone, row)


def check_targets_alone(
    run: Run, empty: Callable[[int], Arrays], sample: Sample, proof: Proof
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
        proof.compare_row(together, alone, row)


def check_ones(
    plain: Arrays, run: Callable[[Arrays], Arrays], ones: Mapping[str, np.ndarray], proof: Proof
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
            proof.expect(same, f"a {kind} of ones changes {name}")


def _length(axis: str | int, lengths: Mapping[str, int]) -> int:
    """Of an axis, a number, or a sum of named ones."""
    if isinstance(axis, int):
        return axis
    return sum(lengths[name] for name in axis.split(" + "))
