"""onnxruntime keeps nothing under HOME and sends nothing while the exporter uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GRAPH = ROOT / "tests" / "demo" / "tiny_bundle" / "onnx" / "model.onnx"
OPEN = """
import os, sys
from pathlib import Path
from export.runtime.session import open_session
open_session(Path(sys.argv[1]))
files = [str(path) for path in Path.home().rglob("*") if path.is_file()]
opened = [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
print(files + [one for one in opened if one.startswith("socket:")])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what is open")
def test_a_session_leaves_nothing_behind_and_opens_no_connection(tmp_path: Path) -> None:
    outside = {
        name: value for name, value in os.environ.items() if name[:4] not in ("ORT_", "XDG_")
    }

    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(GRAPH)],
        env={**outside, "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "[]\n", done.stderr
