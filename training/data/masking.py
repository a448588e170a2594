"""Hides tokens at random: to be guessed, or so that a classifier knows texts with gaps.

`WordMasking` makes the task that an encoder learns from texts without labels (Devlin et al. 2019,
section 3.1). `RandomMasking` serves a classifier that learns. What a word is worth to an answer is
asked by hiding it. A model that never saw a text with gaps answers it all the same, and then it is
not the word's worth alone that is measured. "Faithfulness Measurable Masked Language Models"
(Madsen et al. 2024, section 4): half of the texts are left whole, of each other one a share of its
tokens is masked, drawn evenly between none and all.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.data.batches import NO_LABEL, Batch, pad_rows


class RandomMasking:
    """Masks the tokens of batches; the marks that begin and end a text are never masked."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Raises ValueError: the tokenizer has no mask token."""
        if tokenizer.mask_token_id is None:
            raise ValueError(
                "random masking needs a tokenizer with a mask token, such as [MASK]; start from "
                "another model with --init, or leave out --random-masking"
            )
        self.mask_token_id = tokenizer.mask_token_id
        self._kept = _marks(tokenizer)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The batch, with half of its texts masked by what `generator` draws."""
        texts = len(batch.token_ids)
        shares = torch.rand(texts, 1, generator=generator)
        shares[torch.randperm(texts, generator=generator)[: -(-texts // 2)]] = 0
        drawn = torch.rand(batch.token_ids.shape, generator=generator)
        hidden = (drawn < shares) & batch.padding_mask & ~torch.isin(batch.token_ids, self._kept)
        return batch._replace(token_ids=batch.token_ids.masked_fill(hidden, self.mask_token_id))


def _marks(tokenizer: PreTrainedTokenizerBase) -> Int[Tensor, " marks"]:
    """What begins, ends, parts and pads texts; an unknown word is a word."""
    return torch.tensor(sorted({*tokenizer.all_special_ids} - {tokenizer.unk_token_id}))


_MASKED, _REPLACED = 0.8, 0.1  # of what is to be guessed; the rest stands there as it is


class MaskedBatch(NamedTuple):
    """Texts with some tokens to be guessed, padded on the right to the longest."""

    token_ids: Int[Tensor, "batch tokens"]
    """As the model reads them."""
    padding_mask: Bool[Tensor, "batch tokens"]
    labels: Int[Tensor, "batch tokens"]
    """What stood there, where it is asked; elsewhere `NO_LABEL`."""

    @property
    def asked(self) -> Bool[Tensor, "batch tokens"]:
        """Where a token is to be guessed."""
        return self.labels != NO_LABEL

    def to(self, device: torch.device) -> "MaskedBatch":
        """The same batch on a device."""
        return MaskedBatch(*(tensor.to(device) for tensor in self))


class WordMasking:
    """Chooses tokens to be guessed: 80 % of them are masked, 10 % replaced by any word, 10 % stay.

    Were all of them masked, the model would learn nothing of words that stand there, and texts that
    are read later have no masks (Devlin et al. 2019, appendix A.1).
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, share: float, *, whole_words: bool = False
    ) -> None:
        """`share` of the tokens are asked; of `whole_words` all pieces or none."""
        vocabulary = tokenizer.get_vocab()
        self.mask_token_id, self.pad_token_id = tokenizer.mask_token_id, tokenizer.pad_token_id
        self.share, self.whole_words = share, whole_words
        self._marks = _marks(tokenizer)
        specials = {*tokenizer.all_special_ids}
        self._words = torch.tensor(sorted({*vocabulary.values()} - specials))
        self._continues = torch.zeros(max(vocabulary.values()) + 1, dtype=torch.bool)
        self._continues[[i for piece, i in vocabulary.items() if piece.startswith("##")]] = True

    def __call__(
        self, rows: Sequence[Sequence[int]], width: int, generator: torch.Generator
    ) -> MaskedBatch:
        """A batch of texts, each a row of token ids, filled up to `width`."""
        token_ids, padding_mask = pad_rows(rows, self.pad_token_id, width)
        drawn = torch.rand(token_ids.shape, generator=generator)
        if self.whole_words:  # a word's pieces share what its first one drew
            places = torch.arange(width).expand_as(token_ids)
            begins = places.masked_fill(self._continues[token_ids], 0)
            drawn = drawn.gather(1, begins.cummax(dim=1).values)
        asked = (drawn < self.share) & padding_mask & ~torch.isin(token_ids, self._marks)
        labels = token_ids.masked_fill(~asked, NO_LABEL)
        fate = torch.rand(token_ids.shape, generator=generator)
        any_word = torch.randint(len(self._words), token_ids.shape, generator=generator)
        replaced = asked & (fate >= _MASKED) & (fate < _MASKED + _REPLACED)
        read = torch.where(replaced, self._words[any_word], token_ids)
        read = read.masked_fill(asked & (fate < _MASKED), self.mask_token_id)
        return MaskedBatch(read, padding_mask, labels)
