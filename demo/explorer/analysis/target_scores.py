"""Scores what was written under many changed sources or heads, as many in a run as memory holds."""

import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from explorer.writer import Writer
from explorer.writing import Writing

_LOGIT_BYTES = 32 * 2**20
"""Of one run: a batch of a long text over a large vocabulary is the largest thing in memory."""


def texts_per_run(writer: Writer, writing: Writing) -> int:
    """How many times one run may score the written text."""
    return max(1, _LOGIT_BYTES // (4 * len(writing.ids) * writer.decoder.vocabulary))


def score(
    writer: Writer,
    writing: Writing,
    hidden: NDArray[np.float32],
    source_mask: NDArray[np.int64],
    head_masks: Mapping[str, NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """As `DecoderGraph.log_probabilities` of the written tokens, shape (batch, target); the writer
    learns how long it takes."""
    started = time.perf_counter()
    scores = writer.graph.log_probabilities(writing.ids, hidden, source_mask, head_masks)
    tokens = hidden.shape[1] + len(writing.ids)
    writer.pace.measured(len(hidden) * tokens, time.perf_counter() - started)
    return scores
