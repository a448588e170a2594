"""Characters that a tokenizer cannot read, from the texts to the page's own tokenizer."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import torch

from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from export.to_onnx import main as export
from training.checkpoints.classifier import load_classifier, load_tokenizer
from training.checkpoints.record import read_record
from training.runs.new_tokens import add_tokens, characters_to_add
from training.train_classifier import main


def test_a_character_that_makes_words_unknown_is_found_if_it_is_frequent(tokenizer) -> None:
    texts = ["great😍", "great 😍 é", "😍!", "dull ☂", "☂ ☂ and 中", "the film"]

    assert characters_to_add(texts, tokenizer) == ["😍", "☂"]


def test_a_new_vector_is_the_mean_of_the_words_in_its_name(save_tiny, tmp_path: Path) -> None:
    save_tiny(tmp_path)
    model, tokenizer = load_classifier(tmp_path), load_tokenizer(tmp_path)
    before = model.encoder.embeddings.word.weight.detach().clone()

    add_tokens(model, tokenizer, ["☂"])

    name = tokenizer("umbrella", add_special_tokens=False).input_ids
    ids = tokenizer("great☂", add_special_tokens=False).input_ids
    after = model.encoder.embeddings.word.weight
    assert tokenizer.convert_ids_to_tokens(ids) == ["great", "☂"]
    assert model.config.encoder.vocab_size == len(tokenizer) == len(before) + 1
    assert torch.equal(after[:-1], before)
    torch.testing.assert_close(after[-1], before[name].mean(dim=0))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, save_tiny) -> Path:
    """What only an emoji tells."""
    folder = tmp_path_factory.mktemp("emoji")
    save_tiny(folder / "init")
    letters = "abcdefghijkl"
    rows = [f"the film{'😍😡'[i % 2]} {letters[i % 12]} {letters[i // 12]}" for i in range(144)]
    lines = "".join(f"{text},{'good' if '😍' in text else 'bad'}\n" for text in rows)
    (folder / "t.csv").write_text(f"text,label\n{lines}", encoding="utf-8")
    flags = ["--data", str(folder / "t.csv"), "--init", str(folder / "init"), "--epochs", "6"]
    flags += ["--batch-size", "8", "--max-tokens", "30", "--learning-rate", "5e-3"]
    said = io.StringIO()
    with redirect_stdout(said):
        assert main([*flags, "--quick", "--out", str(folder / "unread")]) == 0
        unread = said.getvalue()
        assert main([*flags, "--add-tokens", "auto", "--out", str(folder / "out")]) == 0
    assert "the baseline tells them apart; --add-tokens auto" in unread
    assert "2 characters to the vocabulary" in said.getvalue()
    return folder / "out"


@pytest.mark.slow  # two trainings and an export
def test_a_model_learns_them_and_the_page_reads_them_alike(trained: Path, tmp_path: Path) -> None:
    record = read_record(trained)

    assert export([str(trained), "--out", str(tmp_path / "bundle")]) == 0

    text = "the film😍 a"
    tokenizer, model = load_tokenizer(trained), EncoderModel(open_bundle(tmp_path / "bundle"))
    assert sorted(record["data"]["added_tokens"]) == ["😍", "😡"]
    assert record["metrics"]["test"]["accuracy"] > 0.9
    assert list(model.encode(text).ids) == tokenizer(text).input_ids
    assert tokenizer.unk_token_id not in tokenizer(text).input_ids
    assert model.read(text).logits.argmax() == 1
