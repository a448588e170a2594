"""How a training is run: the flags of both commands, who prints, and the curves that are left."""

import argparse
import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from matplotlib.image import imread

from training.checkpoints.run_states import RunStates
from training.cli import complain, say
from training.evaluation.classification import measure
from training.fit.classifier import Epoch
from training.fit.progress import TrainStep
from training.recipes import uses_bfloat16
from training.runs import launch
from training.runs.curves import Curves, copy_curves
from training.runs.launch import add_run_flags, launched, told_how_to_resume

CPU = torch.device("cpu")


def given(*flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("checkpoints/x"))
    add_run_flags(parser)
    return parser.parse_args(flags)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--device", "cuda"], "there is no GPU that torch can use; give --device cpu"),
        (["--accumulate", "0"], "accumulate is 0; expected 1 or more"),
        (["--save-minutes", "-1"], "save-minutes is -1; expected 0 or more"),
        (["--save-minutes", "nan"], "save-minutes is nan; expected 0 or more"),
        (["--tracker", "tensorboard"], "not installed: pip install tensorboard"),
    ],
)
def test_what_cannot_be_had_is_said_before_anything_is_read(
    flags: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(launch, "is_tensorboard_available", lambda: False)

    with pytest.raises(ValueError, match=sentence), launched(given(*flags)):
        pytest.fail("it began")


@pytest.mark.parametrize(
    ("asked", "launcher", "expected"),
    [
        ("float32", "bf16", False),
        ("bfloat16", "no", True),
        ("auto", "no", False),
        ("auto", "bf16", True),
    ],
)
def test_a_launcher_decides_the_precision_where_no_flag_does(
    asked: str, launcher: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", launcher)

    with launched(given("--precision", asked, "--device", "cpu")) as accelerator:
        assert accelerator.device == CPU
        assert uses_bfloat16(CPU) is expected
        assert accelerator.mixed_precision == ("bf16" if expected else "no")
        # A teacher may answer for hours in one process, and the others wait.
        assert accelerator.init_handler.timeout >= timedelta(days=1)


def test_a_launchers_precision_that_is_not_known_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp8")

    with pytest.raises(ValueError, match="mixed precision fp8; expected no or bf16"):
        launched(given()).__enter__()


def test_only_the_main_process_talks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        say(f"said by {rank}")
        complain(f"told by {rank}")

    assert capsys.readouterr() == ("said by 0\n", "told by 0\n")


def test_curves_are_a_table_and_a_picture_and_told_to_a_tracker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[dict, int]] = []
    accelerator = Accelerator(cpu=True)
    monkeypatch.setattr(accelerator, "log", lambda values, step: told.append((values, step)))
    steps = [TrainStep(n, 300, 1 / n, 1e-4, 9.0, 1.0) for n in range(1, 301)]
    epoch = Epoch.__new__(Epoch)
    found = measure(np.eye(2)[[0, 0, 0, 1]], np.zeros(4, dtype=int))
    object.__setattr__(epoch, "validation", replace(found, loss=0.5))
    curves = Curves(accelerator)

    assert list(curves.following([*steps, epoch])) == [*steps, epoch]
    curves.save(tmp_path, "classifier")

    with (tmp_path / "curves" / "classifier.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [step.loss for step in steps]
    assert (rows[-1]["validation_loss"], rows[-1]["validation_accuracy"]) == ("0.5", "0.75")
    assert rows[0]["validation_accuracy"] == ""
    assert told[-1] == ({"validation_loss": 0.5, "validation_accuracy": 0.75}, 300)
    picture = imread(tmp_path / "curves" / "classifier.png")
    assert picture.shape[:2] == (720, 800)  # loss, learning rate, accuracy
    copy_curves(tmp_path, tmp_path / "other")
    assert {p.name for p in (tmp_path / "other" / "curves").iterdir()} == {
        "classifier.csv",
        "classifier.png",
    }


def test_a_stopped_run_says_whether_it_can_be_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = RunStates(tmp_path / "out", {}, minutes=1.0, resume=False, tell=pytest.fail)
    said = []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), told_how_to_resume(states):
            raise KeyboardInterrupt
        said.append(capsys.readouterr().err)
        (states.root / "step-1").mkdir(parents=True, exist_ok=True)

    assert said[0] == ""
    assert "the same command with --resume goes on from it" in said[1]
