"""A hybrid and its tokenizer as one thing: it reads a source, generates a target, judges a target.

It generates greedily, always the likeliest token: what validation needs, no more.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase

from training.checkpoints.hybrid import TextTokens
from training.data.pair_batches import EncodedPair, PairBatch, encode_pairs, pad_pairs
from training.model.decoder import BERTGPTModel, GPTDecoder, Source
from training.model.encoder import BERTEncoder
from training.recipes import autocast, uses_bfloat16

_BATCH = 64
LONGER, MORE = 1.5, 8
"""What is generated may be so many times longer than its source, and so many tokens more."""


@dataclass(frozen=True, slots=True)
class Seq2Seq:
    """A model, what reads for it, and the tokenizer of both its halves."""

    model: BERTGPTModel
    reader: BERTEncoder
    """The model's own encoder, or its frozen copy in bfloat16."""
    tokenizer: PreTrainedTokenizerBase
    tokens: TextTokens
    max_tokens: int

    @property
    def limit(self) -> int:
        """The most tokens that both halves take."""
        encoder, decoder = self.model.encoder.config, self.model.decoder.config
        return min(encoder.max_position_embeddings, decoder.max_position_embeddings)

    def read(self, batch: PairBatch) -> Source:
        """The hidden states of a batch's sources, or those that were kept of them."""
        hidden = batch.hidden
        if hidden is None:
            hidden = self.reader(batch.source_ids, batch.source_mask).hidden
        return self.model.as_source(hidden, batch.source_mask)

    def encode(self, pairs: Sequence[tuple[str, str]]) -> list[EncodedPair]:
        """Pairs as token ids, cut at `max_tokens`."""
        return encode_pairs(pairs, self.tokenizer, max_tokens=self.max_tokens)

    def batches(self, pairs: Sequence[EncodedPair]) -> Iterator[tuple[list[int], PairBatch]]:
        """The pairs by length, in batches, where the model is; with the numbers of each batch's."""
        device = next(self.model.parameters()).device
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i].source_ids))
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            chosen = [pairs[i] for i in places]
            batch = pad_pairs(chosen, pad_token_id=self.tokens.pad, limit=self.limit)
            yield places, batch.to(device)

    @torch.no_grad()
    def generate(self, sources: Sequence[str]) -> list[str]:
        """The text that the hybrid generates from each source, greedily."""
        generated = [""] * len(sources)
        self.model.eval()
        for places, batch in self.batches(self.encode([(source, "") for source in sources])):
            with autocast(batch.source_ids.device):
                source = self.read(batch)
            most = int(LONGER * batch.source_ids.shape[1]) + MORE
            texts = generate_greedily(
                self.model.decoder, source, self.tokens.start, self.tokens.end, most
            )
            for i, token_ids in zip(places, texts, strict=True):
                generated[i] = str(
                    self.tokenizer.decode(
                        token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
                    )
                )
        return generated

    @torch.no_grad()
    def loss(self, pairs: Sequence[EncodedPair]) -> float:
        """Mean negative log-likelihood of a target token, in nats, without label smoothing."""
        total, tokens = 0.0, 0
        self.model.eval()
        for _, batch in self.batches(pairs):
            labels = batch.labels[batch.label_mask]
            total += float(cross_entropy(self._logits(batch), labels, reduction="sum"))
            tokens += len(labels)
        return total / max(tokens, 1)

    @torch.no_grad()
    def ranks(self, pairs: Sequence[EncodedPair]) -> list[list[int]]:
        """For each token of each target, how many tokens were thought likelier, given those before.

        0 is the likeliest. The target's first token, [CLS], is given and has no rank.
        """
        found: list[list[int]] = [[] for _ in pairs]
        self.model.eval()
        for places, batch in self.batches(pairs):
            logits = self._logits(batch)
            right = logits.gather(1, batch.labels[batch.label_mask][:, None])
            likelier = (logits > right).sum(dim=1)
            lengths = batch.label_mask.sum(dim=1).tolist()
            for i, ranks in zip(places, likelier.split(lengths), strict=True):
                found[i] = ranks.tolist()
        return found

    def _logits(self, batch: PairBatch) -> Float[Tensor, "positions vocabulary"]:
        with autocast(batch.source_ids.device):
            states = self.model.decoder(batch.decoder_input_ids, self.read(batch))
            return self.model.decoder.logits(states.hidden[batch.label_mask]).float()


@torch.no_grad()
def generate_greedily(
    decoder: GPTDecoder, source: Source, start: int, end: int, most: int
) -> list[list[int]]:
    """The token ids generated for each source, without `start` and `end`, at most `most` of them.

    Cached steps: each computes one token of every text that has not ended.
    """
    device = source.hidden.device
    most = min(most, decoder.config.max_position_embeddings)
    token_ids = torch.full((len(source.hidden), 1), start, device=device)
    generated: list[Tensor] = []
    ended = torch.zeros(len(source.hidden), dtype=torch.bool, device=device)
    past = None
    for _ in range(most):
        with autocast(device):
            states = decoder(token_ids, source, past)
            token_ids = decoder.logits(states.hidden[:, -1:]).argmax(dim=-1)
        past = states.past
        generated.append(token_ids[:, 0])
        ended |= token_ids[:, 0] == end
        if ended.all():
            break
    rows = torch.stack(generated, dim=1).tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def frozen_copy(encoder: BERTEncoder) -> BERTEncoder:
    """The encoder to be run without gradient, in bfloat16 where the hardware multiplies it."""
    copy = deepcopy(encoder).eval().requires_grad_(False)
    device = next(encoder.parameters()).device
    return copy.to(torch.bfloat16) if uses_bfloat16(device) else copy
