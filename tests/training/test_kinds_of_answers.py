"""Several labels at once, and numbers: from a table to a checkpoint, by the command itself."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import BertForSequenceClassification

from training.benchmark import result_row
from training.checkpoints.classifier import load_classifier
from training.checkpoints.record import read_record
from training.data.corpus import Example, load_corpus
from training.evaluation.baseline import run_baseline
from training.evaluation.problems import fit_temperature_of, judge
from training.fit.losses import answer_loss
from training.model.config import NUMBER, SEVERAL_LABELS
from training.readers.rows import Reading
from training.recipes import Recipe
from training.runs.classifier import rehearsal
from training.train_classifier import main

LETTERS = "abcdefghijkl"
LABELS = {"great": ["good"], "dull": ["bad"], "bright": ["bad", "good"], "story": []}
TEXTS = [
    (f"the film is {word} {a} {b}", labels)
    for a, b, (word, labels) in product(LETTERS[:6], LETTERS[:6], LABELS.items())
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Labels as a list in JSON and parted by bars in a CSV, and scores."""
    folder = tmp_path_factory.mktemp("tables")
    lines = [json.dumps({"text": text, "labels": labels}) for text, labels in TEXTS]
    (folder / "lists.jsonl").write_text("\n".join(lines))
    rows = "".join(f"{text},{'|'.join(labels)}\n" for text, labels in TEXTS)
    (folder / "bars.csv").write_text(f"text,labels\n{rows}")
    scores = "".join(
        f"{text},{100 + 10 * ('good' in labels) - 10 * ('bad' in labels)}\n"
        for text, labels in TEXTS
    )
    (folder / "scores.csv").write_text(f"text,score\n{scores}")
    return {path.stem: str(path) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def init(tmp_path_factory: pytest.TempPathFactory, save_tiny) -> str:
    folder = tmp_path_factory.mktemp("init")
    save_tiny(folder)
    return str(folder)


def trained(data: str, init: str, out: Path) -> dict:
    small = ["--batch-size", "8", "--learning-rate", "1e-2", "--max-tokens", "30", "--epochs", "8"]
    flags = ["--precision", "float32", "--data", data, "--init", init, "--out", str(out)]
    assert main([*flags, *small]) == 0
    return read_record(out)


def test_several_labels_at_once_are_learned(
    tables: dict[str, str], init: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = trained(tables["lists"], init, tmp_path / "out")

    page = capsys.readouterr().out
    config = json.loads((tmp_path / "out/encoder/config.json").read_text())
    theirs = BertForSequenceClassification.from_pretrained(tmp_path / "out/encoder")
    assert config["problem_type"] == record["problem_type"] == SEVERAL_LABELS
    assert theirs.config.id2label == {0: "bad", 1: "good"}
    assert "2, several at once: bad " in page
    assert "micro-F1" in page.partition("\ntest ")[2]
    test, baseline = record["metrics"]["test"], record["metrics"]["baseline"]["test"]
    assert test["micro_f1"] > 0.8
    assert baseline["micro_f1"] > 0.9
    assert record["temperature"] != 1
    assert len(record["metrics"]["epochs"]) == 8


def test_numbers_are_learned_in_their_own_unit(
    tables: dict[str, str], init: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = trained(tables["scores"], init, tmp_path / "out")

    page = capsys.readouterr().out
    model = load_classifier(tmp_path / "out")
    test = record["metrics"]["test"]
    assert (model.config.problem_type, model.config.labels) == (NUMBER, ("score",))
    assert "a number, 90 to 110, " in page
    assert "rank correlation" in page.partition("\ntest ")[2]
    assert test["pearson"] > 0.7
    assert test["error"] < 7  # giving the mean
    assert record["metrics"]["baseline"]["test"]["pearson"] > 0.9
    assert record["temperature"] == 1


def test_a_csvs_labels_are_parted_as_those_of_a_json_list(tables: dict[str, str]) -> None:
    listed, parted = load_corpus(tables["lists"]), load_corpus(tables["bars"])

    assert listed.train == parted.train
    assert listed.fingerprint == parted.fingerprint
    assert {example.label for example in listed.train} == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize(
    ("columns", "rows", "reading", "problem", "labels"),
    [
        ("text,labels", ["a", "b"], {}, "single_label", ("a", "b")),
        ("text,label", ["1", "2"], {}, "single_label", ("1", "2")),
        ("text,label", ["0.5", "2"], {}, "regression", ("score",)),
        ("text,label", ["0.5", "good"], {}, "single_label", ("0.5", "good")),
        ("text,label,score", ["a,1", "b,2"], {}, "single_label", ("a", "b")),
        ("text,label,score", ["a,1", "b,2"], {"score": "score"}, "regression", ("score",)),
        ("text,tags", ["a;b", "b;c"], {"labels": "tags"}, "multi_label", ("a", "b", "c")),
        ("text,labels", ['"a, b"', "c"], {"label": "labels"}, "single_label", ("a, b", "c")),
    ],
)
def test_the_columns_and_all_their_values_decide_what_is_asked(
    tmp_path: Path,
    columns: str,
    rows: list[str],
    reading: dict[str, str],
    problem: str,
    labels: tuple[str, ...],
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{columns}\n" + "".join(f"text {i},{rows[i % 2]}\n" for i in range(100)))

    corpus = load_corpus(str(path), Reading(columns=reading))

    assert corpus.problem_type.removesuffix("_classification") == problem
    assert corpus.labels == labels


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            '{"text": "a", "score": "3,5"}',
            r"t.jsonl:1: no score \(found '3,5'\); expected a number",
        ),
        ('{"text": "a", "labels": 0.5}', r"t.jsonl:1: no labels \(found 0.5\); expected a list"),
        ('{"text": "a", "labels": ["x", 0.5]}', r"t.jsonl:1: no label \(found 0.5\)"),
    ],
)
def test_answers_that_are_none_are_named(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(line)

    with pytest.raises(ValueError, match=sentence):
        load_corpus(str(path))


def test_metrics_of_several_labels_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    answers = (rng.random((300, 4)) < 0.3).astype(float)
    logits = rng.normal(size=(300, 4)) * 4 + 4 * (answers - 0.5)

    found = judge(SEVERAL_LABELS, logits, answers)

    holds, shares = logits >= 0, 1 / (1 + np.exp(-logits))
    assert found.accuracy == accuracy_score(answers, holds)
    assert found.micro_f1 == pytest.approx(f1_score(answers, holds, average="micro"))
    assert found.macro_f1 == pytest.approx(f1_score(answers, holds, average="macro"))
    assert found.loss == pytest.approx(log_loss(answers.ravel(), shares.ravel()))
    hot = fit_temperature_of(SEVERAL_LABELS, logits, answers)
    losses = [
        judge(SEVERAL_LABELS, logits, answers, temperature=hot * x).loss for x in (0.9, 1, 1.1)
    ]
    assert losses[1] == min(losses)


def test_metrics_of_numbers_and_the_losses_are_their_formulas() -> None:
    rng = np.random.default_rng(0)
    right = rng.normal(size=(50, 1))
    found = judge(NUMBER, right + 0.5, right)
    logits, answers = torch.randn(6, 3), torch.randint(0, 2, (6, 3)).float()

    several = answer_loss(logits, answers, SEVERAL_LABELS, label_smoothing=0.1)

    assert found.error == pytest.approx(0.5) == found.absolute_error
    assert found.pearson == pytest.approx(pearsonr(right[:, 0] + 0.5, right[:, 0]).statistic)
    assert judge(NUMBER, 0 * right, right).pearson == 0
    expected = binary_cross_entropy_with_logits(logits, 0.9 * answers + 0.05)
    torch.testing.assert_close(several, expected)
    assert answer_loss(logits, logits + 2, NUMBER).item() == pytest.approx(4)


def test_a_label_that_always_holds_ends_no_baseline() -> None:
    examples = [Example(f"text {i} {'ab'[i % 2]}", (1.0, float(i % 2))) for i in range(40)]
    assert run_baseline(examples, examples, examples, SEVERAL_LABELS).test.accuracy == 1


def test_a_benchmark_of_numbers_has_its_own_columns() -> None:
    found = {"pearson": 0.5, "spearman": 0.4, "absolute_error": 2.0}
    metrics = {"test": found, "validation": found, "baseline": {"test": {"pearson": 0.3}}}

    row = result_row({"metrics": metrics}, 9.0)

    assert (row["test"], row["mean error"], row["seconds"]) == (0.5, 2.0, 9.0)
    assert row["points gained"] == pytest.approx(20)


def test_one_label_that_holds_or_not_is_measured_to_the_end() -> None:
    examples = [
        Example(f"it is {'great' if i % 3 else 'dull'} {i % 7}", (float(i % 3 > 0),))
        for i in range(60)
    ]

    found = run_baseline(examples[:40], examples[40:50], examples[50:], SEVERAL_LABELS).test

    assert found.accuracy == found.micro_f1 == found.macro_f1 == 1
    logits, answers = np.array([[1.0], [1], [-1], [-1]]), np.array([[1.0], [0], [1], [0]])
    judged = judge(SEVERAL_LABELS, logits, answers)
    assert judged.micro_f1 == judged.macro_f1 == f1_score(answers[:, 0], logits[:, 0] > 0)


def test_a_rehearsal_has_every_label_to_learn_from(tmp_path: Path) -> None:
    labels = ["rare" if i % 600 == 7 else f"kind {i % 2}" for i in range(6000)]
    rows = [f"the film {i} is {label},{label}" for i, label in enumerate(labels)]
    (tmp_path / "notes.csv").write_text("text,label\n" + "\n".join(rows))
    corpus = load_corpus(str(tmp_path / "notes.csv"))

    few, _ = rehearsal(corpus, Recipe())

    assert {one.label for one in few.train} == {0, 1, 2}
    assert 1000 <= len(few.train) <= 1001
    assert np.isfinite(run_baseline(few.train, few.validation, few.test).test.loss)
