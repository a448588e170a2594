"""Writing, scoring and ranking with a tiny hybrid; the oracle is transformers' `generate`."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import EncoderDecoderModel

from training.checkpoints.classifier import save_classifier
from training.checkpoints.hybrid import TextTokens, save_decoder
from training.hybrid import seq2seq as seq2seq_module
from training.hybrid.seq2seq import Seq2Seq, frozen_copy, generate_greedily
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, DecoderConfig, EncoderConfig
from training.model.decoder import BERTGPTModel, Source

TOKENS = TextTokens(start=2, end=3, pad=0)
TEXTS = ["a dull film", "the story is great and bright", "it was not bad", "great !", "a"]


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = torch.autocast("cpu", enabled=False)
    monkeypatch.setattr(seq2seq_module, "autocast", lambda device: exact)


@pytest.fixture(scope="module")
def seq2seq(tokenizer) -> Seq2Seq:
    torch.manual_seed(0)
    size = {"vocab_size": len(tokenizer), "hidden_size": 24, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 3, "intermediate_size": 40, "max_position_embeddings": 32}
    model = BERTGPTModel(
        EncoderConfig(**size, initializer_range=0.3), DecoderConfig(**size, initializer_range=0.3)
    ).eval()
    return Seq2Seq(model, model.encoder, tokenizer, TOKENS, max_tokens=32)


def test_greedy_texts_are_those_of_transformers_generate(seq2seq: Seq2Seq, tmp_path: Path) -> None:
    classifier = BERTClassifier(
        ClassifierConfig(encoder=seq2seq.model.encoder.config, labels=("a", "b"))
    )
    classifier.encoder.load_state_dict(seq2seq.model.encoder.state_dict())
    for part in ("encoder", "decoder"):
        (tmp_path / part).mkdir()
    save_classifier(tmp_path / "encoder", classifier, seq2seq.tokenizer)
    save_decoder(tmp_path / "decoder", seq2seq.model.decoder, seq2seq.tokenizer, TOKENS)
    theirs = EncoderDecoderModel.from_encoder_decoder_pretrained(
        str(tmp_path / "encoder"), str(tmp_path / "decoder")
    ).eval()
    given = seq2seq.tokenizer(TEXTS, padding=True, return_tensors="pt")
    mask = given["attention_mask"].bool()

    expected = theirs.generate(
        given["input_ids"],
        attention_mask=given["attention_mask"],
        decoder_start_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
        max_new_tokens=12,
        do_sample=False,
    )
    with torch.no_grad():
        hidden = seq2seq.model.encoder(given["input_ids"], mask).hidden
    found = generate_greedily(seq2seq.model.decoder, Source(hidden, mask), start=2, end=3, most=12)

    for row, ours in zip(expected[:, 1:].tolist(), found, strict=True):
        assert ours == (row[: row.index(3)] if 3 in row else row)


def test_a_batch_writes_what_each_text_would_alone(seq2seq: Seq2Seq) -> None:
    # Alone a text has less room, so only what both had room for is compared.
    for together, text in zip(seq2seq.generate(TEXTS), TEXTS, strict=True):
        alone = seq2seq.generate([text])[0]
        shorter = min(len(together), len(alone))
        assert together[:shorter] == alone[:shorter]
        assert shorter > 0


def test_loss_and_ranks_are_those_of_the_full_logits(seq2seq: Seq2Seq) -> None:
    pairs = seq2seq.encode(list(zip(TEXTS, reversed(TEXTS), strict=True)))

    losses, expected = [], []
    for pair in pairs:
        source, target = (torch.tensor([ids]) for ids in (pair.source_ids, pair.target_ids))
        with torch.no_grad():
            logits = seq2seq.model(source, source != 0, target[:, :-1]).logits[0]
        right = logits.gather(1, target[0, 1:, None])
        expected.append((logits > right).sum(dim=1).tolist())
        losses += (logits.logsumexp(dim=1) - right[:, 0]).tolist()

    assert seq2seq.ranks(pairs) == expected
    assert seq2seq.loss(pairs) == pytest.approx(sum(losses) / len(losses), abs=1e-4)


def test_a_frozen_copy_reads_nearly_alike_and_learns_nothing(seq2seq: Seq2Seq) -> None:
    copy = frozen_copy(seq2seq.model.encoder)
    pairs = seq2seq.encode([(text, text) for text in TEXTS])

    batch = next(iter(seq2seq.batches(pairs)))[1]
    with torch.no_grad():
        ours = replace(seq2seq, reader=copy).read(batch).hidden.float()
        exact = seq2seq.read(batch).hidden

    assert not any(weight.requires_grad for weight in copy.parameters())
    assert all(weight.requires_grad for weight in seq2seq.model.encoder.parameters())
    torch.testing.assert_close(
        ours[batch.source_mask], exact[batch.source_mask], atol=0.15, rtol=0.1
    )
