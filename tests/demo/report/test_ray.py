"""The same function by Ray Data's workers finds the same."""

import subprocess
import sys
from importlib.util import find_spec

from explorer.report.journal import FILE


def test_two_workers_of_ray_find_what_one_process_finds(
    make, skip_for_want, demo_folder, tiny_folder, table, tmp_path
):
    if find_spec("ray") is None:
        skip_for_want("needs Ray: pip install -r demo/requirements-report.txt")
    there = tmp_path / "ray"
    words = [sys.executable, str(demo_folder / "report.py"), str(table), "--out", str(there)]
    words += ["--bundle", str(tiny_folder), "--heads", "--ray", "--processes", "2"]

    _, here, _ = make("--heads")
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    for name in ("results.csv", "index.html"):
        assert (here / name).read_bytes() == (there / name).read_bytes()
    journals = [sorted((folder / FILE).read_bytes().splitlines()) for folder in (here, there)]
    assert journals[0] == journals[1]


def test_without_ray_it_is_a_sentence_that_says_what_to_install(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    code, _, said = make("--ray")

    assert code == 2
    assert "--ray needs Ray, which is not installed: pip install -r demo/" in said.err
