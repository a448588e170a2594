"""Labelled texts that are learned beside the data."""

import json
from pathlib import Path

import pytest

from training.checkpoints.record import read_record
from training.data.also import load_also
from training.data.corpus import load_corpus
from training.evaluation.baseline import run_baseline
from training.readers.rows import Reading
from training.train_classifier import main

LETTERS = "abcdefghijkl"


def write(path: Path, words: dict[str, str], *, texts: int = 96, more: str = "") -> str:
    rows = [
        f"it is {words[label]} {LETTERS[i % 12]} {LETTERS[i // 12 % 12]},{label}\n"
        for i, label in enumerate(list(words) * (texts // len(words)))
    ]
    path.write_text("text,label\n" + "".join(rows) + more)
    return str(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("data") / "notes.csv", {"bad": "dull", "good": "great"})


def test_its_train_part_is_taken_without_what_the_data_has(data: str, tmp_path: Path) -> None:
    corpus = load_corpus(data)
    known = "".join(
        f"{part[0].text.upper()}!,{corpus.labels[part[0].label]}\n"
        for part in corpus.parts.values()
    )
    other = write(tmp_path / "more.csv", {"good": "lovely", "bad": "tired"}, more=known)
    parts = load_corpus(other).parts

    found = load_also([other], corpus)

    assert len(found.texts) + found.held_back == len(parts["train"])
    assert found.held_back > 0
    assert all(one.label == ("lovely" in one.text) for one in found.texts)
    assert not {one.text for one in found.texts} & {one.text for one in parts["test"]}


def test_other_labels_are_refused_in_words(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(tmp_path / "more.csv", {"cold": "dull", "warm": "great"})

    assert main(["--data", data, "--also", other, "--out", str(tmp_path / "out")]) == 2

    said = capsys.readouterr().err
    assert "'cold', 'warm'; expected what notes.csv has: single label classification" in said
    assert "with the labels 'bad', 'good'" in said


def test_a_run_with_a_teacher_learns_them_by_their_labels_and_asks_it_nothing(
    data: str, save_tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("teacher", "init"):
        save_tiny(tmp_path / name)
    other = write(tmp_path / "more.csv", {"bad": "tired", "good": "lovely"}, texts=48)
    corpus = load_corpus(data)
    also = load_also([other], corpus)
    flags = ["--data", data, "--also", other, "--init", str(tmp_path / "init"), "--epochs", "1"]
    flags += ["--teacher", str(tmp_path / "teacher"), "--max-tokens", "24"]

    assert main([*flags, "--out", str(tmp_path / "out")]) == 0

    record = read_record(tmp_path / "out")
    assert record["also"] == also.record()
    assert record["data"]["sizes"]["train"] == len(corpus.train)
    (kept,) = tmp_path.glob("answers-*")
    assert len(kept.read_text().splitlines()) == 1 + len(corpus.train)
    assert all(json.loads(line) for line in kept.read_text().splitlines())
    assert f"{len(also.texts)} labelled texts of more.csv" in capsys.readouterr().out
    both = (*corpus.train, *also.texts)
    baseline = run_baseline(both, corpus.validation, corpus.test, corpus.problem_type)
    measured = record["metrics"]["baseline"]["test"]["loss"]
    assert measured == pytest.approx(baseline.test.loss), "it has learned from them as well"


def test_columns_are_called_as_in_the_data_or_as_we_call_them(data: str, tmp_path: Path) -> None:
    named = tmp_path / "named.csv"
    named.write_text(Path(data).read_text().replace("text,label", "Review,Verdict"))
    other = write(tmp_path / "usual.csv", {"good": "lovely", "bad": "tired"})
    alike = tmp_path / "alike.csv"
    alike.write_text(Path(other).read_text().replace("text,label", "review,verdict"))
    reading = Reading(columns={"text": "Review", "label": "Verdict"})
    corpus = load_corpus(str(named), reading)

    assert load_also([str(alike)], corpus).texts == load_also([other], corpus).texts
    alike.write_text("what,verdict\na,good\n")
    with pytest.raises(ValueError, match=r"alike\.csv:1: no column Review \(found: what, verdict"):
        load_also([str(alike)], corpus)


def test_where_several_labels_may_hold_texts_of_one_each_are_taken(tmp_path: Path) -> None:
    of = (["bad"], ["good"], ["bad", "good"], [])

    def table(name: str, kinds: int) -> str:
        lines = [
            json.dumps({"text": f"{name} {a} {b}", "labels": of[i % kinds]})
            for i, (a, b) in enumerate((a, b) for a in LETTERS for b in LETTERS)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        return str(tmp_path / f"{name}.jsonl")

    found = load_also([table("more", 2)], load_corpus(table("data", 4)))

    assert {one.label for one in found.texts} == {(1.0, 0.0), (0.0, 1.0)}
