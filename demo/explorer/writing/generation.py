"""A text that was written, token by token, with what the decoder attended to while it wrote."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explorer.inference.reading import GivenText, Reading
from explorer.inference.tokens import Token
from explorer.writing.steps import Step

SOURCE, WRITTEN, SELF = "source", "written", "self"
LOOKS_AT = (SOURCE, WRITTEN, SELF)
"""What a written token attends to: into the source (cross-attention), or back at what was written
before it (self-attention). And what a text that an encoder read attends to: itself."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A text that was written for a source, or behind a prompt. It may not have come to its end."""

    source: GivenText
    """What an encoder read, or the prompt."""
    map_layers: tuple[int, ...]
    """The layers that have maps, from 0, in the order of the weights."""
    steps: tuple[Step, ...]
    tokens: tuple[Token, ...]
    """One for each step."""
    given: tuple[Token, ...]
    """What the first step went on from: the start token, or the prompt."""
    given_ids: tuple[int, ...]
    """The ids of those."""
    candidates: tuple[tuple[Token, ...], ...]
    """For each step, the tokens of its candidates."""
    text: str
    finished: bool
    """Whether it ended by itself, with the end token."""

    @property
    def ids(self) -> list[int]:
        return [step.token_id for step in self.steps]

    @property
    def read(self) -> Reading:
        """The source, of what was written for one."""
        assert isinstance(self.source, Reading), "it has no source, see has_source"
        return self.source

    @property
    def has_source(self) -> bool:
        """Whether it was written for a source, and not behind a prompt."""
        return isinstance(self.source, Reading)

    @property
    def looks_at(self) -> tuple[str, ...]:
        """What its tokens, and those of its source, attend to, of `LOOKS_AT`."""
        return LOOKS_AT if self.has_source else (WRITTEN,)

    @property
    def before(self) -> tuple[Token, ...]:
        """What each step could attend to: what was given, and all tokens but the last."""
        return (*self.given, *self.tokens[:-1])

    @cached_property
    def cross_weights(self) -> NDArray[np.float32]:
        """Shape (map layers, heads, target, source); every row sums to 1. Of a source."""
        return np.stack([_there(step.cross_weights) for step in self.steps], axis=2)

    @cached_property
    def self_weights(self) -> NDArray[np.float32]:
        """Shape (map layers, heads, target, before); 0 for what was not written yet."""
        layers, heads, given = self.steps[0].self_weights.shape
        count = len(self.steps)
        weights = np.zeros((layers, heads, count, given + count - 1), np.float32)
        for row, step in enumerate(self.steps):
            weights[:, :, row, : given + row] = step.self_weights
        return weights

    def value_norms(self, looks_at: str) -> NDArray[np.float32] | None:
        """The norm of the value vector of each token that can be attended to, behind a head's
        output projection, shape (map layers, heads, source or before). Kobayashi et al. 2020.
        None of a text that was written for a source, of its attention to itself."""
        if looks_at == SOURCE:
            return self.steps[0].cross_value_norms
        if looks_at == SELF:
            return self.read.value_norms
        if self.has_source:
            return None
        return np.concatenate([_there(step.self_value_norms) for step in self.steps], axis=-1)

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold: twice, once step by step and once as maps."""
        return self.source.bytes + 2 * sum(step.bytes for step in self.steps)


def _there(array: NDArray[np.float32] | None) -> NDArray[np.float32]:
    assert array is not None, "see Outputs"
    return array
