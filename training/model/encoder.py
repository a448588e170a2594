"""The BERT encoder, and its relatives': embeddings, then a stack of post-norm layers.

"BERT" (Devlin et al. 2019), section 3; in `transformers`, `BertModel` without its pooler. Post-norm
means that the layer norm comes after the residual sum, as in the first Transformer: every
sub-layer is `LayerNorm(x + Dropout(Sublayer(x)))`.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from training.model.attention import Attended, MultiHeadAttention
from training.model.config import EncoderConfig
from training.model.dropout import Dropout

_SIDE, _FARTHEST = 16, 127  # of `DistanceBias`: rows to either side; beyond, all are alike


class EncoderOutput(NamedTuple):
    """What `BERTEncoder` returns; `weights` and `values` hold one tensor for each layer."""

    hidden: Float[Tensor, "batch tokens hidden"]
    weights: tuple[Float[Tensor, "batch heads tokens tokens"], ...]
    values: tuple[Float[Tensor, "batch heads tokens depth"], ...]


class Embeddings(nn.Module):
    """The sum of what the token is, where it stands, and which text it belongs to.

    Families differ in segments, positions and the embeddings' width: see `Variant` in `config.py`.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width, pad = config.embedding_size or config.hidden_size, config.pad_token_id
        first, limit = config.first_position, config.max_position_embeddings
        self.padding_idx = pad if config.variant.skips_padding else None  # not counted
        self.word = nn.Embedding(config.vocab_size, width, padding_idx=pad)
        self.position = nn.Embedding(first + limit, width, padding_idx=self.padding_idx)
        segments = config.type_vocab_size
        self.segment = nn.Embedding(segments, width) if segments else None
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)
        narrow = width != config.hidden_size
        self.project = nn.Linear(width, config.hidden_size) if narrow else None

    def forward(
        self,
        token_ids: Int[Tensor, "batch tokens"],
        segment_ids: Int[Tensor, "batch tokens"] | None,
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Looks the tokens up; without `segment_ids` all of them belong to the first text."""
        hidden = self.word(token_ids)
        if self.segment is not None:
            one = segment_ids is None or self.segment.num_embeddings == 1
            hidden = hidden + (self.segment.weight[0] if one else self.segment(segment_ids))
        hidden = self.dropout(self.norm(hidden + self._positions(token_ids)))
        return hidden if self.project is None else self.project(hidden)

    def _positions(
        self, token_ids: Int[Tensor, "batch tokens"]
    ) -> Float[Tensor, "... tokens width"]:
        if self.padding_idx is None:
            return self.position.weight[: token_ids.shape[1]]
        # By the ids and not by the padding mask, as `create_position_ids_from_input_ids` does it.
        real = (token_ids != self.padding_idx).long()
        return self.position(real.cumsum(dim=1) * real + self.padding_idx)


class DistanceBias(nn.Module):
    """What each head adds to a score for the distance from query to key: one table for all layers.

    As in T5 (Raffel et al. 2020, section 2.1): to either side the distances up to 7 have a row of
    their own; those from 8 to 127 share eight, each for a wider stretch; farther ones the last.
    """

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.table = nn.Embedding(2 * _SIDE, num_heads)
        rows = torch.tensor([self.row(d) for d in range(-_FARTHEST, _FARTHEST + 1)])
        self.register_buffer("rows", rows, persistent=False)

    @staticmethod
    def row(distance: int) -> int:
        """The row of the table that belongs to a key so many tokens behind its query."""
        row, near = abs(distance), _SIDE // 2
        if row >= near:
            share = math.log(row / near) / math.log((_FARTHEST + 1) / near)
            row = min(near + int(share * near), _SIDE - 1)
        return row if distance <= 0 else _SIDE + row

    def forward(
        self, token_ids: Int[Tensor, "batch tokens"]
    ) -> Float[Tensor, "1 heads tokens tokens"]:
        """The bias of texts of this length, the same for all of them."""
        places = torch.arange(token_ids.shape[1], device=token_ids.device)
        distances = (places[None] - places[:, None]).clamp(-_FARTHEST, _FARTHEST)
        by_distance = self.table(self.get_buffer("rows"))
        return nn.functional.embedding(distances + _FARTHEST, by_distance).permute(2, 0, 1)[None]


class FeedForward(nn.Module):
    """Widens each position by itself, applies GELU, and narrows it again."""

    def __init__(self, hidden_size: int, intermediate_size: int, *, gelu: str = "none") -> None:
        """`gelu` is torch's `approximate`: BERT's is exact ("none"), GPT-2's a "tanh"."""
        super().__init__()
        self.up = nn.Linear(hidden_size, intermediate_size)
        self.gelu = nn.GELU(approximate=gelu)
        self.down = nn.Linear(intermediate_size, hidden_size)

    def forward(
        self, hidden: Float[Tensor, "batch tokens hidden"]
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Treats every token alone: nothing moves between positions here."""
        return self.down(self.gelu(self.up(hidden)))


class TransformerEncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each with a residual and a layer norm after it."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(
            config.hidden_size,
            config.num_attention_heads,
            dropout=config.attention_probs_dropout_prob,
        )
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = FeedForward(config.hidden_size, config.intermediate_size)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        hidden: Float[Tensor, "batch tokens hidden"],
        visible: Bool[Tensor, "batch 1 1 tokens"],
        head_mask: Float[Tensor, "#batch heads"] | None,
        score_bias: Float[Tensor, "1 heads tokens tokens"] | None = None,
        *,
        first_alone: bool = False,
    ) -> Attended:
        """One layer's new hidden states, beside the weights and values that made them.

        `first_alone`: of the first token only; it attends to all others all the same.
        """
        source = hidden
        if first_alone:
            hidden, score_bias = hidden[:, :1], None if score_bias is None else score_bias[:, :, :1]
        attended = self.attention(
            hidden, visible, read_from=source, head_mask=head_mask, score_bias=score_bias
        )
        hidden = self.attention_norm(hidden + self.dropout(attended.hidden))
        hidden = self.feed_forward_norm(hidden + self.dropout(self.feed_forward(hidden)))
        return attended._replace(hidden=hidden)


class BERTEncoder(nn.Module):
    """Embeddings and a stack of layers; every layer's attention weights come out as well."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        biased = config.variant.distance_bias
        self.distance_bias = DistanceBias(config.num_attention_heads) if biased else None
        self.layers = nn.ModuleList(
            TransformerEncoderLayer(config) for _ in range(config.num_hidden_layers)
        )
        self.apply(self._draw_weights)

    def forward(
        self,
        token_ids: Int[Tensor, "batch tokens"],
        padding_mask: Bool[Tensor, "batch tokens"],
        segment_ids: Int[Tensor, "batch tokens"] | None = None,
        head_mask: Float[Tensor, "#batch layers heads"] | None = None,
        *,
        first_alone: bool = False,
    ) -> EncoderOutput:
        """Encodes a padded batch.

        Args:
            token_ids: what the tokenizer gave.
            padding_mask: True for a real token, False for padding.
            segment_ids: 0 for text A, 1 for text B; None when there is one text.
            head_mask: 1 keeps a head, 0 removes it; None keeps them all.
            first_alone: the last layer computes the first token only, and its one row of a map.

        Raises:
            ValueError: the sequence is longer than the position embeddings.
        """
        limit = self.config.max_position_embeddings
        if token_ids.shape[1] > limit:
            raise ValueError(
                f"the sequence has {token_ids.shape[1]} tokens, the encoder takes at most {limit}; "
                "truncate the text when tokenising"
            )
        visible = padding_mask[:, None, None, :]  # every query sees every real token
        hidden = self.embeddings(token_ids, segment_ids)
        bias = None if self.distance_bias is None else self.distance_bias(token_ids)
        weights, values = [], []
        for i, layer in enumerate(self.layers):
            mask = None if head_mask is None else head_mask[:, i]
            last = i == len(self.layers) - 1
            attended = layer(hidden, visible, mask, bias, first_alone=first_alone and last)
            hidden = attended.hidden
            weights.append(attended.weights)
            values.append(attended.kv.values)
        return EncoderOutput(hidden, tuple(weights), tuple(values))

    def attentions(self) -> list[MultiHeadAttention]:
        """The attention of each layer, from the first to the last."""
        return [module for module in self.modules() if isinstance(module, MultiHeadAttention)]

    def _draw_weights(self, module: nn.Module) -> None:
        """BERT's initialisation: small normal weights, zero biases, a zero vector for padding."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            nn.init.zeros_(module.weight[module.padding_idx])
