"""Tokens that are hidden while a classifier learns."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from training.data.batches import encode_texts, pad
from training.data.corpus import Example
from training.data.masking import RandomMasking


def test_half_of_the_texts_lose_between_none_and_all_of_their_words(tokenizer) -> None:
    text = "the film is not bad and it was great" * 2
    examples = [*[Example(text, 0)] * 63, Example("bad", 1)]
    batch = pad(encode_texts(examples, tokenizer, max_tokens=99))
    generator = torch.Generator().manual_seed(0)

    masked = RandomMasking(tokenizer)(batch, generator)

    hidden = masked.token_ids != batch.token_ids
    shares = hidden.sum(1) / (batch.padding_mask.sum(1) - 2)
    assert (shares == 0).sum() >= 32
    some = shares[shares > 0]
    assert 24 <= len(some) <= 32
    assert some.min() < 0.2
    assert some.max() > 0.8
    assert 0.35 < some.mean() < 0.65
    assert (masked.token_ids[hidden] == tokenizer.mask_token_id).all()
    marks = torch.isin(batch.token_ids, torch.tensor([tokenizer.cls_token_id, 0, 3]))
    assert not (hidden & marks).any()
    assert not (hidden & ~batch.padding_mask).any()
    for found, expected in zip(masked[1:4], batch[1:4], strict=True):
        assert torch.equal(found, expected)


def test_a_tokenizer_without_a_mask_token_is_refused(tokenizer) -> None:
    without = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)

    with pytest.raises(ValueError, match="needs a tokenizer with a mask token"):
        RandomMasking(without)
