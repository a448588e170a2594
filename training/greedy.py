"""Writes with a trained hybrid, always the likeliest token: what validation needs, no more."""

from collections.abc import Sequence

import torch
from torch import Tensor

from training.model.decoder import GPTDecoder, Source
from training.precision import autocast


@torch.no_grad()
def write_greedily(
    decoder: GPTDecoder, source: Source, *, start: int, end: int, most: int
) -> list[list[int]]:
    """The token ids written for each source, without `start` and `end`, at most `most` of them.

    Cached steps: each computes one token of every text that has not ended.
    """
    device = source.hidden.device
    most = min(most, decoder.config.max_position_embeddings)
    token_ids = torch.full((len(source.hidden), 1), start, device=device)
    written: list[Tensor] = []
    ended = torch.zeros(len(source.hidden), dtype=torch.bool, device=device)
    past = None
    for _ in range(most):
        with autocast(device):
            states = decoder.states(token_ids, source, past)
            token_ids = decoder.score(states.hidden[:, -1:]).argmax(dim=-1)
        past = states.past
        written.append(token_ids[:, 0])
        ended |= token_ids[:, 0] == end
        if ended.all():
            break
    rows = torch.stack(written, dim=1).tolist()
    return [_until(row, end) for row in rows]


def _until(token_ids: Sequence[int], end: int) -> list[int]:
    ids = list(token_ids)
    return ids[: ids.index(end)] if end in ids else ids
