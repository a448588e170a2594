"""A token that a decoder wrote, and what it chose it by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.inference.logits import log_softmax
from explorer.writing.decoder import Outputs

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
    """What was attended to in the text so far, shape (map layers, heads, written): what was there
    before, a start token or a prompt, and the tokens before this one. Rows sum to 1."""
    cross_weights: NDArray[np.float32] | None
    """What was attended to in the source, shape (map layers, heads, source). Rows sum to 1."""
    cross_value_norms: NDArray[np.float32] | None
    """The norm of each source token's value vector behind a head's output projection, shape
    (map layers, heads, source); one array for all steps of a text."""
    self_value_norms: NDArray[np.float32] | None
    """The same of those tokens of the text so far that no step before this one could attend to,
    shape (map layers, heads, tokens): all that was there before, or the last one written."""

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold."""
        own = (self.self_weights, self.cross_weights, self.self_value_norms)
        return sum(array.nbytes for array in own if array is not None)


def make_step(
    token_id: int, outputs: Outputs, row: int = 0, place: int = -1, first_seen: int | None = None
) -> Step:
    """The record of a choice by the scores at one new token of one text of a run, by default the
    last of the first.

    Args:
        first_seen: how many tokens no step before this one could attend to; as many as are new in
            the run if not given.
    """
    new, written = outputs.self_weights.shape[-2:]
    place %= new
    logits, seen = outputs.logits[row, place], written - new + place + 1
    first = place + 1 - (first_seen or new)
    cross, norms = outputs.cross_weights, outputs.self_value_norms
    log_probabilities = log_softmax(logits.astype(np.float64))
    probabilities = np.exp(log_probabilities)
    entropy = -(probabilities * log_probabilities).sum()
    count = min(CANDIDATES, len(logits))
    best = np.argpartition(logits, -count)[-count:]
    best = best[np.argsort(-logits[best], kind="stable")]
    return Step(
        token_id=int(token_id),
        probability=float(probabilities[token_id]),
        entropy=max(float(entropy / np.log(2)), 0.0),
        candidates=tuple((int(index), float(probabilities[index])) for index in best),
        # Copies: a view would keep the maps of all beams for as long as one of them lives.
        self_weights=outputs.self_weights[row, :, :, place, :seen].copy(),
        cross_weights=None if cross is None else cross[row, :, :, place].copy(),
        cross_value_norms=outputs.cross_value_norms,
        self_value_norms=None if norms is None else norms[row, :, :, first : place + 1].copy(),
    )
