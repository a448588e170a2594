"""From texts to padded batches of token ids, with little padding: texts of like length together.

    texts -> encode_texts -> one list of token ids per text -> batches -> tensors

Shapes: a batch is (batch, tokens), where `tokens` is the length of its longest text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.data.corpus import Example
from training.model.config import EncoderConfig

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
    label: int
    full_length: int
    """Tokens before the text was cut; more than `len(token_ids)` when it was."""


class Batch(NamedTuple):
    """Texts of like length, padded on the right to the longest."""

    token_ids: Int[Tensor, "batch tokens"]
    padding_mask: Bool[Tensor, "batch tokens"]
    segment_ids: Int[Tensor, "batch tokens"]
    labels: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(*(tensor.to(device) for tensor in self))


def encode_texts(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int
) -> list[EncodedText]:
    """Tokenises; a text of more than `max_tokens`, special tokens included, is cut at its end.

    Of a pair the longer text is cut first.
    """
    whole = _tokenize(examples, tokenizer, None)
    too_long = [i for i, (ids, _) in enumerate(whole) if len(ids) > max_tokens]
    cut = _tokenize([examples[i] for i in too_long], tokenizer, max_tokens)
    read = whole.copy()
    for i, shorter in zip(too_long, cut, strict=True):
        read[i] = shorter
    tokenizer.backend_tokenizer.no_truncation()  # which it would remember
    return [
        EncodedText(tuple(ids), tuple(segments), example.label, len(full))
        for example, (ids, segments), (full, _) in zip(examples, read, whole, strict=True)
    ]


def _tokenize(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, max_tokens: int | None
) -> list[tuple[list[int], list[int]]]:
    if not examples:
        return []
    paired = [i for i, example in enumerate(examples) if example.text_pair is not None]
    single = [i for i, example in enumerate(examples) if example.text_pair is None]
    encoded: dict[int, tuple[list[int], list[int]]] = {}
    for places, pairs in ((single, None), (paired, [examples[i].text_pair for i in paired])):
        if places:
            found = tokenizer(
                [examples[i].text for i in places],
                pairs,
                truncation="longest_first" if max_tokens else False,
                max_length=max_tokens,
                return_token_type_ids=True,
                verbose=False,  # a text that is too long is counted here and reported by us
            )
            both = zip(found["input_ids"], found["token_type_ids"], strict=True)
            encoded.update(zip(places, both, strict=True))
    return [encoded[i] for i in range(len(examples))]


def pad(texts: Sequence[EncodedText], *, pad_token_id: int = 0, width: int | None = None) -> Batch:
    """Puts texts into one batch, as wide as the longest of them, or as `width`."""
    width = width or max(len(text.token_ids) for text in texts)
    token_ids = torch.full((len(texts), width), pad_token_id)
    segment_ids = torch.zeros((len(texts), width), dtype=torch.long)
    padding_mask = torch.zeros((len(texts), width), dtype=torch.bool)
    for i, text in enumerate(texts):
        length = len(text.token_ids)
        token_ids[i, :length] = torch.tensor(text.token_ids)
        segment_ids[i, :length] = torch.tensor(text.segment_ids)
        padding_mask[i, :length] = True
    labels = torch.tensor([text.label for text in texts])
    return Batch(token_ids, padding_mask, segment_ids, labels)


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
