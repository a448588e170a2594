"""Both commands, killed without a warning and resumed; and in two processes, as one would do it."""

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training import train_classifier, train_hybrid
from training.checkpoints.run_states import state_root

# Dropout alone makes two processes differ from one: each draws its own.
WITHOUT_DROPOUT = """
import sys
from functools import partial
from training import train_classifier
train_classifier.Recipe = partial(train_classifier.Recipe, dropout=0.0)
sys.exit(train_classifier.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    words, letters = {"bad": "dull", "good": "great"}, "abcdefghijkl"
    rows = [
        f"the film is {words[label]} and {letters[i % 12]} {letters[i // 12 % 12]} story,{label}\n"
        for i, label in enumerate(list(words) * 72)
    ]
    path = tmp_path_factory.mktemp("data") / "film_notes.csv"
    path.write_text("text,label\n" + "".join(rows))
    return str(path)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, save_tiny, data: str) -> dict[str, list]:
    """Each command with small flags, and what it needs to start from."""
    place = tmp_path_factory.mktemp("start")
    save_tiny(place / "init")
    small = ["--batch-size", "16", "--learning-rate", "3e-3"]
    classifier = ["--init", str(place / "init"), "--data", data, "--max-tokens", "30", *small]
    assert train_classifier.main([*classifier, "--out", str(place / "trained")]) == 0
    hybrid = [str(place / "trained"), "--data", data, "--encoder", "frozen", *small]
    return {
        "train_classifier": [train_classifier, *classifier, "--epochs", "12"],
        "train_hybrid": [train_hybrid, *hybrid, "--pairs-seen", "1600"],
    }


def weights(checkpoint: Path) -> dict[str, bytes]:
    return {p.parent.name: p.read_bytes() for p in checkpoint.glob("*/model.safetensors")}


def curve(checkpoint: Path, name: str) -> list[float]:
    with (checkpoint / "curves" / f"{name}.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        ("train_classifier", 1),
        pytest.param("train_hybrid", 1, marks=pytest.mark.slow),
        pytest.param("train_classifier", 4, marks=pytest.mark.slow),
        pytest.param("train_hybrid", 4, marks=pytest.mark.slow),
    ],
)
def test_killed_at_random_moments_a_command_resumes_to_the_same_weights_bit_for_bit(
    name: str, kills: int, commands: dict[str, list], tmp_path: Path
) -> None:
    command, *flags = commands[name]
    out, often = tmp_path / "killed", ["--save-minutes", "1e-6", "--resume"]
    assert command.main([*flags, "--out", str(tmp_path / "whole")]) == 0
    rng = random.Random(name)
    for _ in range(kills):
        before = _steps(out)
        run = [sys.executable, command.__file__, *flags, *often, "--out", str(out)]
        with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            while _steps(out) == before and running.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.random() / 5)
            running.send_signal(signal.SIGKILL)
        assert not out.exists(), "it ended before it was killed"
        assert _steps(out) != before

    assert command.main([*flags, "--resume", "--out", str(out)]) == 0

    assert weights(out) == weights(tmp_path / "whole")
    of = name.removeprefix("train_").replace("hybrid", "decoder")
    assert curve(out, of) == curve(tmp_path / "whole", of)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["killed", "whole"]


def _steps(out: Path) -> list[str]:
    return sorted(p.name for p in state_root(out).glob("step-*"))


@pytest.mark.parametrize(
    "name", ["train_classifier", pytest.param("train_hybrid", marks=pytest.mark.slow)]
)
def test_two_processes_give_the_losses_of_one_with_the_same_batch(
    name: str, commands: dict[str, list], tmp_path: Path
) -> None:
    command, *flags = commands[name]
    script = Path(command.__file__)
    if command is train_classifier:
        script = tmp_path / "without_dropout.py"
        script.write_text(WITHOUT_DROPOUT)
        flags += ["--epochs", "3"]
    else:
        flags += ["--pairs-seen", "320"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--mixed_precision", "no", "--main_process_port", "0", str(script)]
    one = [sys.executable, str(script), "--precision", "float32"]

    runs = [
        subprocess.run(
            [*start, *flags, "--out", str(tmp_path / out)], capture_output=True, text=True
        )
        for start, out in ((one, "one"), (launch, "two"))
    ]

    assert [run.returncode for run in runs] == [0, 0], runs[-1].stderr
    of = name.removeprefix("train_").replace("hybrid", "decoder")
    found = curve(tmp_path / "two", of)
    assert len(found) >= 20
    assert found == pytest.approx(curve(tmp_path / "one", of), rel=1e-4)
    assert runs[1].stdout.count("\ntest ") == 1, "only the main process prints"
