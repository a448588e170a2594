"""Writing, scoring and ranking with a tiny hybrid; the oracle is transformers' `generate`."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import EncoderDecoderModel

from training.checkpoints.classifier import save_classifier
from training.checkpoints.hybrid import TextTokens, save_decoder
from training.hybrid import seq2seq as greedy_module
from training.hybrid import seq2seq as rewriter_module
from training.hybrid.seq2seq import Rewriter, frozen_copy, write_greedily
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, DecoderConfig, EncoderConfig
from training.model.decoder import Source
from training.model.hybrid import BERTGPTModel

TOKENS = TextTokens(start=2, end=3, pad=0)
TEXTS = ["a dull film", "the story is great and bright", "it was not bad", "great !", "a"]


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (greedy_module, rewriter_module):
        monkeypatch.setattr(module, "autocast", lambda device: torch.autocast("cpu", enabled=False))


@pytest.fixture(scope="module")
def rewriter(tokenizer) -> Rewriter:
    torch.manual_seed(0)
    size = {"vocab_size": len(tokenizer), "hidden_size": 24, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 3, "intermediate_size": 40, "max_position_embeddings": 32}
    model = BERTGPTModel(
        EncoderConfig(**size, initializer_range=0.3), DecoderConfig(**size, initializer_range=0.3)
    ).eval()
    return Rewriter(model, model.encoder, tokenizer, TOKENS, max_tokens=32)


def test_greedy_texts_are_those_of_transformers_generate(
    rewriter: Rewriter, tmp_path: Path
) -> None:
    classifier = BERTClassifier(
        ClassifierConfig(encoder=rewriter.model.encoder.config, labels=("a", "b"))
    )
    classifier.encoder.load_state_dict(rewriter.model.encoder.state_dict())
    for part in ("encoder", "decoder"):
        (tmp_path / part).mkdir()
    save_classifier(tmp_path / "encoder", classifier, rewriter.tokenizer)
    save_decoder(tmp_path / "decoder", rewriter.model.decoder, rewriter.tokenizer, TOKENS)
    theirs = EncoderDecoderModel.from_encoder_decoder_pretrained(
        str(tmp_path / "encoder"), str(tmp_path / "decoder")
    ).eval()
    given = rewriter.tokenizer(TEXTS, padding=True, return_tensors="pt")
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
        hidden = rewriter.model.encoder(given["input_ids"], mask).hidden
    found = write_greedily(rewriter.model.decoder, Source(hidden, mask), start=2, end=3, most=12)

    for row, ours in zip(expected[:, 1:].tolist(), found, strict=True):
        assert ours == (row[: row.index(3)] if 3 in row else row)


def test_a_batch_writes_what_each_text_would_alone(rewriter: Rewriter) -> None:
    # Alone a text has less room, so only what both had room for is compared.
    for together, text in zip(rewriter.write(TEXTS), TEXTS, strict=True):
        alone = rewriter.write([text])[0]
        shorter = min(len(together), len(alone))
        assert together[:shorter] == alone[:shorter]
        assert shorter > 0


def test_loss_and_ranks_are_those_of_the_full_logits(rewriter: Rewriter) -> None:
    pairs = rewriter.encode(list(zip(TEXTS, reversed(TEXTS), strict=True)))

    losses, expected = [], []
    for pair in pairs:
        source, target = (torch.tensor([ids]) for ids in (pair.source_ids, pair.target_ids))
        with torch.no_grad():
            logits = rewriter.model(source, source != 0, target[:, :-1]).decoded.logits[0]
        right = logits.gather(1, target[0, 1:, None])
        expected.append((logits > right).sum(dim=1).tolist())
        losses += (logits.logsumexp(dim=1) - right[:, 0]).tolist()

    assert rewriter.ranks(pairs) == expected
    assert rewriter.loss(pairs) == pytest.approx(sum(losses) / len(losses), abs=1e-4)


def test_a_frozen_copy_reads_nearly_alike_and_learns_nothing(rewriter: Rewriter) -> None:
    copy = frozen_copy(rewriter.model.encoder)
    pairs = rewriter.encode([(text, text) for text in TEXTS])

    batch = next(iter(rewriter.batches(pairs)))[1]
    with torch.no_grad():
        ours = replace(rewriter, reader=copy).read(batch).hidden.float()
        exact = rewriter.read(batch).hidden

    assert not any(weight.requires_grad for weight in copy.parameters())
    assert all(weight.requires_grad for weight in rewriter.model.encoder.parameters())
    torch.testing.assert_close(
        ours[batch.source_mask], exact[batch.source_mask], atol=0.15, rtol=0.1
    )
