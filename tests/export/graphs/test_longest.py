"""How long texts may be where all maps of a proof must fit into a stated memory."""

import pytest

from export.eval_texts import batches
from export.graphs.longest import BUDGET, longest_tried, not_tried
from training.data.batches import EncodedText
from training.model.config import DecoderConfig, EncoderConfig


@pytest.mark.parametrize(
    ("layers", "heads", "hidden", "positions", "expected"),
    [
        (6, 12, 384, 512, 512),
        (12, 12, 768, 512, 512),
        (24, 16, 1024, 512, 512),
        (12, 12, 768, 8192, 1270),
        (8, 8, 64, 8192, 1876),
    ],
    ids=["MiniLM", "BERT-base", "BERT-large", "8,192 positions", "the same, small"],
)
def test_usual_models_are_tried_whole_and_long_ones_as_far_as_the_memory_goes(
    layers: int, heads: int, hidden: int, positions: int, expected: int
) -> None:
    config = EncoderConfig(
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=hidden,
        max_position_embeddings=positions,
    )

    found = longest_tried(config)

    assert found == expected
    maps = 4 * layers * heads * found**2
    assert 4 * maps < BUDGET, "torch's, onnxruntime's, the array of that, another runtime's"
    assert longest_tried(config, 100) == 100


def test_gpt_2_is_tried_whole_and_its_words_count() -> None:
    assert longest_tried(DecoderConfig()) == 1024
    assert longest_tried(DecoderConfig(max_position_embeddings=8192)) == 1149
    assert longest_tried(DecoderConfig(max_position_embeddings=8192, vocab_size=10)) == 1258
    assert longest_tried(DecoderConfig(), 64) == 64


def test_what_was_not_tried_is_said() -> None:
    long = EncoderConfig(max_position_embeddings=8192)

    assert not_tried(EncoderConfig()) == not_tried(long, 1270) == not_tried(DecoderConfig()) == ""
    assert not_tried(long).startswith("texts of 1,271 to 8,192 tokens, whose maps take")
    assert not_tried(long, 2000).startswith("texts of 1,271 to 2,000 tokens")


def test_a_batch_holds_fewer_texts_the_longer_they_are() -> None:
    lengths = [1, 2, 3, 50, 60, 99, 100]
    texts = [EncodedText((5,) * n, (0,) * n, 0, n) for n in lengths]

    sizes = [len(batch.token_ids) for batch in batches(texts, 0, longest=100)]

    assert sizes == [4, 1, 1, 1]
    assert [len(batch.token_ids) for batch in batches(texts, 0)] == [7]
