"""A classifier on the first token: encoder, pooler, dropout, one linear layer.

In `transformers`, `BertForSequenceClassification` and its relatives. BERT puts [CLS] before every
text, RoBERTa <s>; after the last layer its hidden state has read the whole text and stands for it.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from training.model.config import ClassifierConfig
from training.model.dropout import Dropout
from training.model.encoder import BERTEncoder


class ClassifierOutput(NamedTuple):
    """What `BERTClassifier` returns; `weights` and `values` hold one tensor for each layer."""

    logits: Float[Tensor, "batch labels"]
    hidden: Float[Tensor, "batch tokens hidden"]
    weights: tuple[Float[Tensor, "batch heads tokens tokens"], ...]
    values: tuple[Float[Tensor, "batch heads tokens depth"], ...]


# What follows the dense layer, see `Variant.activation`.
_ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "gelu": nn.functional.gelu}


class BERTClassifier(nn.Module):
    """[CLS] -> pooler (dense, tanh) -> dropout -> linear; `pooler=False` leaves the pooler out.

    Other families have ReLU or GELU for tanh, and may drop out before the dense layer as well.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        size = config.encoder.hidden_size
        self.encoder = BERTEncoder(config.encoder)
        self.pooler = nn.Linear(size, size) if config.pooler else None
        dropout = config.classifier_dropout
        self.dropout = Dropout(config.encoder.hidden_dropout_prob if dropout is None else dropout)
        self.head = nn.Linear(size, len(config.labels))
        for linear in filter(None, (self.pooler, self.head)):
            nn.init.normal_(linear.weight, std=config.encoder.initializer_range)
            nn.init.zeros_(linear.bias)

    def forward(
        self,
        token_ids: Int[Tensor, "batch tokens"],
        padding_mask: Bool[Tensor, "batch tokens"],
        segment_ids: Int[Tensor, "batch tokens"] | None = None,
        head_mask: Float[Tensor, "#batch layers heads"] | None = None,
    ) -> ClassifierOutput:
        """Classifies a padded batch; the arguments are those of `BERTEncoder.forward`."""
        encoded = self.encoder(token_ids, padding_mask, segment_ids, head_mask)
        return ClassifierOutput(self.logits(encoded.hidden), *encoded)

    def answers(
        self,
        token_ids: Int[Tensor, "batch tokens"],
        padding_mask: Bool[Tensor, "batch tokens"],
        segment_ids: Int[Tensor, "batch tokens"] | None = None,
    ) -> Float[Tensor, "batch labels"]:
        """The logits alone, for less: in the last layer only [CLS] asks, nobody reads the rest."""
        encoded = self.encoder(token_ids, padding_mask, segment_ids, first_alone=True)
        return self.logits(encoded.hidden)

    def logits(self, hidden: Float[Tensor, "batch tokens hidden"]) -> Float[Tensor, "batch labels"]:
        """The logits of texts that the encoder has read, from their first token, [CLS], alone."""
        variant, pooled = self.config.encoder.variant, hidden[:, 0]
        if self.pooler is not None:
            pooled = self.dropout(pooled) if variant.dropout_before_pooler else pooled
            pooled = _ACTIVATIONS[variant.activation](self.pooler(pooled))
        return self.head(self.dropout(pooled))
