"""Scores what was written under many changed sources or heads, as many in a run as memory holds."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from explorer.writer import Writer
from explorer.writing import Writing

_RUN_BYTES = 32 * 2**20
"""Of what a run holds of all its texts: logits over the vocabulary, and of the source the keys and
values of every layer, as they are computed and as they are given out."""


def targets_per_run(writer: Writer, writing: Writing) -> int:
    """How many times one run may score the written text; at least once."""
    logits = len(writing.ids) * writer.decoder.vocabulary
    source = 4 * writer.decoder.layers * len(writing.source.tokens) * writer.graph.width
    return max(1, _RUN_BYTES // (4 * (logits + source)))


def score(
    writer: Writer,
    writing: Writing,
    hidden: NDArray[np.float32],
    source_mask: NDArray[np.int64],
    head_masks: Mapping[str, NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """As `DecoderGraph.log_probabilities` of the written tokens, shape (batch, target)."""
    return writer.graph.log_probabilities(writing.ids, hidden, source_mask, head_masks)
