"""The hybrid: a BERT encoder reads the source, a GPT decoder generates the target.

In `transformers`, `EncoderDecoderModel` of a BERT and a GPT-2.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from training.model.config import DecoderConfig, EncoderConfig
from training.model.decoder import DecoderOutput, GPTDecoder, Source
from training.model.encoder import BERTEncoder, EncoderOutput


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
