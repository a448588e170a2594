"""However a command ends, it ends with a code and one sentence."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
import pytest

from export.command import run_command


def _disk() -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "onnx/model.onnx")


def _memory() -> int:
    raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")


def _nested() -> int:
    return json.loads("[" * 100_000)


def _no_graph() -> int:
    onnxruntime.InferenceSession(b"no graph")
    return 0


def _no_proto() -> int:
    onnx.load_from_string(b"no graph")
    return 0


def _broken_graph() -> int:
    onnx.checker.check_model(onnx.ModelProto())
    return 0


def _process() -> int:
    raise subprocess.CalledProcessError(1, ["python", "-m", "it"], stderr="why\nat last")


def _stopped() -> int:
    raise KeyboardInterrupt


def _fault() -> int:
    return {}["missing"]


@pytest.mark.parametrize(
    ("work", "code", "sentence"),
    [
        (_disk, 2, "No space left on device: onnx/model.onnx; nothing was written"),
        (_memory, 2, "there is not enough memory ([enforce fail]"),
        (_nested, 2, "a file is nested too deeply to be read"),
        (_no_graph, 2, "INVALID_PROTOBUF"),
        (_no_proto, 2, "Error parsing message"),
        (_broken_graph, 2, "The model does not have an ir_version set"),
        (_process, 2, "a measurement failed: -m it: at last"),
        (_stopped, 130, "stopped; nothing was written"),
        (_fault, 3, "a fault of its own: KeyError in test_command.py, line "),
        (lambda: 1, 1, ""),
    ],
)
def test_every_end_is_a_sentence(
    work: Callable[[], int], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("it.py", work) == code

    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told
    assert told == "" or told.startswith("it.py: ")


def test_a_polite_kill_ends_in_order_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            (Path(folder) / "this.onnx").write_bytes(b"graph")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        return 0

    before = signal.getsignal(signal.SIGTERM)

    assert run_command("it.py", work) == 130

    assert "stopped; nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("raised", "told"),
    [("KeyboardInterrupt", "stopped; nothing was written\n"), ("KeyError('x')", "KeyError: 'x'\n")],
)
def test_ctrl_c_while_a_command_is_imported_is_a_sentence(raised: str, told: str) -> None:
    code = f"import export\nraise {raised}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode != 0
    assert done.stderr.endswith(told)
    assert ("Traceback" in done.stderr) == (raised != "KeyboardInterrupt")
