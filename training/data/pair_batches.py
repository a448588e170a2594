"""Pairs of a source and a target, as token ids in padded batches, and which word became which.

Both texts stand between [CLS] and [SEP]. The decoder is fed the target without its last token and
asked, at every position, for the token that follows: teacher forcing.

    target               [CLS]  not  bad  [SEP]
    decoder_input_ids    [CLS]  not  bad
    labels               not    bad  [SEP]

Which token of the source each of them stands for is told by the edit distance (Levenshtein 1966).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.data.batches import bucket, pad_rows, rounded_width


class Alignment(NamedTuple):
    """How one text becomes the other with the fewest words changed."""

    partners: tuple[int | None, ...]
    """For each word of the reference: which word of the other text it is, as it was or replaced."""
    matched: tuple[bool, ...]
    """For each word of the reference: whether it stands, in its place, in the other text."""
    errors: int
    """Words replaced, left out or added: the edit distance."""


def align(reference: Sequence[Hashable], written: Sequence[Hashable]) -> Alignment:
    """Aligns word by word, or whatever can be compared, such as token ids.

    Of equally short ways it takes the one that matches the later words. The word error rate is the
    distance over the number of words of the reference.
    """
    rows = [list(range(len(written) + 1))]
    for i, word in enumerate(reference, start=1):
        above, row = rows[-1], [i]
        for j, other in enumerate(written, start=1):
            row.append(min(above[j - 1] + (word != other), above[j] + 1, row[-1] + 1))
        rows.append(row)
    matched = [False] * len(reference)
    partners: list[int | None] = [None] * len(reference)
    i, j = len(reference), len(written)
    while i and j:
        if reference[i - 1] == written[j - 1] and rows[i][j] == rows[i - 1][j - 1]:
            i, j = i - 1, j - 1
            matched[i], partners[i] = True, j
        elif rows[i][j] == rows[i - 1][j - 1] + 1:
            i, j = i - 1, j - 1
            partners[i] = j
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return Alignment(tuple(partners), tuple(matched), rows[-1][-1])


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """What is read and what is to be generated, each from [CLS] to [SEP]."""

    source_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    hidden: Tensor | None = None
    """The encoder's hidden states of the source (tokens, hidden), where they never change."""


_UNALIGNED = -1


class PairBatch(NamedTuple):
    """Pairs of like lengths, padded on the right."""

    source_ids: Int[Tensor, "batch source"]
    source_mask: Bool[Tensor, "batch source"]
    decoder_input_ids: Int[Tensor, "batch target"]
    """What the decoder is fed: the target without its last token."""
    labels: Int[Tensor, "batch target"]
    """What it is to answer: the target without its first token."""
    label_mask: Bool[Tensor, "batch target"]
    alignment: Int[Tensor, "batch target"]
    """Which source token each label stands for, by the edit distance; -1: it was added."""
    hidden: Float[Tensor, "batch source hidden"] | None = None

    @property
    def is_aligned(self) -> Bool[Tensor, "batch target"]:
        """Where a label stands for a source token."""
        return self.alignment != _UNALIGNED

    @property
    def is_copy(self) -> Bool[Tensor, "batch target"]:
        """Where a label is its source token once more."""
        same = self.source_ids.gather(1, self.alignment.clamp(min=0)) == self.labels
        return self.is_aligned & same

    def to(self, device: torch.device) -> "PairBatch":
        """The same batch on a device."""
        tensors = {name: one.to(device) for name, one in self._asdict().items() if one is not None}
        return self._replace(**tensors)


def encode_pairs(
    pairs: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int
) -> list[EncodedPair]:
    """Tokenises sources and targets; a longer text than `max_tokens` is cut before its [SEP]."""
    if not pairs:
        return []
    sources, targets = (
        tokenizer(list(texts), add_special_tokens=True, verbose=False)["input_ids"]
        for texts in zip(*pairs, strict=True)
    )
    return [
        EncodedPair(_cut(source, max_tokens), _cut(target, max_tokens))
        for source, target in zip(sources, targets, strict=True)
    ]


def _cut(ids: Sequence[int], most: int) -> tuple[int, ...]:
    return tuple(ids) if len(ids) <= most else (*ids[: most - 1], ids[-1])


def pad_pairs(pairs: Sequence[EncodedPair], *, pad_token_id: int, limit: int) -> PairBatch:
    """Puts pairs into one batch; widths are rounded up for the kernels, at most to `limit`."""
    sources, targets = [pair.source_ids for pair in pairs], [pair.target_ids for pair in pairs]
    source_width = rounded_width(max(map(len, sources)), limit)
    target_width = rounded_width(max(map(len, targets)) - 1, limit)
    source_ids, source_mask = pad_rows(sources, pad_token_id, source_width)
    inputs, _ = pad_rows([target[:-1] for target in targets], pad_token_id, target_width)
    labels, label_mask = pad_rows([target[1:] for target in targets], pad_token_id, target_width)
    aligned = [align(pair.target_ids, pair.source_ids).partners[1:] for pair in pairs]
    places = [[_UNALIGNED if place is None else place for place in row] for row in aligned]
    alignment, _ = pad_rows(places, _UNALIGNED, target_width)
    hidden = _pad_hidden(pairs, source_width)
    return PairBatch(source_ids, source_mask, inputs, labels, label_mask, alignment, hidden)


def _pad_hidden(pairs: Sequence[EncodedPair], width: int) -> Tensor | None:
    cached = [pair.hidden for pair in pairs if pair.hidden is not None]
    if not cached:
        return None
    hidden = cached[0].new_zeros((len(pairs), width, cached[0].shape[-1]))
    for row, states in zip(hidden, cached, strict=True):
        row[: len(states)] = states
    return hidden


def pair_batches(
    pairs: Sequence[EncodedPair],
    batch_size: int,
    *,
    pad_token_id: int,
    limit: int,
    generator: torch.Generator,
) -> Iterator[PairBatch]:
    """Every pair once, in an order drawn from `generator`, like lengths together."""
    lengths = [(len(pair.target_ids), len(pair.source_ids)) for pair in pairs]
    for places in bucket(lengths, batch_size, generator):
        yield pad_pairs([pairs[i] for i in places], pad_token_id=pad_token_id, limit=limit)
