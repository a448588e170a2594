"""Tokens that are hidden while a classifier learns."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from training.data.batches import encode_texts, pad, pad_rows
from training.data.corpus import Example
from training.data.masking import MaskedBatch, RandomMasking, WordMasking


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


ROWS = [[2, *range(5, 5 + n), 3] for n in (9, 30, 17)] * 40


def masked(tokenizer, share: float = 0.4, *, whole_words: bool = False) -> MaskedBatch:
    masking = WordMasking(tokenizer, share, whole_words=whole_words)
    return masking(ROWS, 33, torch.Generator().manual_seed(0))


def test_of_the_words_to_be_guessed_most_are_masked_some_replaced_and_some_stay(tokenizer) -> None:
    batch = masked(tokenizer)
    before, kept = pad_rows(ROWS, 0, 33)

    asked = batch.asked
    words = kept & (before > 4)
    assert asked.sum() / words.sum() == pytest.approx(0.4, abs=0.03)
    assert not (asked & ~words).any(), "marks and padding are not asked"
    assert torch.equal(batch.labels[asked], before[asked])
    assert torch.equal(batch.token_ids[~asked], before[~asked])
    assert torch.equal(batch.padding_mask, kept)
    shown, right = batch.token_ids[asked], before[asked]
    is_masked, stays = shown == tokenizer.mask_token_id, shown == right
    assert is_masked.float().mean() == pytest.approx(0.8, abs=0.04)
    assert stays.float().mean() == pytest.approx(0.1, abs=0.03)
    others = shown[~is_masked & ~stays]
    assert len(others.unique()) > 30, "any word"
    assert (others > 4).all(), "and no mark"


def test_of_a_whole_word_all_pieces_are_asked_or_none(tokenizer) -> None:
    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    long = [i for i, piece in enumerate(pieces) if piece.startswith("##")][:6]
    word = [5, *long]
    rows = [[2, 7, *word, 8, *word, 3]] * 50
    masking = WordMasking(tokenizer, 0.3, whole_words=True)

    asked = masking(rows, 20, torch.Generator().manual_seed(0)).asked

    for start in (2, 2 + len(word) + 1):
        of_word = asked[:, start : start + len(word)]
        assert (of_word.all(dim=1) | ~of_word.any(dim=1)).all()
        assert 0.1 < of_word[:, 0].float().mean() < 0.6
    assert not torch.equal(asked[:, 2], asked[:, 2 + len(word) + 1]), "two words, two draws"
    apart = WordMasking(tokenizer, 0.3)(rows, 20, torch.Generator().manual_seed(0)).asked
    assert not (apart[:, 2:9].all(dim=1) | ~apart[:, 2:9].any(dim=1)).all()
