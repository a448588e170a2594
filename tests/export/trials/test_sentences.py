"""The table by kind of sentence: checkpoints, bundles and the baseline side by side."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from export.trials import sentences
from export.trials.sentences import main, read_by
from training.checkpoints.classifier import save_classifier
from training.checkpoints.record import write_record
from training.evaluation.sentences import read_sentences
from training.model.classifier import BERTClassifier

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "demo" / "bundles" / "reviews"
FEW = read_sentences()[::12]


@pytest.fixture
def save(model: BERTClassifier, tokenizer: PreTrainedTokenizerBase) -> Callable[..., None]:
    """Saves a tiny classifier: the same weights, whatever its labels are called."""

    def saved(folder: Path, labels: tuple[str, ...]) -> None:
        torch.manual_seed(0)
        other = BERTClassifier(replace(model.config, labels=labels))
        folder.mkdir(parents=True)
        save_classifier(folder, other, tokenizer)

    return saved


@pytest.fixture
def table(tmp_path: Path) -> Path:
    words = {"positive": "a good great film number", "negative": "a bad dull film number"}
    rows = [f"{words[label]} {i},{label}" for i in range(60) for label in words]
    file = tmp_path / "few.csv"
    file.write_text("\n".join(["text,label", *rows]))
    return file


def test_a_checkpoint_a_bundle_and_the_baseline_stand_side_by_side(
    tmp_path: Path,
    table: Path,
    save: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sentences, "read_sentences", lambda: FEW)
    save(tmp_path / "tiny" / "encoder", labels=("positive", "negative"))

    flags = ["--data", str(table), "--each"]
    assert main([str(tmp_path / "tiny"), str(BUNDLE), *flags]) == 0

    each, kinds = capsys.readouterr().out.split("\n\n")
    assert kinds.splitlines()[0] == "| kind | sentences | tiny | reviews | TF-IDF |"
    assert len(each.splitlines()) == 2 + len(FEW)


def test_a_checkpoints_own_temperature_and_order_of_labels_count(
    tmp_path: Path, save: Callable[..., None]
) -> None:
    found = {}
    for name, labels in (("one", ("positive", "negative")), ("other", ("negative", "positive"))):
        save(tmp_path / name / "encoder", labels=labels)
        found[name] = read_by(str(tmp_path / name), FEW)
    write_record(tmp_path / "one", {"temperature": 100.0})

    assert found["one"] == pytest.approx(1 - found["other"], abs=1e-6)
    assert abs(read_by(str(tmp_path / "one"), FEW) - 0.5).max() < abs(found["one"] - 0.5).max()


def test_other_labels_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(ROOT / "tests" / "demo" / "tiny_bundle")]) == 2

    said = capsys.readouterr().err
    assert "has the labels negative, neutral, positive; expected negative and positive" in said
