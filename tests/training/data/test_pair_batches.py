"""Pairs in batches: what is fed, what is asked for, and that nothing is lost to padding."""

import pytest
import torch

from training.data.pair_batches import EncodedPair, encode_pairs, pad_pairs, pair_batches

PAIRS = [EncodedPair((2, 9, 8, 3), (2, 7, 3)), EncodedPair((2, 6, 3), (2, 5, 4, 9, 9, 3))]


def test_the_decoder_is_fed_all_but_the_last_token_and_asked_for_all_but_the_first() -> None:
    batch = pad_pairs(PAIRS, pad_token_id=0, limit=64)

    for i, pair in enumerate(PAIRS):
        mask = batch.label_mask[i]
        assert tuple(batch.decoder_input_ids[i][mask].tolist()) == pair.target_ids[:-1]
        assert tuple(batch.labels[i][mask].tolist()) == pair.target_ids[1:]
        assert tuple(batch.source_ids[i][batch.source_mask[i]].tolist()) == pair.source_ids
    assert batch.hidden is None


def test_each_label_knows_the_source_token_it_stands_for() -> None:
    pairs = [
        EncodedPair((2, 7, 40, 9, 8, 3), (2, 7, 8, 9, 50, 3)),  # a word replaced, two swapped
        EncodedPair((2, 6, 3), (2, 6, 5, 3)),  # a word added
    ]

    batch = pad_pairs(pairs, pad_token_id=0, limit=64)

    mask = batch.label_mask
    assert batch.labels[1][mask[1]].tolist() == [6, 5, 3]
    assert batch.alignment[1][mask[1]].tolist() == [1, -1, 2]
    assert batch.is_copy[1][mask[1]].tolist() == [True, False, True]
    for row in range(2):
        for place, wanted, copied in zip(
            batch.alignment[row][mask[row]],
            batch.labels[row][mask[row]],
            batch.is_copy[row][mask[row]],
            strict=True,
        ):
            assert bool(copied) == (place >= 0 and batch.source_ids[row, place] == wanted)
    assert batch.is_aligned.tolist() == (batch.alignment >= 0).tolist()
    assert not batch.is_copy[~mask].any()
    assert batch.is_copy[0].sum() == 3  # 7, one of the swapped two, and the end


def test_kept_hidden_states_lie_where_their_tokens_lie() -> None:
    hidden = [torch.randn(4, 5), torch.randn(3, 5)]
    pairs = [
        EncodedPair(pair.source_ids, pair.target_ids, states)
        for pair, states in zip(PAIRS, hidden, strict=True)
    ]

    batch = pad_pairs(pairs, pad_token_id=0, limit=64)

    assert batch.hidden is not None
    for i, states in enumerate(hidden):
        torch.testing.assert_close(batch.hidden[i][batch.source_mask[i]], states)
    assert batch.hidden[~batch.source_mask].abs().sum() == 0


def test_an_epoch_holds_every_pair_once_with_like_lengths_together() -> None:
    pairs = [
        EncodedPair((2, *[9] * (i % 13), 3), (2, *range(10, 10 + i % 11), 3)) for i in range(200)
    ]
    generator = torch.Generator().manual_seed(0)

    batches = list(pair_batches(pairs, 16, pad_token_id=0, limit=64, generator=generator))

    seen = [
        (tuple(row[mask].tolist()), int(length))
        for batch in batches
        for row, mask, length in zip(
            batch.labels, batch.label_mask, batch.source_mask.sum(dim=1), strict=True
        )
    ]
    assert sorted(seen) == sorted((pair.target_ids[1:], len(pair.source_ids)) for pair in pairs)
    real = sum(int(batch.label_mask.sum()) for batch in batches)
    assert real / sum(batch.labels.numel() for batch in batches) > 0.65


def test_texts_are_cut_before_their_end_token(tokenizer) -> None:
    (pair,) = encode_pairs([("a dull film and a story", "great")], tokenizer, max_tokens=4)

    assert tokenizer.convert_ids_to_tokens(pair.source_ids) == ["[CLS]", "a", "dull", "[SEP]"]
    assert tokenizer.convert_ids_to_tokens(pair.target_ids) == ["[CLS]", "great", "[SEP]"]
    assert encode_pairs([], tokenizer, max_tokens=4) == []


@pytest.mark.parametrize(("limit", "width"), [(64, 8), (5, 5)])
def test_widths_are_rounded_up_but_not_beyond_the_model(limit: int, width: int) -> None:
    batch = pad_pairs([EncodedPair((2, 9, 9, 9, 3), (2, 3))], pad_token_id=0, limit=limit)

    assert batch.source_ids.shape[1] == width
