"""One written token, with all that is shown of how it was chosen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.decoding.processors import softmax

CANDIDATES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A written token. Probabilities are the model's own: the softmax of its raw scores over the
    whole vocabulary, before any setting changes them."""

    token_id: int
    probability: float
    entropy: float
    """Of that distribution, in bits: 0 is certain, 1 a toss of a coin."""
    candidates: tuple[tuple[int, float], ...]
    """The likeliest token ids with their probabilities, the likeliest first."""
    self_weights: NDArray[np.float32]
    """What was looked at in the text so far, shape (layers, heads, written): the start token and
    the tokens before this one. Rows sum to 1."""
    cross_weights: NDArray[np.float32]
    """What was looked at in the source, shape (layers, heads, source). Rows sum to 1."""

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold."""
        return self.self_weights.nbytes + self.cross_weights.nbytes


def make_step(
    token_id: int,
    logits: NDArray[np.float32],
    self_weights: NDArray[np.float32],
    cross_weights: NDArray[np.float32],
) -> Step:
    """The record of a choice among `logits`, shape (vocabulary,)."""
    probabilities = softmax(logits.astype(np.float64))
    count = min(CANDIDATES, len(probabilities))
    best = np.argpartition(-probabilities, count - 1)[:count]
    best = best[np.argsort(-probabilities[best], kind="stable")]
    some = probabilities[probabilities > 0]
    return Step(
        token_id=int(token_id),
        probability=float(probabilities[token_id]),
        entropy=max(float(-(some * np.log2(some)).sum()), 0.0),
        candidates=tuple((int(index), float(probabilities[index])) for index in best),
        self_weights=self_weights,
        cross_weights=cross_weights,
    )
