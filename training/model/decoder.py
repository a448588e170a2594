"""The GPT decoder, which generates a text token by token, and the hybrid of a BERT and it.

"Language Models are Unsupervised Multitask Learners" (Radford et al. 2019), section 2.3; in
`transformers`, `GPT2LMHeadModel` with `add_cross_attention`, and `EncoderDecoderModel` of a BERT
and a GPT-2. Pre-norm means that the layer norm comes before each sub-layer:
`x + Dropout(Sublayer(LayerNorm(x)))`, and one more norm ends the stack. A target token sees itself
and what came before it; through cross-attention also the whole source, which the encoder has read.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from training.model.attention import Attended, KeyValue, MultiHeadAttention
from training.model.config import DecoderConfig, EncoderConfig
from training.model.dropout import Dropout
from training.model.encoder import BERTEncoder, EncoderOutput, FeedForward

TargetWeights = Float[Tensor, "batch heads target past_and_target"]
SourceWeights = Float[Tensor, "batch heads target source"]


class Source(NamedTuple):
    """What the decoder reads: the encoder's last hidden state, and which of it is no padding."""

    hidden: Float[Tensor, "batch source hidden"]
    padding_mask: Bool[Tensor, "batch source"]


class LayerCache(NamedTuple):
    """What one layer keeps between two steps of writing."""

    target: KeyValue
    source: KeyValue | None
    """Computed at the first step and passed on; None without cross-attention."""


class DecoderOutput(NamedTuple):
    """What `GPTDecoder` returns; all but `hidden` hold one entry for each layer."""

    hidden: Float[Tensor, "batch target hidden"]
    """After the last norm: what the head makes logits of."""
    weights: tuple[TargetWeights, ...]
    cross_weights: tuple[SourceWeights, ...]
    """Empty without a source."""
    past: tuple[LayerCache, ...]


class TransformerDecoderLayer(nn.Module):
    """Causal self-attention, cross-attention, feed-forward: each after a norm, with a residual."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        size, eps = config.hidden_size, config.layer_norm_eps
        heads, dropout = config.num_attention_heads, config.attention_dropout
        self.attention_norm = nn.LayerNorm(size, eps=eps)
        self.attention = MultiHeadAttention(size, heads, dropout=dropout)
        if config.cross_attention:
            self.cross_attention_norm = nn.LayerNorm(size, eps=eps)
            self.cross_attention = MultiHeadAttention(size, heads, dropout=dropout)
        self.feed_forward_norm = nn.LayerNorm(size, eps=eps)
        self.feed_forward = FeedForward(size, config.intermediate_size, gelu="tanh")
        self.dropout = Dropout(config.hidden_dropout)

    def forward(
        self,
        hidden: Float[Tensor, "batch target hidden"],
        visible: Bool[Tensor, "1 1 target past_and_target"],
        source: Source | None,
        past: LayerCache | None,
        head_mask: Float[Tensor, "#batch heads"] | None,
        cross_head_mask: Float[Tensor, "#batch heads"] | None,
    ) -> tuple[Attended, Attended | None]:
        """The self-attention's result with the layer's hidden states, and the cross-attention's."""
        attended = self.attention(
            self.attention_norm(hidden),
            visible,
            past=past.target if past else None,
            head_mask=head_mask,
        )
        hidden = hidden + self.dropout(attended.hidden)
        crossed = None
        if source is not None:
            kept = past.source if past else None
            # What is cached is not projected again: after the first step no row is left here.
            unread = source.hidden if kept is None else source.hidden[:, kept.keys.shape[2] :]
            crossed = self.cross_attention(
                self.cross_attention_norm(hidden),
                source.padding_mask[:, None, None, :],
                read_from=unread,
                past=kept,
                head_mask=cross_head_mask,
            )
            hidden = hidden + self.dropout(crossed.hidden)
        hidden = hidden + self.dropout(self.feed_forward(self.feed_forward_norm(hidden)))
        return attended._replace(hidden=hidden), crossed


class GPTDecoder(nn.Module):
    """Word and position embeddings, the layers, a last norm, and the words again as the head."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.word = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.dropout = Dropout(config.embedding_dropout)
        self.layers = nn.ModuleList(
            TransformerDecoderLayer(config) for _ in range(config.num_hidden_layers)
        )
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.apply(self._draw_weights)

    def forward(
        self,
        token_ids: Int[Tensor, "batch target"],
        source: Source | None = None,
        past: tuple[LayerCache, ...] | None = None,
        head_mask: Float[Tensor, "#batch layers heads"] | None = None,
        cross_head_mask: Float[Tensor, "#batch layers heads"] | None = None,
    ) -> DecoderOutput:
        """Reads the target, and the source if there is one; `logits` says what comes next.

        Args:
            token_ids: the target so far, or, with `past`, only what is new of it. All targets of a
                batch have one length; padding may follow on the right, where nothing sees it.
            source: what to read; None for a decoder that reads none.
            past: `DecoderOutput.past` of the step before.
            head_mask, cross_head_mask: 1 keeps a head, 0 removes it; None keeps them all.

        Raises:
            ValueError: the target is longer than the position embeddings.
        """
        before = past[0].target.keys.shape[2] if past else 0
        total = before + token_ids.shape[1]
        limit = self.config.max_position_embeddings
        if total > limit:
            raise ValueError(f"the target has {total} tokens, the decoder takes at most {limit}")
        hidden = self.dropout(self.word(token_ids) + self.position.weight[before:total])
        # Query i stands at position before + i, and sees the keys up to there.
        places = torch.arange(total, device=token_ids.device)
        visible = (places <= places[before:, None])[None, None]
        selfs, crosses = [], []
        for i, layer in enumerate(self.layers):
            attended, crossed = layer(
                hidden,
                visible,
                source,
                past[i] if past else None,
                None if head_mask is None else head_mask[:, i],
                None if cross_head_mask is None else cross_head_mask[:, i],
            )
            hidden = attended.hidden
            selfs.append(attended)
            crosses.append(crossed)
        return DecoderOutput(
            self.norm(hidden),
            tuple(attended.weights for attended in selfs),
            tuple(crossed.weights for crossed in crosses if crossed),
            tuple(
                LayerCache(attended.kv, crossed.kv if crossed else None)
                for attended, crossed in zip(selfs, crosses, strict=True)
            ),
        )

    def logits(
        self, hidden: Float[Tensor, "*positions hidden"]
    ) -> Float[Tensor, "*positions vocabulary"]:
        """The tied head: a word's logit is its embedding times the last hidden state.

        It is the widest product of all, so ask for no more positions than are needed.
        """
        return nn.functional.linear(hidden, self.word.weight)

    def _draw_weights(self, module: nn.Module) -> None:
        """GPT-2's initialisation: small normal weights, zero biases."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


class HybridOutput(NamedTuple):
    """What `BERTGPTModel` returns: both halves, with all their maps."""

    logits: Float[Tensor, "batch target vocabulary"]
    encoded: EncoderOutput
    decoded: DecoderOutput


class BERTGPTModel(nn.Module):
    """An encoder that feeds a decoder; a linear bridge joins them where their widths differ."""

    def __init__(self, encoder: EncoderConfig, decoder: DecoderConfig) -> None:
        super().__init__()
        self.encoder = BERTEncoder(encoder)
        self.decoder = GPTDecoder(decoder)
        equal = encoder.hidden_size == decoder.hidden_size
        self.bridge = None if equal else nn.Linear(encoder.hidden_size, decoder.hidden_size)

    def forward(
        self,
        source_ids: Int[Tensor, "batch source"],
        source_padding_mask: Bool[Tensor, "batch source"],
        target_ids: Int[Tensor, "batch target"],
        segment_ids: Int[Tensor, "batch source"] | None = None,
    ) -> HybridOutput:
        """Reads the source and gives logits of the next word, at every position of the target."""
        encoded = self.encoder(source_ids, source_padding_mask, segment_ids)
        source = self.as_source(encoded.hidden, source_padding_mask)
        decoded = self.decoder(target_ids, source)
        return HybridOutput(self.decoder.logits(decoded.hidden), encoded, decoded)

    def as_source(
        self,
        hidden: Float[Tensor, "batch source encoder_hidden"],
        padding_mask: Bool[Tensor, "batch source"],
    ) -> Source:
        """The encoder's last hidden state as the decoder reads it."""
        return Source(hidden if self.bridge is None else self.bridge(hidden), padding_mask)
