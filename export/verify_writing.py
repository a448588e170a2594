"""Proves encoder and decoder together: greedy text from onnxruntime is torch's, token for token."""

from collections.abc import Sequence

import numpy as np
import torch

from export.graph_pair import GraphPair
from export.greedy import Step, write_greedily
from export.held_out import batches
from export.longest import longest_read, longest_written
from export.parts import DecoderPart
from training.data.batches import Batch, EncodedText
from training.model.decoder import GPTDecoder, LayerCache, Source

_LONGER = 1.5
_MORE = 8
"""What is written may be so many times longer than its source, and so many tokens more."""

Texts = list[list[int]]


def write_with_graphs(
    graphs: GraphPair, part: DecoderPart, sources: Sequence[EncodedText]
) -> Texts:
    """The token ids that two graphs write of each source."""
    written: Texts = []
    for batch in batches(sources, part.source_pad_id, longest_source(part)):
        written += _write(graphs.steps(batch), batch, part)
    return written


def write_with_torch(part: DecoderPart, sources: Sequence[EncodedText]) -> Texts:
    """The token ids that the torch model writes of each source."""
    model = part.model
    written: Texts = []
    for batch in batches(sources, part.source_pad_id, longest_source(part)):
        with torch.no_grad():
            hidden = model.encoder(batch.token_ids, batch.padding_mask, batch.segment_ids).hidden
            source = model.as_source(hidden, batch.padding_mask)
        written += _write(torch_steps(model.decoder, source), batch, part)
    return written


def torch_steps(decoder: GPTDecoder, source: Source) -> Step:
    """The steps of the torch model on a batch of sources."""
    past: tuple[LayerCache, ...] | None = None

    @torch.no_grad()
    def step(newest: np.ndarray) -> np.ndarray:
        nonlocal past
        result = decoder(torch.from_numpy(newest), source, past)
        past = result.past
        return result.logits[:, -1].numpy()

    return step


def same_share(one: Texts, other: Texts) -> float:
    """The share of texts that are the same, token for token."""
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def longest_text(batch: Batch, part: DecoderPart) -> int:
    """How many tokens are written from each source of a batch if none of them ends before."""
    fits = longest_written(part.model.decoder.config, part.limit)
    return min(fits, int(_LONGER * batch.token_ids.shape[1]) + _MORE)


def longest_source(part: DecoderPart) -> int:
    """Tokens of the longest source that fits into memory with what is written from it."""
    read = longest_read(part.model.encoder.config)
    written = longest_written(part.model.decoder.config, part.limit)
    return min(read, max(1, int((written - _MORE) / _LONGER))) if written < part.limit else read


def _write(step: Step, batch: Batch, part: DecoderPart) -> Texts:
    return write_greedily(
        step,
        len(batch.token_ids),
        start=part.tokens.start,
        end=part.tokens.end,
        most=longest_text(batch, part),
    )
