"""The command as a person runs it, on a tiny encoder; the real recipe is the slow test."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification

from training.checkpoints.classifier import load_classifier, load_tokenizer
from training.checkpoints.record import read_record
from training.data.batches import encode_texts
from training.data.corpus import load_corpus
from training.evaluation.classification import measure, predict_logits
from training.recipes import Recipe
from training.train_classifier import build_parser, main

COMMAND = Path(__file__).parents[2] / "training" / "train_classifier.py"


@pytest.fixture(scope="module")
def init(tmp_path_factory: pytest.TempPathFactory, save_tiny) -> str:
    """A tiny encoder to start from."""
    folder = tmp_path_factory.mktemp("init")
    save_tiny(folder)
    return str(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three labels, told by one word, and a text that is too long, one that is there twice."""
    words = {"bad": "dull", "fair": "story", "good": "great"}
    letters = "abcdefghijkl"
    rows = [
        (f"the film is {words[label]} {letters[i % 12]}{letters[i // 12 % 12]}", label)
        for i, label in enumerate(list(words) * 48)
    ]
    rows += [(" ".join("abcdefghijklmnopqrstuvwxyzabcdef"), "good"), rows[0], rows[0]]
    path = tmp_path_factory.mktemp("data") / "film_notes.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return str(path)


def flags(init: str, data: str, out: Path, *more: str) -> list[str]:
    small = ["--epochs", "2", "--batch-size", "16", "--learning-rate", "3e-3", "--max-tokens", "30"]
    return ["--init", init, "--data", data, "--out", str(out), *small, *more]


@pytest.fixture(scope="module")
def checkpoint(init: str, data: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("checkpoints") / "notes"
    assert main(flags(init, data, out)) == 0
    return out


def test_the_checkpoint_opens_in_transformers_and_answers_alike(checkpoint: Path) -> None:
    theirs = BertForSequenceClassification.from_pretrained(checkpoint / "encoder").eval()
    ours, tokenizer = load_classifier(checkpoint), load_tokenizer(checkpoint)
    given = tokenizer(["the film is dull"], return_tensors="pt")

    with torch.no_grad():
        expected = theirs(**given).logits
        found = ours(given["input_ids"], given["attention_mask"].bool()).logits

    assert theirs.config.id2label == {0: "bad", 1: "fair", 2: "good"}
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_record_holds_what_the_saved_model_does_on_the_test_part(
    checkpoint: Path, data: str
) -> None:
    record = read_record(checkpoint)
    corpus = load_corpus(data)
    model, tokenizer = load_classifier(checkpoint), load_tokenizer(checkpoint)
    texts = encode_texts(corpus.test, tokenizer, max_tokens=30)
    answers = np.array([example.label for example in corpus.test])

    found = measure(predict_logits(model, texts), answers, temperature=record["temperature"])

    assert record["metrics"]["test"]["accuracy"] == found.accuracy
    assert record["metrics"]["test"]["loss"] == pytest.approx(found.loss, abs=1e-6)
    assert record["metrics"]["test"]["confusion"] == [list(row) for row in found.confusion]
    assert len(record["metrics"]["epochs"]) == 2
    assert record["data"]["fingerprint"] == corpus.fingerprint


def test_the_record_says_what_was_done(checkpoint: Path, init: str, data: str) -> None:
    record = read_record(checkpoint)

    assert record["task"] == "classify"
    assert record["title"] == "Film notes"
    assert record["labels"] == ["bad", "fair", "good"]
    init = Path(init).name
    assert record["command"].startswith(f"python training/train_classifier.py --init {init}")
    assert record["recipe"]["init"] == init
    assert record["recipe"]["learning_rate"] == 3e-3
    assert record["recipe"]["averaging"] == Recipe().ema_share  # the name that records have
    assert record["data"]["source"] == Path(data).name
    assert str(Path(data).parent) not in json.dumps(record), "nobody's path"
    assert record["examples"] == []
    assert record["data"]["lengths"]["cut"] == 1
    assert record["data"]["lengths"]["longest"] == 34
    assert sum(record["data"]["sizes"].values()) == 145
    assert record["data"]["removed"]["duplicates"] == 2
    assert record["rehearsal"] is False
    assert set(record["versions"]) >= {"python", "torch", "transformers"}


def test_the_same_seed_writes_the_same_weights(
    checkpoint: Path, init: str, data: str, tmp_path: Path
) -> None:
    assert main(flags(init, data, tmp_path / "again")) == 0

    weights = [
        (folder / "encoder" / "model.safetensors").read_bytes()
        for folder in (checkpoint, tmp_path / "again")
    ]
    assert weights[0] == weights[1]


def test_the_page_tells_what_goes_in_before_and_what_came_out_after(
    init: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags(init, data, tmp_path / "out", "--no-pooler", "--quick")) == 0

    page = capsys.readouterr().out
    before, _, after = page.partition("epoch 1/1")
    assert "few texts, cut at 30 tokens, and one epoch, whatever the flags say" in before
    assert "2 duplicates" in before
    assert "3: bad" in before
    assert "1 cut at 30" in before
    assert "unknown     none of the words" in before
    assert "the baseline tells them apart" not in before
    assert "TF-IDF + logistic regression" in after
    assert "points of accuracy" in after
    assert f"python export/to_onnx.py {tmp_path / 'out'}" in after
    assert not read_record(tmp_path / "out")["recipe"]["pooler"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--data", "none.csv"], "none.csv is no file"),
        (["--epochs", "0"], "epochs is 0; expected 1 or more"),
        (["--max-tokens", "31"], "max_tokens is 31, the encoder of .* takes at most 30"),
        (["--init", "{empty}"], "has no config.json"),
        (["--out", "{full}"], "holds other things and no training.json"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence_and_ends_with_code_2(
    init: str,
    data: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: list[str],
    sentence: str,
) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    full.mkdir()
    (full / "thesis.txt").write_text("years of work")
    changes = [change.format(empty=empty, full=full) for change in changes]

    code = main(flags(init, data, tmp_path / "out", *changes))

    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("train_classifier.py: ")
    assert said.count("\n") == 1
    assert re.search(sentence, said)
    assert (full / "thesis.txt").is_file()
    assert not (tmp_path / "out").exists()


def test_every_flag_has_help_and_there_are_about_ten() -> None:
    parser = build_parser()
    actions = [action for action in parser._actions if action.dest != "help"]
    groups = {g.title: g._group_actions for g in parser._action_groups}
    run, lessons = groups["how it is run"], groups["what else it learns from"]

    assert all(action.help for action in actions)
    own = [action for action in actions if action not in run + lessons]
    assert len([a for a in own if not a.dest.endswith(("_column", "_duplicates"))]) <= 10
    assert len(run) <= 6


@pytest.mark.slow
def test_the_default_recipe_reaches_its_goal(tmp_path: Path) -> None:
    accuracies, gains = [], []
    for seed in range(3):
        out = tmp_path / f"seed-{seed}"
        command = [sys.executable, str(COMMAND), "--out", str(out), "--seed", str(seed)]
        subprocess.run(command, check=True)
        metrics = json.loads((out / "training.json").read_text())["metrics"]
        accuracies.append(metrics["test"]["accuracy"])
        gains.append(accuracies[-1] - metrics["baseline"]["test"]["accuracy"])

    assert np.mean(accuracies) >= 0.83
    assert np.mean(gains) >= 0.05
