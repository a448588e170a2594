"""The loss over a large vocabulary, from a sample of it.

Scoring 30,522 words at every position costs as much as the whole decoder before it. Most of them
are far from likely, and a few thousand tell the softmax's denominator well enough: the words of the
batch for certain, the others by chance, each of those standing for all that were passed over
("On Using Very Large Target Vocabulary", Jean et al. 2015, section 3). What is judged is always
scored in full.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy


class Candidates(NamedTuple):
    """The words that stand for the whole vocabulary in one step."""

    token_ids: Int[Tensor, " candidates"]
    """In rising order, none twice."""
    log_copies: Float[Tensor, " candidates"]
    """The logarithm of how many words each stands for: 0 for one that was there for certain."""


def draw_candidates(certain: Int[Tensor, " tokens"], *, vocabulary: int, drawn: int) -> Candidates:
    """All of `certain`, and `drawn` of the other words, from torch's generator.

    With as many to draw as there are others, the sample is the whole vocabulary.
    """
    is_certain = torch.zeros(vocabulary, dtype=torch.bool, device=certain.device)
    is_certain[certain] = True
    others = (~is_certain).nonzero()[:, 0]
    picked = others[torch.randperm(len(others), device=certain.device)[:drawn]]
    log_copies = torch.zeros(vocabulary, device=certain.device)
    if len(picked):
        log_copies[picked] = torch.log(torch.tensor(len(others) / len(picked)))
    token_ids = torch.cat([is_certain.nonzero()[:, 0], picked]).sort().values
    return Candidates(token_ids, log_copies[token_ids])


def sampled_cross_entropy(
    hidden: Float[Tensor, "positions hidden"],
    table: Float[Tensor, "vocabulary hidden"],
    targets: Int[Tensor, " positions"],
    candidates: Candidates,
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, " positions"]:
    """Cross-entropy of each position's target, in nats, as if all words had been scored.

    The targets have to be among the candidates. `table` gets no gradient; scores are made in its
    dtype and summed in float32.
    """
    scores = hidden.to(table.dtype) @ table[candidates.token_ids].T
    places = torch.searchsorted(candidates.token_ids, targets)
    return cross_entropy(
        scores.float() + candidates.log_copies,
        places,
        reduction="none",
        label_smoothing=label_smoothing,
    )
