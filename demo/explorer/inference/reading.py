"""A text as a model read it: tokens, answer and attention; and heads, which may be ablated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from explorer.inference.question import Outputs
from explorer.inference.tokenizing import Encoded
from explorer.inference.tokens import Token

Heads = tuple[tuple[int, int], ...]
"""Pairs of layer and head that count from 0, in that order, each once."""


def ablation_mask(heads: Iterable[tuple[int, int]], layers: int, count: int) -> NDArray[np.float32]:
    """Factors for each head's output, shape (1, layers, heads): 0 ablates a head.

    Args:
        count: how many heads a layer has.
    """
    mask = np.ones((1, layers, count), np.float32)
    for layer, head in heads:
        mask[0, layer, head] = 0
    return mask


def heads_left(mask: NDArray[np.float32]) -> Heads:
    """The heads that a mask of shape (1, layers, heads) leaves in."""
    return tuple((int(layer), int(head)) for layer, head in np.argwhere(mask[0] != 0))


def one_based_heads(heads: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Heads for people and programs."""
    return [[layer + 1, head + 1] for layer, head in heads]


def numbered_layers(layers: Sequence[int]) -> str:
    """Layers, which count from 0, for people: "layer 3", "layers 1, 6 and 12"."""
    *names, last = (str(layer + 1) for layer in layers)
    return f"layers {', '.join(names)} and {last}" if names else f"layer {last}"


@dataclass(frozen=True, kw_only=True)
class GivenText:
    """A text that was cut into tokens: a prompt, which is read while a decoder goes on from it."""

    encoded: Encoded
    """What the graph was given; no more than the bundle's `most_tokens` are read."""

    @property
    def text(self) -> str:
        return self.encoded.text

    @property
    def text_pair(self) -> str:
        return self.encoded.text_pair

    @property
    def tokens(self) -> tuple[Token, ...]:
        return self.encoded.tokens

    @property
    def tokens_left_out(self) -> int:
        """Tokens that were cut off."""
        return self.encoded.tokens_left_out

    @property
    def special(self) -> NDArray[np.bool_]:
        """Which tokens are special, shape (tokens,)."""
        return np.array([token.special for token in self.tokens], bool)

    @property
    def ablated(self) -> list[list[int]]:
        """The heads that were ablated, as pairs of layer and head that count from 1."""
        return []

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold."""
        return 0


@dataclass(frozen=True, kw_only=True)
class Reading(GivenText):
    """A text as the model read it. Arrays are float32 and read-only; there is no padding."""

    logits: NDArray[np.float32]
    """Shape (labels,), of the question that was asked; no question, no logits."""
    probabilities: NDArray[np.float32]
    """Shape (labels,): softmax or sigmoid of the logits over the temperature; for a regression
    the logits themselves."""
    outputs: Outputs = field(default_factory=dict)
    """What the graph gave for the model's task, by name, for each token: what a question is asked
    of."""
    hidden: NDArray[np.float32]
    """The last hidden state, shape (tokens, hidden): what a decoder reads."""
    weights: NDArray[np.float32]
    """Attention after softmax, shape (map layers, heads, query, key); every row sums to 1."""
    value_norms: NDArray[np.float32]
    """Norm of each token's value vector behind a head's output projection, shape (map layers,
    heads, key). Kobayashi et al. 2020."""
    map_layers: tuple[int, ...]
    """The layers that have maps, from 0, in the order of `weights`."""
    head_mask: NDArray[np.float32] | None = None
    """Factors for each head's output that it was read with, shape (1, layers, heads); None: all
    heads are in. What reads a changed text for comparison must read it with the same."""
    read_from: tuple[int, ...] = (0,)
    """Tokens that the answer is read from, by their places."""

    @property
    def cls(self) -> int:
        """Where the token of the whole text stands: see `Encoded.cls`."""
        return self.encoded.place_of(self.encoded.cls)

    @property
    def likeliest(self) -> int:
        """The label with the highest probability, by its place; a regression's only number."""
        return int(self.probabilities.argmax())

    @property
    def kept_heads(self) -> NDArray[np.bool_]:
        """Which of the heads that have maps had a part in the answer, shape (map layers, heads)."""
        if self.head_mask is None:
            return np.ones(self.weights.shape[:2], np.bool_)
        return self.head_mask[0, list(self.map_layers)] != 0

    @property
    def ablated(self) -> list[list[int]]:
        if self.head_mask is None:
            return []
        return (np.argwhere(self.head_mask[0] == 0) + 1).tolist()

    @property
    def bytes(self) -> int:
        outputs = sum(array.nbytes for array in self.outputs.values())
        return self.weights.nbytes + self.value_norms.nbytes + self.hidden.nbytes + outputs


def read_apart(encoded: Encoded, readings: Sequence[Reading]) -> Reading:
    """Two texts that were read each by itself, as one reading: neither attends to the other."""
    first, second = readings
    layers, heads, size = first.weights.shape[:3]
    tokens = len(encoded.ids)
    weights = np.zeros((layers, heads, tokens, tokens), np.float32)
    weights[..., :size, :size], weights[..., size:, size:] = first.weights, second.weights
    weights.setflags(write=False)
    return replace(
        first,
        encoded=encoded,
        hidden=np.concatenate([first.hidden, second.hidden]),
        weights=weights,
        value_norms=np.concatenate([first.value_norms, second.value_norms], axis=-1),
    )
