"""A teacher's answers: on which texts, kept how, and what is learned from them."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from training.checkpoints.record import read_record
from training.data import unlabelled as unlabelled_module
from training.data.batches import NO_LABEL
from training.data.corpus import load_corpus
from training.data.hybrid_texts import split_sentences
from training.data.splits import normal_form
from training.data.unlabelled import load_unlabelled
from training.fit.losses import teacher_losses
from training.recipes import Recipe
from training.train_classifier import main

LETTERS = "abcdefghijkl"
# Eight texts between two writes, and time to be killed between any two of them.
SLOWLY = """
import sys, time
from training import train_classifier
from training.runs import teacher
teacher._AT_ONCE, answer = 8, teacher.predict_logits
teacher.predict_logits = lambda *given: (time.sleep(0.05), answer(*given))[1]
sys.exit(train_classifier.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    words = {"bad": "dull", "good": "great"}
    rows = [
        f"the film is {words[label]} {LETTERS[i % 12]} {LETTERS[i // 12 % 12]},{label}\n"
        for i, label in enumerate(list(words) * 72)
    ]
    path = tmp_path_factory.mktemp("data") / "notes.csv"
    path.write_text("text,label\n" + "".join(rows))
    return str(path)


@pytest.fixture(scope="module")
def texts(data: str) -> str:
    """Forty texts of their own, and near-duplicates of three that the corpus has."""
    corpus = load_corpus(data)
    known = [corpus.train[0], corpus.validation[0], corpus.test[0]]
    lines = [f"it was great {a} {b}" for a in LETTERS[:8] for b in LETTERS[:5]]
    lines += [f"{example.text.upper()}!" for example in known]
    path = Path(data).with_name("more.txt")
    path.write_text("\n".join([*lines, lines[0], ""]))
    return str(path)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, save_tiny) -> dict[str, str]:
    """A teacher, whose labels stand in another order than the data's, and what starts."""
    place = tmp_path_factory.mktemp("models")
    save_tiny(place / "teacher", labels=("good", "bad"), initializer_range=0.5)
    save_tiny(place / "init")
    return {name: str(place / name) for name in ("teacher", "init")}


@pytest.fixture(scope="module")
def flags(folders: dict[str, str], data: str, texts: str) -> list[str]:
    small = ["--batch-size", "16", "--max-tokens", "24", "--epochs", "1", "--precision", "float32"]
    given = ["--init", folders["init"], "--data", data, *small]
    return [*given, "--teacher", folders["teacher"], "--unlabelled", texts]


@pytest.fixture(scope="module")
def taught(flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that had a teacher, and its answers."""
    place = tmp_path_factory.mktemp("checkpoints")
    assert main([*flags, "--out", str(place / "taught")]) == 0
    return place


def answers(folder: Path) -> tuple[dict, dict[str, list[float]]]:
    (path,) = folder.glob("answers-teacher-*.jsonl")
    head, *lines = map(json.loads, path.read_text().splitlines())
    keys = [key for key, *_ in lines]
    assert len(keys) == len(set(keys)), "a text was answered twice"
    return head, {key: logits for key, *logits in lines}


def test_a_run_with_a_teacher_answers_each_text_once_and_says_so(
    taught: Path, flags: list[str], data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (head, found), size = answers(taught), len(load_corpus(data).train)
    record = read_record(taught / "taught")
    assert head["labels"] == ["bad", "good"]
    assert len(found) == size + 40
    assert record["teacher"]["texts"] == 40
    assert record["teacher"]["held_back"] == 2
    assert record["teacher"]["unlabelled"] == ["more.txt"]
    assert (record["recipe"]["teacher_temperature"], record["recipe"]["label_weight"]) == (2, 0.3)
    assert "more.txt; their licence" in record["licence"]

    # Another seed, and fewer texts: nothing is asked again.
    assert main([*flags, "--unlabelled", "none", "--out", str(taught / "other")]) == 0

    page = capsys.readouterr().out
    assert "unlabelled  0 texts of nothing; 0 were left out" in page
    assert "; 0 texts answered now; kept in answers-teacher-" in page
    assert main([*flags, "--most-unlabelled", "7", "--out", str(taught / "few")]) == 0
    assert read_record(taught / "few")["teacher"]["texts"] == 7
    assert answers(taught) == (head, found)


def test_answers_go_on_after_a_kill_without_repeating_or_losing_a_text(
    taught: Path, flags: list[str], start_command: Callable, tmp_path: Path
) -> None:
    command = [*flags, "--out", str(tmp_path / "out")]
    script = tmp_path / "slowly.py"
    script.write_text(SLOWLY)
    running = start_command(script, command).process
    while not any(path.read_bytes().count(b"\n") > 9 for path in tmp_path.glob("answers-*")):
        assert running.is_alive()
        time.sleep(0.001)
    running.kill()
    running.join()
    (path,) = tmp_path.glob("answers-*")
    before = path.read_bytes()
    path.write_bytes(before + b'["half of a li')

    assert main(command) == 0

    assert path.read_bytes().startswith(before)
    (head, first), (other_head, resumed) = answers(taught), answers(tmp_path)
    assert before.count(b"\n") < len(first), "it was done before it was killed"
    assert head == other_head
    assert resumed.keys() == first.keys()
    np.testing.assert_allclose(list(resumed.values()), [first[key] for key in resumed], atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--teacher", "{other}"], "labels 'cold', 'warm'; expected what notes.csv has"),
        (["--teacher", "none/there/is"], "none/there/is is no folder here"),
        (["--unlabelled", "none.txt"], "none.txt is no file; expected texts, one a line"),
        (["--most-unlabelled", "0"], "--most-unlabelled is 0; expected 1 or more"),
        ([], "does not hold answers of this teacher"),
    ],
)
def test_a_teacher_that_cannot_be_used_is_said_in_one_sentence(
    taught: Path,
    flags: list[str],
    save_tiny,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    changes: list[str],
    sentence: str,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    save_tiny(tmp_path / "other", labels=("cold", "warm"))
    (kept,) = taught.glob("answers-*")
    (tmp_path / kept.name).write_text(kept.read_text() + "[1, 2]\n")
    changes = [change.format(other=tmp_path / "other") for change in changes]

    assert main([*flags, *changes, "--out", str(tmp_path / "out")]) == 2

    said = capsys.readouterr().err
    assert sentence in said
    assert said.strip().count("\n") == 0


def test_texts_without_a_teacher_are_refused(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = flags.index("--teacher")
    alone = [*flags[:at], "--out", str(tmp_path / "out")]
    for flag, given in ("--unlabelled", "more.txt"), ("--most-unlabelled", "7"):
        assert main([*alone, flag, given]) == 2

        assert f"{flag} needs a --teacher" in capsys.readouterr().err


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small corpora in place of the packaged ones; the second has two sentences a text."""
    words = {"bad": "dull", "good": "great"}
    rows = [
        f"The film is {words[label]} {LETTERS[i % 12]} {LETTERS[i // 12 % 12]}"
        for i, label in enumerate(list(words) * 72)
    ]
    for name, form in (("rotten-tomatoes", "{0}"), ("imdb", "{1}! {0} and it was so. Bad")):
        path = tmp_path / f"{name}.csv"
        lines = [
            f"{form.format(row, other)},{label}\n"
            for row, other, label in zip(rows, rows[::-1], list(words) * 72, strict=True)
        ]
        path.write_text("text,label\n" + "".join(lines))
    monkeypatch.setattr(
        unlabelled_module, "load_corpus", lambda name: load_corpus(str(tmp_path / f"{name}.csv"))
    )


def test_a_sentence_that_is_held_out_anywhere_is_left_out(packaged: None, data: str) -> None:
    corpora = [unlabelled_module.load_corpus(name) for name in ("rotten-tomatoes", "imdb")]

    found = load_unlabelled(["sentences"], load_corpus(data))

    held = {
        normal_form(sentence)
        for corpus in corpora
        for example in (*corpus.validation, *corpus.test)
        for sentence in (example.text, *split_sentences(example.text))
    }
    texts = {example.text for example in found.texts}
    assert any(text.endswith(" and it was so.") for text in texts)
    assert not held & set(map(normal_form, texts))
    assert "Bad" not in texts, "too short"
    assert found.held_back > 20
    reviews = load_unlabelled(["reviews"], load_corpus(data)).texts
    assert {one.text for one in reviews} == {one.text for one in corpora[1].train}


@pytest.mark.slow
def test_the_packaged_sentences_have_nothing_of_any_validation_or_test_part() -> None:
    corpus = load_corpus("rotten-tomatoes")
    found = load_unlabelled(None, corpus)

    held = {
        normal_form(example.text)
        for part in (corpus, load_corpus("imdb"))
        for example in (*part.validation, *part.test)
    }
    forms = [normal_form(example.text) for example in found.texts]
    assert found.sources == ("sentences",)
    assert len(set(forms)) == len(forms) > 100_000
    assert not held & set(forms)
    assert not {normal_form(example.text) for example in corpus.train} & set(forms)
    assert found.held_back > 0
    assert len(found.licences) == 2
    assert all(example.label == NO_LABEL for example in found.texts[:1000])


def test_the_loss_is_that_of_hinton_and_a_text_without_label_has_the_teachers_part_alone() -> None:
    logits, answers = (
        torch.tensor([[2.0, -1.0], [0.5, 0.0]]),
        torch.tensor([[1.0, 0.0], [3.0, 1.0]]),
    )
    recipe = Recipe(label_smoothing=0.1, teacher_temperature=2.0, teacher_weight=0.7)

    found = teacher_losses(logits, answers, torch.tensor([1, NO_LABEL]), recipe)

    soft, wanted = (logits / 2).softmax(1), (answers / 2).softmax(1)
    apart = 4 * (wanted * (wanted.log() - soft.log())).sum(1)
    wrong = cross_entropy(logits[:1], torch.tensor([1]), label_smoothing=0.1)
    expected = torch.stack([0.7 * apart[0] + 0.3 * wrong, 0.7 * apart[1]])
    torch.testing.assert_close(found, expected)
    answers[0] = math.nan
    not_asked = teacher_losses(logits, answers, torch.tensor([1, NO_LABEL]), recipe)
    torch.testing.assert_close(not_asked, torch.stack([wrong, expected[1]]))
    answers = logits
    torch.testing.assert_close(
        teacher_losses(answers, answers, torch.tensor([NO_LABEL] * 2), replace(recipe, seed=1)),
        torch.zeros(2),
    )
