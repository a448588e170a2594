"""From texts to padded batches of token ids, with little padding: texts of like length together.

    texts -> encode_texts -> one list of token ids per text -> batches -> tensors

Shapes: a batch is (batch, tokens), where `tokens` is the length of its longest text.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.data.corpus import Example
from training.model.config import EncoderConfig

NO_LABEL = -100  # torch's cross-entropy passes it over
_POOL = 32  # batches; see `bucket`
# Widths in training are multiples of this, where the encoder takes them: bfloat16 kernels are
# compiled anew for every width, half a second each on a CPU; a little padding costs less.
_WIDTH_STEP = 4


@dataclass(frozen=True, slots=True)
class EncodedText:
    """One text, or pair, as the model reads it: [CLS] text A [SEP], and text B [SEP] for a pair."""

    token_ids: tuple[int, ...]
    segment_ids: tuple[int, ...]
    """0 for text A and its special tokens, 1 for text B and its [SEP]."""
    label: int | tuple[float, ...]
    """As an `Example` has it; `NO_LABEL` where it has none."""
    full_length: int
    """Tokens before the text was cut; more than `len(token_ids)` when it was."""
    answers: tuple[float, ...] | None = None
    """A teacher's logits, where there is a teacher who was asked."""


class Batch(NamedTuple):
    """Texts of like length, padded on the right to the longest."""

    token_ids: Int[Tensor, "batch tokens"]
    padding_mask: Bool[Tensor, "batch tokens"]
    segment_ids: Int[Tensor, "batch tokens"]
    labels: Int[Tensor, " batch"] | Float[Tensor, "batch outputs"]
    answers: Float[Tensor, "batch labels"] | None = None
    """A teacher's logits; rows of NaN for texts that it was not asked about."""

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch._make(tensor if tensor is None else tensor.to(device) for tensor in self)


def encode_texts(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int
) -> list[EncodedText]:
    """Tokenises; a text of more than `max_tokens`, special tokens included, is cut at its end.

    Of a pair the longer text is cut first.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    texts = [one.text if one.text_pair is None else (one.text, one.text_pair) for one in examples]
    whole = backend.encode_batch(texts)
    too_long = [i for i, found in enumerate(whole) if len(found) > max_tokens]
    backend.enable_truncation(max_tokens, direction=tokenizer.truncation_side)
    cut = backend.encode_batch([texts[i] for i in too_long])
    backend.no_truncation()  # which it would remember
    read = {**dict(enumerate(whole)), **dict(zip(too_long, cut, strict=True))}
    return [
        EncodedText(tuple(read[i].ids), tuple(read[i].type_ids), example.label, len(whole[i]))
        for i, example in enumerate(examples)
    ]


def pad_rows(
    rows: Sequence[Sequence[int]], fill: int, width: int
) -> tuple[Int[Tensor, "rows width"], Bool[Tensor, "rows width"]]:
    """Rows filled up on the right to one width, and a mask that is True where they were not."""
    filled = torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])
    return filled, torch.arange(width) < torch.tensor([[len(row)] for row in rows])


def pad(texts: Sequence[EncodedText], *, pad_token_id: int = 0, width: int | None = None) -> Batch:
    """Puts texts into one batch, as wide as the longest of them, or as `width`."""
    width = width or max(len(text.token_ids) for text in texts)
    token_ids, padding_mask = pad_rows([text.token_ids for text in texts], pad_token_id, width)
    segment_ids, _ = pad_rows([text.segment_ids for text in texts], 0, width)
    labels = torch.tensor([text.label for text in texts])
    answers = _answers(texts)
    return Batch(token_ids, padding_mask, segment_ids, labels, answers)


def _answers(texts: Sequence[EncodedText]) -> Tensor | None:
    wide = max(len(text.answers or ()) for text in texts)
    nothing = (math.nan,) * wide
    return torch.tensor([text.answers or nothing for text in texts]) if wide else None


def bucketed_batches(
    texts: Sequence[EncodedText],
    config: EncoderConfig,
    batch_size: int,
    generator: torch.Generator,
) -> Iterator[Batch]:
    """One epoch: every text once, in an order drawn from `generator`, lengths together."""
    lengths = [len(text.token_ids) for text in texts]
    for places in bucket(lengths, batch_size, generator):
        chosen = [texts[i] for i in places]
        width = rounded_width(max(lengths[i] for i in places), config.max_position_embeddings)
        yield pad(chosen, pad_token_id=config.pad_token_id or 0, width=width)


def bucket(
    lengths: Sequence[Any], batch_size: int, generator: torch.Generator
) -> Iterator[list[int]]:
    """Numbers of texts, a batch at a time: every one once, like lengths together.

    Shuffles all texts, sorts each pool of 32 batches by length, and shuffles the batches: they
    hold little padding, and yet another choice of texts in every epoch.
    """
    order = torch.randperm(len(lengths), generator=generator).tolist()
    pool = batch_size * _POOL
    buckets: list[list[int]] = []
    for start in range(0, len(order), pool):
        by_length = sorted(order[start : start + pool], key=lambda i: lengths[i])
        buckets += [by_length[i : i + batch_size] for i in range(0, len(by_length), batch_size)]
    for number in torch.randperm(len(buckets), generator=generator).tolist():
        yield buckets[number]


def rounded_width(longest: int, limit: int) -> int:
    """A batch's width: its longest text, or a little more for the kernels, at most `limit`."""
    rounded = -(-longest // _WIDTH_STEP) * _WIDTH_STEP
    return max(longest, min(rounded, limit))


def count_batches(texts: int, batch_size: int) -> int:
    """How many batches `bucketed_batches` makes of so many texts."""
    return -(-texts // batch_size)  # a pool holds whole batches, so only the last may be short
