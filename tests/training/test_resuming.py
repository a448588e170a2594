"""Both commands, stopped, killed without a warning and resumed; and in two processes."""

import csv
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from training import train_classifier, train_hybrid
from training.checkpoints.classifier import load_classifier
from training.checkpoints.run_states import state_root

# Dropout alone makes two processes differ from one: each draws its own.
WITHOUT_DROPOUT = """
import sys
from functools import partial
from training import train_classifier
train_classifier.Recipe = partial(train_classifier.Recipe, dropout=0.0)
sys.exit(train_classifier.main(sys.argv[1:]))
"""

ENDLESS = {
    "train_classifier": (["--epochs", "1000000"], "\nepoch 2/"),
    "train_hybrid": (["--pairs-seen", "100000000"], "\nrecipe"),
}
"""Flags of a training that goes on, and what it prints when it is under way."""


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
    """Each command with small flags, and what it needs to start from: the hybrid's is first."""
    place = tmp_path_factory.mktemp("start")
    save_tiny(place / "init")
    small = ["--batch-size", "16", "--learning-rate", "3e-3"]
    classifier = ["--init", str(place / "init"), "--data", data, "--max-tokens", "30", *small]
    assert train_classifier.main([*classifier, "--out", str(place / "trained")]) == 0
    hybrid = [str(place / "trained"), "--data", data, "--encoder", "frozen", *small]
    return {
        "train_classifier": [train_classifier, *classifier, "--epochs", "4"],
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
    name: str,
    kills: int,
    commands: dict[str, list],
    start_command: Callable,
    tmp_path: Path,
) -> None:
    command, *flags = commands[name]
    out, often = tmp_path / "killed", ["--save-minutes", "1e-6", "--resume"]
    assert command.main([*flags, "--out", str(tmp_path / "whole")]) == 0
    rng = random.Random(name)
    for _ in range(kills):
        before = _steps(out)
        running = start_command(Path(command.__file__), [*flags, *often, "--out", str(out)]).process
        while _steps(out) == before and running.is_alive():
            time.sleep(0.01)
        time.sleep(rng.random() / 5)
        running.kill()
        running.join()
        assert not out.exists(), "it ended before it was killed"
        assert _steps(out) != before

    assert command.main([*flags, "--resume", "--out", str(out)]) == 0

    assert weights(out) == weights(tmp_path / "whole")
    of = name.removeprefix("train_").replace("hybrid", "decoder")
    assert curve(out, of) == curve(tmp_path / "whole", of)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["killed", "whole"]


def _steps(out: Path) -> list[str]:
    return sorted(p.name for p in state_root(out).glob("step-*"))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("train_classifier", signal.SIGINT),
        ("train_classifier", signal.SIGKILL),
        ("train_hybrid", signal.SIGTERM),
        pytest.param("train_classifier", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("train_hybrid", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("train_hybrid", signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_leaves_the_checkpoint_as_it_was_and_the_next_one_cleans_up(
    name: str,
    number: signal.Signals,
    commands: dict[str, list],
    start_command: Callable,
    tmp_path: Path,
) -> None:
    trained = Path(commands["train_hybrid"][1])
    place = tmp_path / "notes"
    shutil.copytree(trained, place)
    command, *flags = commands[name]
    flags = [str(place) if flag == str(trained) else flag for flag in flags]
    if name == "train_classifier":
        flags += ["--out", str(place)]

    endless, under_way = ENDLESS[name]
    running = start_command(Path(command.__file__), [*flags, *endless])
    running.wait_for(under_way)
    os.kill(running.process.pid, number)
    running.process.join(60)

    assert files(place) == files(trained)
    if number == signal.SIGKILL:
        assert running.process.exitcode == -signal.SIGKILL
        less = {"train_classifier": ["--epochs", "1"], "train_hybrid": ["--quick"]}
        assert command.main([*flags, *less[name]]) == 0
        assert load_classifier(place).config.labels == ("bad", "good")
    else:
        assert running.process.exitcode == 130
        assert f"stopped; {place} is as it was" in running.stderr.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_two_processes_give_the_losses_of_one_with_the_same_batch(
    commands: dict[str, list], start_command: Callable, tmp_path: Path
) -> None:
    """The variables are those that `accelerate launch` sets."""
    _, *flags = commands["train_classifier"]
    script = tmp_path / "without_dropout.py"
    script.write_text(WITHOUT_DROPOUT)
    flags += ["--epochs", "3"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    both |= {"ACCELERATE_USE_CPU": "true", "ACCELERATE_MIXED_PRECISION": "no"}

    one = start_command(script, [*flags, "--precision", "float32", "--out", str(tmp_path / "one")])
    two = [
        start_command(
            script, [*flags, "--out", str(tmp_path / "two")], RANK=rank, LOCAL_RANK=rank, **both
        )
        for rank in "01"
    ]

    for started in (one, *two):
        started.process.join(120)
        assert started.process.exitcode == 0, started.stderr.read_text()
    same_curve(tmp_path, "classifier")
    tested = [started.stdout.read_text().count("\ntest ") for started in two]
    assert tested == [1, 0], "only the main process prints"


@pytest.mark.slow
def test_accelerates_own_launcher_does_so_too(commands: dict[str, list], tmp_path: Path) -> None:
    command, *flags = commands["train_hybrid"]
    flags += ["--pairs-seen", "320"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--mixed_precision", "no", "--main_process_port", "0", command.__file__]
    one = [sys.executable, command.__file__, "--precision", "float32"]

    runs = [
        subprocess.run(
            [*start, *flags, "--out", str(tmp_path / out)], capture_output=True, text=True
        )
        for start, out in ((one, "one"), (launch, "two"))
    ]

    assert [run.returncode for run in runs] == [0, 0], runs[-1].stderr
    same_curve(tmp_path, "decoder")
    assert runs[1].stdout.count("\ntest ") == 1, "only the main process prints"


def same_curve(folder: Path, name: str) -> None:
    found = curve(folder / "two", name)
    assert len(found) >= 20
    assert found == pytest.approx(curve(folder / "one", name), rel=1e-4)
