"""A masked language model: the encoder, and a head that guesses what stood at each place.

In `transformers`, `BertForMaskedLM`. "BERT" (Devlin et al. 2019), section 3.1 and appendix A.2: how
an encoder learns from texts without labels.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from training.model.config import EncoderConfig
from training.model.encoder import BERTEncoder


class MaskedLMOutput(NamedTuple):
    """What `BERTMaskedLM` returns; `weights` and `values` hold one tensor for each layer."""

    logits: Float[Tensor, "batch tokens vocabulary"]
    hidden: Float[Tensor, "batch tokens hidden"]
    weights: tuple[Float[Tensor, "batch heads tokens tokens"], ...]
    values: tuple[Float[Tensor, "batch heads tokens depth"], ...]


class WordHead(nn.Module):
    """A dense layer, GELU, a layer norm; then each word's embedding times that, and a bias.

    The table is the encoder's own: what a word means where it is read and where it is guessed is
    learned together.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.transform = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        nn.init.normal_(self.transform.weight, std=config.initializer_range)
        nn.init.zeros_(self.transform.bias)

    def forward(
        self,
        hidden: Float[Tensor, "*positions hidden"],
        table: Float[Tensor, "vocabulary hidden"],
    ) -> Float[Tensor, "*positions vocabulary"]:
        """The logits of hidden states, wherever they stand."""
        transformed = self.norm(nn.functional.gelu(self.transform(hidden)))
        return nn.functional.linear(transformed, table, self.bias)


class BERTMaskedLM(nn.Module):
    """The encoder with the head on every token."""

    def __init__(self, config: EncoderConfig) -> None:
        """Raises ValueError: the embeddings are not as wide as the layers, so the head, which
        multiplies with them, has no width."""
        super().__init__()
        if config.embedding_size not in (None, config.hidden_size):
            raise ValueError(
                f"embedding_size is {config.embedding_size} and hidden_size {config.hidden_size}; "
                "the head multiplies with the embeddings and needs one width for both"
            )
        self.encoder = BERTEncoder(config)
        self.head = WordHead(config)

    @property
    def table(self) -> Float[Tensor, "vocabulary hidden"]:
        """Every word's embedding."""
        return self.encoder.embeddings.word.weight

    def forward(
        self,
        token_ids: Int[Tensor, "batch tokens"],
        padding_mask: Bool[Tensor, "batch tokens"],
        segment_ids: Int[Tensor, "batch tokens"] | None = None,
    ) -> MaskedLMOutput:
        """Logits at every place; the arguments are those of `BERTEncoder.forward`."""
        encoded = self.encoder(token_ids, padding_mask, segment_ids)
        return MaskedLMOutput(self.head(encoded.hidden, self.table), *encoded)

    def guesses(
        self,
        token_ids: Int[Tensor, "batch tokens"],
        padding_mask: Bool[Tensor, "batch tokens"],
        asked: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "places vocabulary"]:
        """Logits at the places `asked` for alone, row by row: the vocabulary is wide."""
        hidden = self.encoder(token_ids, padding_mask).hidden
        return self.head(hidden[asked], self.table)
