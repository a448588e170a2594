"""Multi-head attention: the one class that serves self-attention and cross-attention.

"Attention Is All You Need" (Vaswani et al. 2017), section 3.2; in `transformers` it is
`models/bert/modeling_bert.py`, `BertSelfAttention` and the first linear layer of `BertSelfOutput`.

    queries come from    the reader      hidden          "batch query hidden"
    keys, values from    what is read    hidden itself   self-attention
                                         or `read_from`  cross-attention

                             key 0  key 1  key 2
                  query 0  [  0.7    0.2    0.1  ]     one map for each head:
                  query 1  [  0.1    0.8    0.1  ]     `weights[batch, head, query, key]`,
                  query 2  [  0.3    0.3    0.4  ]     every row sums to one

**Scores** are the numbers before the softmax, **weights** those after it. The weights are always
returned and never kept on the module, and they are the ones before dropout: what a map shows.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from training.model.dropout import Dropout


class KeyValue(NamedTuple):
    """What has been read: a decoder keeps it, so that a new token computes only its own."""

    keys: Float[Tensor, "batch heads key depth"]
    """What each token offers to be found by."""
    values: Float[Tensor, "batch heads key depth"]
    """What each head would hand on from each token, were all its weight there."""


class Attended(NamedTuple):
    """What a call of `MultiHeadAttention` returns."""

    hidden: Float[Tensor, "batch query hidden"]
    weights: Float[Tensor, "batch heads query key"]
    kv: KeyValue
    """Of every token that could be attended to, those of the past included."""


def attention_weights(
    queries: Float[Tensor, "batch heads query depth"],
    keys: Float[Tensor, "batch heads key depth"],
    visible: Bool[Tensor, "#batch 1 #query key"],
    score_bias: Float[Tensor, "1 heads query key"] | None = None,
) -> Float[Tensor, "batch heads query key"]:
    """How much each query attends to each key. Every row sums to one.

    `visible` is True where a query may attend; padding and the future are False, and get exactly 0.
    `score_bias` is added to the scores. A row that may see nothing is all 0. (`transformers` makes
    such a row uniform over the padding, and a plain softmax of minus infinities would make it NaN.)
    """
    scores = queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])
    scores = scores if score_bias is None else scores + score_bias
    # Adding a small row to the scores is cheaper than masked_fill, which rewrites all of them.
    lowest = torch.finfo(scores.dtype).min
    bias = torch.zeros_like(visible, dtype=scores.dtype).masked_fill(~visible, lowest)
    # The product changes only a row with nothing to see: elsewhere exp() has already given 0.
    return (scores + bias).softmax(dim=-1) * visible


class MultiHeadAttention(nn.Module):
    """Projects to queries, keys and values, attends in each head, and projects back."""

    def __init__(self, hidden_size: int, num_heads: int, *, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(hidden_size, hidden_size)
        self.key = nn.Linear(hidden_size, hidden_size)
        self.value = nn.Linear(hidden_size, hidden_size)
        self.project = nn.Linear(hidden_size, hidden_size)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        hidden: Float[Tensor, "batch query hidden"],
        visible: Bool[Tensor, "#batch 1 #query key"],
        *,
        read_from: Float[Tensor, "batch new_key hidden"] | None = None,
        past: KeyValue | None = None,
        head_mask: Float[Tensor, "#batch heads"] | None = None,
        score_bias: Float[Tensor, "1 heads query key"] | None = None,
    ) -> Attended:
        """Lets every position of `hidden` read from `read_from`, or from `hidden` itself.

        Args:
            hidden: who asks.
            visible: True where a query may attend, over the keys of the past and the new ones.
            read_from: what is attended to, of another sequence; None for `hidden` itself.
            past: keys and values of earlier calls, put in front of the new ones.
            head_mask: scales what each head contributes: 1 keeps a head, 0 removes it. The
                weights that are returned are the ones before it.
            score_bias: is added to the scores of every text.
        """
        source = hidden if read_from is None else read_from
        queries = self._split_heads(self.query(hidden))
        keys = self._split_heads(self.key(source))
        values = self._split_heads(self.value(source))
        if past is not None:
            keys, values = torch.cat([past.keys, keys], 2), torch.cat([past.values, values], 2)

        weights = attention_weights(queries, keys, visible, score_bias)
        context = self.dropout(weights) @ values  # (batch, heads, query, depth)
        if head_mask is not None:
            context = context * head_mask[:, :, None, None]
        context = context.transpose(1, 2).flatten(2)  # (batch, query, hidden)
        return Attended(self.project(context), weights, KeyValue(keys, values))

    def _split_heads(
        self, projected: Float[Tensor, "batch tokens hidden"]
    ) -> Float[Tensor, "batch heads tokens depth"]:
        return projected.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def value_gram(self) -> Float[Tensor, "heads depth depth"]:
        """W W^T of each head's slice W of the output projection; see `value_norms`."""
        # A Linear stores (out, in), so the columns belong to the heads.
        slices = self.project.weight.unflatten(1, (self.num_heads, -1))  # (hidden, heads, depth)
        return torch.einsum("ohd,ohe->hde", slices, slices)


def value_norms(
    values: Float[Tensor, "batch heads key depth"], gram: Float[Tensor, "heads depth depth"]
) -> Float[Tensor, "batch heads key"]:
    """Length of each token's value vector after that head's slice of the output projection.

    A weight times this norm says how much a token really hands on: Kobayashi et al. 2020,
    "Attention is Not Only a Weight", section 3. With W the head's slice, |v W|^2 = v (W W^T) v^T,
    so the small `gram` = W W^T is enough and the wide vectors v W are never made.
    """
    squares = ((values @ gram) * values).sum(dim=-1)
    # Rounding may leave a tiny negative number where the exact square is 0.
    return squares.clamp(min=0).sqrt()
