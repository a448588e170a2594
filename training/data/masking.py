"""Hides tokens at random while a classifier learns, so that it knows texts with gaps.

What a word is worth to an answer is asked by hiding it. A model that never saw a text with gaps
answers it all the same, and then it is not the word's worth alone that is measured. "Faithfulness
Measurable Masked Language Models" (Madsen et al. 2024, section 4): half of the texts are left
whole, of each other one a share of its tokens is masked, drawn evenly between none and all.
"""

import torch
from transformers import PreTrainedTokenizerBase

from training.data.batches import Batch


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
        marks = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
        self._kept = torch.tensor(sorted(marks))

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The batch, with half of its texts masked by what `generator` draws."""
        texts = len(batch.token_ids)
        shares = torch.rand(texts, 1, generator=generator)
        shares[torch.randperm(texts, generator=generator)[: -(-texts // 2)]] = 0
        drawn = torch.rand(batch.token_ids.shape, generator=generator)
        hidden = (drawn < shares) & batch.padding_mask & ~torch.isin(batch.token_ids, self._kept)
        return batch._replace(token_ids=batch.token_ids.masked_fill(hidden, self.mask_token_id))
