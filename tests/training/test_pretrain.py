"""The command from a file of texts to an encoder that a classifier starts from."""

import csv
from pathlib import Path

import pytest
from transformers import AutoModelForMaskedLM, AutoTokenizer

from training.checkpoints.classifier import initial_model
from training.checkpoints.masked_lm import load_masked_lm
from training.checkpoints.record import read_record
from training.pretrain import main
from training.runs.pretraining import train_word_pieces

# Each word is known by the one before it.
ENDINGS = {"dull": "story", "great": "film", "quiet": "room", "bright": "day"}
LINES = [f"it was a {word} {ending} {i}" for i in range(60) for word, ending in ENDINGS.items()]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("texts") / "some notes.txt"
    file.write_text("\n".join(LINES))
    return str(file)


def test_a_file_of_texts_becomes_an_encoder_that_guesses_and_a_classifier_starts_from(
    texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pretrained"
    sizes = ["--vocabulary", "300", "--hidden-size", "32", "--layers", "1", "--heads", "2"]
    flags = [
        "--texts-seen",
        "2400",
        "--batch-size",
        "32",
        "--max-tokens",
        "24",
        "--learning-rate",
        "1e-2",
    ]

    flags += ["--learning-rate", "1e-2", "--whole-words"]
    assert main(["--data", texts, "--out", str(out), *sizes, *flags]) == 0

    page = capsys.readouterr().out
    assert "1 layers × 2 heads, 32 wide" in page
    assert f"next: python training/train_classifier.py --init {out}" in page
    record = read_record(out)
    evaluations = record["metrics"]["evaluations"]
    assert evaluations[-1]["loss"] < 0.75 * evaluations[0]["loss"]
    assert evaluations[-1]["right"] > 0.4
    assert record["data"]["source"] == ["some notes.txt"]
    assert record["recipe"]["whole_words"] is True
    with (out / "curves" / "pretraining.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 75
    assert float(rows[-1]["validation_words_guessed"]) == evaluations[-1]["right"]
    theirs = AutoModelForMaskedLM.from_pretrained(out / "encoder")
    tokenizer = AutoTokenizer.from_pretrained(out / "encoder")
    assert theirs.config.vocab_size == len(tokenizer) == len(load_masked_lm(out).table)
    assert tokenizer.tokenize("It was DULL") == ["it", "was", "dull"]
    start = initial_model(str(out), labels=("bad", "good"), pooler=True)
    assert {name.partition(".")[0] for name in start.new} == {"head", "pooler"}


def test_the_same_texts_give_the_same_pieces_and_marks_first() -> None:
    first, again = (train_word_pieces(LINES, 300) for _ in range(2))

    assert first.get_vocab() == again.get_vocab()
    assert first.convert_ids_to_tokens(list(range(5))) == [
        *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    ]
    assert len(first) <= 300
    assert first("it was")["input_ids"][0] == first.cls_token_id
    assert first.tokenize("dullish")[0].startswith("d")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--vocabulary", "12"], "vocabulary is 12; expected 300 or more"),
        (["--masked-share", "1"], "masked_share is 1.0; expected 0 or more, below 1"),
        (["--hidden-size", "30"], "hidden_size 30 does not divide into 4 heads"),
        (["--data", ""], "a name behind --data is empty"),
        (["--data", "none.txt"], "none.txt is no file; expected texts, one a line"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(
    texts: str,
    flags: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"

    assert main(["--data", texts, "--out", str(out), *flags]) == 2

    assert sentence in capsys.readouterr().err
    assert not out.exists()
