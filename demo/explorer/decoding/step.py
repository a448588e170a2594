"""One written token, with all that is shown of how it was chosen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    cross_value_norms: NDArray[np.float32]
    """The norm of each source token's value vector behind a head's output projection, shape
    (layers, heads, source); one array for all steps of a text."""

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold."""
        return self.self_weights.nbytes + self.cross_weights.nbytes


def make_step(
    token_id: int,
    logits: NDArray[np.float32],
    self_weights: NDArray[np.float32],
    cross_weights: NDArray[np.float32],
    cross_value_norms: NDArray[np.float32],
) -> Step:
    """The record of a choice among `logits`, shape (vocabulary,), finite."""
    below_best = logits - logits.max()
    parts = np.exp(below_best)
    whole = parts.sum(dtype=np.float64)
    # With p = parts / whole, the entropy -sum(p log p) is log(whole) - sum(p below_best).
    entropy = np.log(whole) - (parts * below_best).sum(dtype=np.float64) / whole
    count = min(CANDIDATES, len(logits))
    best = np.argpartition(logits, -count)[-count:]
    best = best[np.argsort(-logits[best], kind="stable")]
    return Step(
        token_id=int(token_id),
        probability=float(parts[token_id] / whole),
        entropy=max(float(entropy / np.log(2)), 0.0),
        candidates=tuple((int(index), float(parts[index] / whole)) for index in best),
        self_weights=self_weights,
        cross_weights=cross_weights,
        cross_value_norms=cross_value_norms,
    )
