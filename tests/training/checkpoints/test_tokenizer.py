"""A tokenizer is opened whole, or refused in words: never one that knows no words."""

import json
import shutil
from pathlib import Path

import pytest

from training.checkpoints.classifier import load_tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What tells `transformers` that a RoBERTa lies here."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "roberta"}))
    return tmp_path


def split(byte_level_file: Path, folder: Path) -> None:
    """The vocabulary of a `tokenizer.json` in two files, as it was saved before there was one."""
    model = json.loads(byte_level_file.read_text("utf-8"))["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("\n".join(" ".join(pair) for pair in model["merges"]))


def test_vocabulary_and_merges_become_one_tokenizer(
    folder: Path, byte_level_file: Path, tmp_path: Path
) -> None:
    split(byte_level_file, folder)
    whole = tmp_path / "whole"
    whole.mkdir()
    shutil.copy(byte_level_file, whole)
    shutil.copy(folder / "config.json", whole)

    parts = load_tokenizer(folder)
    parts.save_pretrained(tmp_path / "again")

    text = ("The film 😍!", "not bad")
    assert len(parts(*text)["input_ids"]) > 8
    for name in ("whole", "again"):
        assert load_tokenizer(tmp_path / name)(*text)["input_ids"] == parts(*text)["input_ids"]
    assert (tmp_path / "again" / "tokenizer.json").is_file()


def test_the_vocabulary_of_another_kind_of_tokenizer_is_refused(folder: Path) -> None:
    """transformers would make a tokenizer of it that knows no words, without a word."""
    (folder / "vocab.txt").write_text("[PAD]\nfilm\n")

    missing = r"no tokenizer\.json, and no vocab\.json and no merges\.txt, of which a Roberta"
    with pytest.raises(FileNotFoundError, match=missing):
        load_tokenizer(folder)


def test_half_of_a_tokenizer_is_refused(folder: Path, byte_level_file: Path) -> None:
    split(byte_level_file, folder)
    (folder / "merges.txt").unlink()

    with pytest.raises(ValueError, match=r"found: config\.json, vocab\.json\).*`merges`.*Save it"):
        load_tokenizer(folder)


def test_a_tokenizer_that_transformers_cannot_convert_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "xlm-roberta"}))
    (folder / "sentencepiece.bpe.model").write_bytes(b"no model")

    with pytest.raises(ValueError, match=r"A \*\.model needs: pip install sentencepiece\. Save it"):
        load_tokenizer(folder)


def test_a_tokenizer_without_a_fast_form_is_refused(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertweetTokenizer"}')
    (folder / "vocab.txt").write_text("film 3\nbad 2\n")
    (folder / "bpe.codes").write_text("f i 3\n")

    with pytest.raises(ValueError, match=r"is a BertweetTokenizer, which has no tokenizer\.json"):
        load_tokenizer(folder)


def whole(folder: Path, byte_level_file: Path, **changes: object) -> dict:
    content = json.loads(byte_level_file.read_text("utf-8")) | changes
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return content


def test_a_tokenizer_of_another_model_is_refused(folder: Path, byte_level_file: Path) -> None:
    """By its ids, and not by how many there are: a list may have gaps."""
    content = whole(folder, byte_level_file)
    highest = max(content["model"]["vocab"].values())
    assert len(load_tokenizer(folder, words=highest + 1)) == highest + 1
    content["added_tokens"].append({**content["added_tokens"][0], "content": "<x>", "id": 5000})
    content["model"]["vocab"]["<x>"] = 5000
    whole(folder, byte_level_file, **content)

    with pytest.raises(ValueError, match="up to the id 5000, its model knows those below 1000"):
        load_tokenizer(folder, words=1000)


def test_a_file_far_too_large_for_the_words_is_not_read(
    folder: Path, byte_level_file: Path
) -> None:
    whole(folder, byte_level_file, normalizer={"type": "Prepend", "prepend": "x" * 5_000_000})

    with pytest.raises(ValueError, match=r"has 5 MB, its model 330 words; .* 4 MB at most"):
        load_tokenizer(folder, words=330)


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", ["[" * 100_000, "", "[]", '{"model": {"type": "Nope"}}'])
def test_files_that_cannot_be_read_are_refused_in_a_sentence(
    folder: Path, byte_level_file: Path, file: str, content: str
) -> None:
    whole(folder, byte_level_file)
    (folder / file).write_text(content)
    if file == "tokenizer_config.json" and content.startswith("{"):
        content = json.dumps({"model_max_length": "many"})
        (folder / file).write_text(content)

    with pytest.raises(ValueError, match=r"cannot open the tokenizer in|says model_max_length"):
        load_tokenizer(folder)
