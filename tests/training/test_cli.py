"""Every command ends in a sentence, and nothing that is printed ends or fails it."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training import benchmark, benchmark_hybrid
from training.cli import command_line, hand_over, run_command, say

RUN = """
from training.cli import run_command
from training.cli import say
def work():
    {work}
raise SystemExit(run_command("train.py", None, work))
"""


def run(work: str, stdout: object = subprocess.PIPE, **environment: str) -> tuple[int, str, str]:
    """A command of its own; its exit code, and what it wrote to both streams."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN.format(work=work)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="latin-1",
        env={**os.environ, **environment},
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_a_character_that_the_stream_cannot_show_is_replaced_and_the_run_goes_on() -> None:
    code, printed, told = run(
        "say('Łódź → 😀 é'); raise ValueError('no Ł')", PYTHONIOENCODING="cp1252"
    )

    assert (code, printed) == (2, "?ód? ? ? é\n")
    assert told == "train.py: no \\u0141\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_that_cannot_be_written_is_given_up_and_the_work_goes_on(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with open("/dev/full", "wb") as full:
        code, _, told = run(f"say('a'); say('b'); open({str(done)!r}, 'w')", stdout=full)

    assert (code, told) == (0, "")
    assert done.exists()


def test_what_cannot_be_handed_over_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(Full(), write_through=True))

    say("talk is dropped")
    with pytest.raises(OSError, match="No space left"):
        hand_over("a product is not")


def refuse(error: BaseException) -> int:
    def work() -> None:
        raise error

    return run_command("train.py", None, work)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "not enough memory (MemoryError); give a smaller --batch-size"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried\nmore"),
            "not enough memory (DefaultCPUAllocator: can't allocate memory: you tried); give",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "not enough"),
        (PermissionError(13, "Permission denied", "a.csv"), "Permission denied: 'a.csv'"),
    ],
)
def test_what_may_go_wrong_is_said_in_a_line(
    error: Exception, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refuse(error) == 2

    said = capsys.readouterr().err
    assert said.startswith("train.py: ")
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error", [UnicodeEncodeError("ascii", "é", 0, 1, "no"), RuntimeError("a fault"), KeyError("x")]
)
def test_a_fault_of_ours_is_no_bad_input(error: Exception) -> None:
    with pytest.raises(type(error)):
        refuse(error)


@pytest.mark.parametrize(
    ("main", "flags", "sentence"),
    [
        (benchmark.main, ["--seeds", "0"], "benchmark.py: seeds is 0; expected 1 or more"),
        (benchmark_hybrid.main, ["nowhere/such"], "benchmark_hybrid.py: nowhere/such is no folder"),
        (benchmark_hybrid.main, ["--rounds", "-1"], "rounds is -1; expected 1 or more"),
    ],
)
def test_a_benchmark_that_cannot_run_says_why(
    main, flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        *("demo/app.py", "demo/benchmark.py"),
        *(f"training/{name}.py" for name in ("train_classifier", "train_hybrid", "benchmark")),
        *("training/benchmark_hybrid.py", "training/held_out_texts.py"),
        *("training/benchmark_trainer.py", "training/pretrain.py"),
        *(f"export/{name}.py" for name in ("to_onnx", "verify", "benchmark")),
        *(f"export/clients/{name}.py" for name in ("optimum_folder", "triton_repository")),
        *("export/benchmarks/compare_schemes.py", "export/trials/sentences.py"),
    ],
)
def test_every_command_makes_its_streams_safe(command: str) -> None:
    source = (Path(__file__).parents[2] / command).read_text(encoding="utf-8")

    main = source[source.index("def main(") :]
    assert re.search(
        r"^    (safe_streams\(\)|return .*run_command\(|ended = run_command\()", main, re.M
    )


def test_a_command_on_the_root_of_a_file_system_is_told_as_it_was_typed() -> None:
    assert command_line("train.py", ["--out", "/"]) == "python training/train.py --out /"
