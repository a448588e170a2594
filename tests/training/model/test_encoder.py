"""Properties of the whole encoder that no checkpoint is needed for."""

import pytest
import torch
from torch import Tensor

from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, EncoderConfig

SIZE = EncoderConfig(
    vocab_size=30,
    hidden_size=12,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=24,
    max_position_embeddings=10,
    initializer_range=0.4,
)


@pytest.fixture
def model() -> BERTClassifier:
    torch.manual_seed(0)
    return BERTClassifier(ClassifierConfig(encoder=SIZE, labels=("a", "b", "c"))).eval()


@pytest.fixture
def token_ids() -> Tensor:
    return torch.randint(1, 30, (4, 7), generator=torch.Generator().manual_seed(0))


def real(token_ids: Tensor) -> Tensor:
    return torch.ones_like(token_ids, dtype=torch.bool)


def test_permuting_the_batch_permutes_the_result(model: BERTClassifier, token_ids: Tensor) -> None:
    order = torch.tensor([2, 0, 3, 1])

    permuted = model(token_ids[order], real(token_ids))

    result = model(token_ids, real(token_ids))
    torch.testing.assert_close(permuted.logits, result.logits[order])
    torch.testing.assert_close(permuted.weights[1], result.weights[1][order])


def test_padding_changes_nothing_whatever_stands_in_it(
    model: BERTClassifier, token_ids: Tensor
) -> None:
    mask = real(token_ids)
    mask[:, 5:] = False

    padded = model(token_ids, mask)

    alone = model(token_ids[:, :5], mask[:, :5])
    torch.testing.assert_close(padded.logits, alone.logits)
    torch.testing.assert_close(padded.hidden[:, :5], alone.hidden)
    for with_padding, without in zip(padded.weights, alone.weights, strict=True):
        torch.testing.assert_close(with_padding[:, :, :5, :5], without)
        assert with_padding[..., 5:].eq(0).all()


def test_answers_alone_have_the_gradients_of_the_whole_pass(
    model: BERTClassifier, token_ids: Tensor
) -> None:
    found = []
    for logits in (lambda *given: model(*given).logits, model.answers):
        model.zero_grad()
        logits(token_ids, real(token_ids)).square().sum().backward()
        found.append([weight.grad for weight in model.parameters()])

    torch.testing.assert_close(found[0], found[1])


def test_the_order_of_the_tokens_matters(model: BERTClassifier, token_ids: Tensor) -> None:
    result = model(token_ids, real(token_ids)).logits

    assert not torch.allclose(model(token_ids.flip(1), real(token_ids)).logits, result)


def test_dropout_acts_in_training_only(model: BERTClassifier, token_ids: Tensor) -> None:
    mask = real(token_ids)

    assert torch.equal(model(token_ids, mask).logits, model(token_ids, mask).logits)
    model.train()
    assert not torch.equal(model(token_ids, mask).logits, model(token_ids, mask).logits)


def test_a_sequence_longer_than_the_positions_is_refused(model: BERTClassifier) -> None:
    token_ids = torch.ones(1, 11, dtype=torch.long)

    with pytest.raises(ValueError, match="has 11 tokens, the encoder takes at most 10"):
        model(token_ids, real(token_ids))


def test_new_weights_are_drawn_as_bert_draws_them() -> None:
    torch.manual_seed(0)
    encoder = EncoderConfig(vocab_size=500, hidden_size=64, num_attention_heads=4)

    weights = BERTClassifier(ClassifierConfig(encoder=encoder, labels=("a", "b"))).state_dict()

    assert weights["encoder.layers.3.feed_forward.up.weight"].std() == pytest.approx(0.02, rel=0.02)
    assert weights["encoder.embeddings.word.weight"][0].eq(0).all()
    assert weights["encoder.layers.3.attention.query.bias"].eq(0).all()
    assert weights["encoder.layers.3.attention_norm.weight"].eq(1).all()
