"""What a decoder wrote, token by token, and what it looked at while it did."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explorer.decoding.step import Step
from explorer.reading import Reading, Token

SOURCE, WRITTEN = "source", "written"
LOOKS_AT = (SOURCE, WRITTEN)
"""Where a written token looks: into the source (cross-attention), or back at what was written
before it (self-attention)."""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A text that was written for a source. It may not have come to its end."""

    source: Reading
    steps: tuple[Step, ...]
    tokens: tuple[Token, ...]
    """One for each step."""
    start: Token
    """What the first step went on from."""
    candidates: tuple[tuple[Token, ...], ...]
    """For each step, the tokens of its candidates."""
    text: str
    finished: bool
    """Whether it ended by itself, with the end token."""

    @property
    def ids(self) -> list[int]:
        return [step.token_id for step in self.steps]

    @property
    def before(self) -> tuple[Token, ...]:
        """What each step could look back at: the start token, and all tokens but the last."""
        return (self.start, *self.tokens[:-1])

    @cached_property
    def cross_weights(self) -> NDArray[np.float32]:
        """Shape (layers, heads, target, source); every row sums to 1."""
        return np.stack([step.cross_weights for step in self.steps], axis=2)

    @cached_property
    def self_weights(self) -> NDArray[np.float32]:
        """Shape (layers, heads, target, before); 0 for what was not written yet."""
        layers, heads, _ = self.steps[0].self_weights.shape
        count = len(self.steps)
        weights = np.zeros((layers, heads, count, count), np.float32)
        for row, step in enumerate(self.steps):
            weights[:, :, row, : row + 1] = step.self_weights
        return weights

    @property
    def cross_value_norms(self) -> NDArray[np.float32]:
        """The norm of each source token's value vector behind a head's output projection, shape
        (layers, heads, source). Kobayashi et al. 2020."""
        return self.steps[0].cross_value_norms

    def weights(self, looks_at: str) -> NDArray[np.float32]:
        """The maps into the source, or back at what was written."""
        return self.cross_weights if looks_at == SOURCE else self.self_weights

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold: twice, once step by step and once as maps."""
        return self.source.bytes + 2 * sum(step.bytes for step in self.steps)
