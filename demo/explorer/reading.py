"""What one run of the encoder gives back, in numpy: tokens, answer, attention."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.pieces import is_visible


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One token, with the reader's own characters that it stands for."""

    piece: str
    """Its entry in the vocabulary, such as `##able`, `[UNK]` or `[CLS]`."""
    text: str
    """The characters of the reader's text that it covers; empty for a special token, for a space in
    front of a word, and for the second and later parts of one character."""
    special: bool
    """Put there by the tokenizer: [CLS], [SEP]."""
    continues: bool
    """True for the second and later pieces of a word."""
    segment: int
    """0 in text A, 1 in text B."""
    readable: str = ""
    """Its piece for people, where that is written otherwise: `␣film` for `Ġfilm`."""

    @property
    def entry(self) -> str:
        """Its entry in the vocabulary, as people can read it."""
        return self.readable or self.piece

    @property
    def name(self) -> str:
        """The reader's characters; its entry, if it has none that can be seen."""
        return self.text if is_visible(self.text) else self.entry.removeprefix("##") or self.entry

    @property
    def label(self) -> str:
        """The name on axes and in lists, which says whether it goes on with a word."""
        return f"##{self.name}" if self.continues else self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A text as the model read it. Arrays are float32 and read-only; there is no padding."""

    text: str
    text_pair: str
    tokens: tuple[Token, ...]
    tokens_left_out: int
    """Tokens cut off because no more than the bundle's `most_tokens` are read."""
    logits: NDArray[np.float32]
    """Shape (labels,); no labels, no logits."""
    probabilities: NDArray[np.float32]
    """Shape (labels,): softmax or sigmoid of the logits over the temperature; for a regression
    the logits themselves."""
    hidden: NDArray[np.float32]
    """The last hidden state, shape (tokens, hidden): what a decoder reads."""
    weights: NDArray[np.float32]
    """Attention after softmax, shape (layers, heads, query, key); every row sums to 1."""
    value_norms: NDArray[np.float32]
    """Norm of each token's value vector behind a head's output projection, shape (layers, heads,
    key). Kobayashi et al. 2020."""
    head_mask: NDArray[np.float32] | None = None
    """Factors for each head's output that it was read with, shape (1, layers, heads); None: all
    heads are in. What reads a changed text for comparison must read it with the same."""

    @property
    def kept_heads(self) -> NDArray[np.bool_]:
        """Which heads had a part in the answer, shape (layers, heads)."""
        if self.head_mask is None:
            return np.ones(self.weights.shape[:2], np.bool_)
        return self.head_mask[0] != 0

    @property
    def without(self) -> list[list[int]]:
        """The heads that were left out, as pairs of layer and head that count from 1."""
        if self.head_mask is None:
            return []
        return (np.argwhere(self.head_mask[0] == 0) + 1).tolist()

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold."""
        return self.weights.nbytes + self.value_norms.nbytes + self.hidden.nbytes

    @property
    def special(self) -> NDArray[np.bool_]:
        """Which tokens are special, shape (tokens,)."""
        return np.array([token.special for token in self.tokens])
