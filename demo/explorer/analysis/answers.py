"""The model's answers to many changed texts, a few texts a run."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.effects import Answers
from explorer.analysis.steps import Progress, Steps
from explorer.limits import operations
from explorer.runner import Runner
from explorer.tokens import Encoded

_ROWS = 32
_OPERATIONS = 5e10
"""Of one run, a quarter of a second on two cores: so long a reader waits who came during it. Not
measured but counted, since 8-bit graphs answer a text otherwise beside other texts."""
_MAP_BYTES = 32 * 2**20
"""Of all maps of one run. The graph computes them though nobody asks for them here, and it is they
that fill the memory: 75 MB for one text of 512 tokens under 6 layers and 12 heads."""


def answers(
    runner: Runner, texts: Sequence[Encoded], head_masks: NDArray[np.float32] | None = None
) -> Steps[Answers]:
    """The answer to every text, shape (texts, labels), in the order of the texts.

    Texts of about one length are read together. One run holds at most as many as fit into
    `_MAP_BYTES` and `_OPERATIONS`, or one.

    Args:
        head_masks: factors for each head's output, shape (1 or texts, layers, heads); ones if not
            given.
    """
    logits = np.zeros((len(texts), len(runner.bundle.labels)), np.float32)
    done = 0
    for rows in _batches(runner, texts):
        masks = head_masks if head_masks is None or len(head_masks) == 1 else head_masks[rows]
        logits[rows] = runner.answer([texts[row] for row in rows], masks)
        done += len(rows)
        yield Progress(done, len(texts))
    return Answers(runner.bundle, logits)


def texts_per_run(runner: Runner, tokens: int) -> int:
    """How many texts of so many tokens are read in one run; at least one."""
    tokens, layers = max(tokens, 1), runner.bundle.layers
    in_memory = _MAP_BYTES // (4 * layers * runner.bundle.heads * tokens**2)
    in_time = int(_OPERATIONS // operations(tokens, layers, runner.width))
    return max(1, min(_ROWS, in_memory, in_time))


def _batches(runner: Runner, texts: Sequence[Encoded]) -> Iterator[list[int]]:
    """The texts by their places, short ones first, in groups that fit into one run."""
    batch: list[int] = []
    for row in sorted(range(len(texts)), key=lambda place: len(texts[place].ids)):
        if len(batch) >= texts_per_run(runner, len(texts[row].ids)):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
