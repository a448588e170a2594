"""Tokenising, cutting, padding and bucketing; the oracle is the tokenizer's own padding."""

from collections import Counter

import pytest
import torch

from training.checkpoints.classifier import minilm_folder
from training.checkpoints.tokenizer import without_limits
from training.data.batches import EncodedText, bucketed_batches, count_batches, encode_texts, pad
from training.data.corpus import Example
from training.model.config import EncoderConfig


def config(**sizes: int) -> EncoderConfig:
    return EncoderConfig(hidden_size=8, num_attention_heads=2, **sizes)


def texts_of_lengths(*lengths: int) -> list[EncodedText]:
    return [
        EncodedText(tuple(range(1, n + 1)), (0,) * n, label, n) for label, n in enumerate(lengths)
    ]


def test_a_batch_is_what_the_tokenizers_own_padding_makes(tokenizer) -> None:
    examples = [Example("a dull film", 0), Example("not bad", 1, "a fine film !"), Example("x", 0)]

    batch = pad(encode_texts(examples, tokenizer, max_tokens=32))

    ids, segments, mask = [], [], []
    for example in examples:
        one = tokenizer(
            example.text, example.text_pair, padding="max_length", max_length=batch[0].shape[1]
        )
        ids.append(one["input_ids"])
        segments.append(one["token_type_ids"])
        mask.append(one["attention_mask"])
    assert batch.token_ids.tolist() == ids
    assert batch.segment_ids.tolist() == segments
    assert batch.padding_mask.long().tolist() == mask
    assert batch.labels.tolist() == [0, 1, 0]


def test_a_long_text_is_cut_counted_and_keeps_its_last_special_token(tokenizer) -> None:
    examples = [Example("a b c d e f", 0), Example("a b", 0), Example("a b c d", 0, "e")]

    texts = encode_texts(examples, tokenizer, max_tokens=5)

    assert [len(text.token_ids) for text in texts] == [5, 4, 5]
    assert [text.full_length for text in texts] == [8, 4, 8]
    assert {text.token_ids[-1] for text in texts} == {tokenizer.sep_token_id}
    assert tokenizer.decode(texts[2].token_ids) == "[CLS] a [SEP] e [SEP]"
    assert texts[2].segment_ids == (0, 0, 0, 1, 1)


def test_no_limit_stays_on_the_tokenizer_after_encoding(tokenizer) -> None:
    encode_texts([Example("a b c d e f", 0)], tokenizer, max_tokens=4)

    assert tokenizer.backend_tokenizer.truncation is None
    assert tokenizer.backend_tokenizer.padding is None


def test_minilms_cut_at_128_tokens_is_gone_from_what_is_saved(tmp_path) -> None:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(minilm_folder())
    assert loaded.backend_tokenizer.truncation["max_length"] == 128

    without_limits(loaded).save_pretrained(tmp_path)

    saved = AutoTokenizer.from_pretrained(tmp_path)
    assert saved.backend_tokenizer.truncation is None
    assert saved.backend_tokenizer.padding is None
    assert len(saved.backend_tokenizer.encode("word " * 300).ids) == 302
    assert "max_length" not in (tmp_path / "tokenizer_config.json").read_text().replace(
        "model_max_length", ""
    )


def test_an_epoch_holds_every_text_once_and_lengths_together() -> None:
    lengths = [3 + (7 * i) % 50 for i in range(500)]
    texts = texts_of_lengths(*lengths)

    batches = list(bucketed_batches(texts, config(), 8, torch.Generator().manual_seed(0)))

    assert Counter(torch.cat([batch.labels for batch in batches]).tolist()) == Counter(range(500))
    assert len(batches) == count_batches(500, 8)
    for batch in batches:
        assert batch.padding_mask.sum(1).tolist() == [lengths[i] for i in batch.labels]
    real = sum(int(batch.padding_mask.sum()) for batch in batches)
    assert real / sum(batch.token_ids.numel() for batch in batches) > 0.9


def test_the_order_changes_between_epochs_and_not_between_runs() -> None:
    texts = texts_of_lengths(*range(3, 67))
    first, second = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)

    def epoch(generator: torch.Generator) -> list[list[int]]:
        return [batch.labels.tolist() for batch in bucketed_batches(texts, config(), 4, generator)]

    run, same_run = [epoch(first), epoch(first)], [epoch(second), epoch(second)]

    assert run == same_run
    assert run[0] != run[1]


@pytest.mark.parametrize(("longest", "limit", "width"), [(5, 512, 8), (8, 512, 8), (29, 30, 30)])
def test_training_widths_are_multiples_of_four_unless_the_encoder_ends_before(
    longest: int, limit: int, width: int
) -> None:
    texts = texts_of_lengths(3, longest)
    generator = torch.Generator().manual_seed(0)

    (batch,) = bucketed_batches(texts, config(max_position_embeddings=limit), 2, generator)

    assert batch.token_ids.shape == (2, width)
    assert batch.padding_mask.sum().item() == 3 + longest
