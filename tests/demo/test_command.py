"""The command that serves the page, and the page in a world without torch."""

import os
import shutil
import subprocess
import sys

import pytest

import app

WITHOUT_TORCH = """
import sys
from pathlib import Path
reached = []
OUT = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
sys.addaudithook(lambda name, _: name in OUT and reached.append(name))
for name in ("torch", "transformers", "training", "export", "onnx", "scipy", "sklearn"):
    sys.modules[name] = None  # importing it is now an ImportError
import app
from explorer.bundle import open_bundle
page = app.build_app([open_bundle(sys.argv[1])])
assert "matplotlib" not in sys.modules, "it takes half a second to load"
assert type(sys.modules["pandas"]).__name__ == "_LazyModule", "so does pandas"
left = [path.name for path in Path.home().rglob("*") if path.is_file()]
assert left == [], "a library keeps something about this machine"
assert reached == [], "a library reaches out"
print(len(page.fns))
"""


@pytest.fixture
def refused(capsys, monkeypatch):
    """Runs the command on arguments that it must refuse; gives the sentence."""
    monkeypatch.setattr(app, "launch", lambda *_, **__: pytest.fail("it was served"))

    def run(*arguments):
        code = app.main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        assert (code, output.out) == (2, "")
        assert output.err.count("\n") == 1
        return output.err

    return run


def test_a_missing_bundle_is_a_sentence_and_exit_code_2(refused, tmp_path):
    assert "nowhere is no folder" in refused("--bundle", tmp_path / "nowhere")


def test_a_broken_bundle_among_several_is_a_sentence(refused, bundle, copy_of_tiny):
    broken = copy_of_tiny(format=7)

    assert "has 7 as format" in refused("--bundle", bundle.folder, "--bundle", broken)


def test_a_precision_that_is_not_there_is_a_sentence(refused, bundle, copy_of_tiny):
    import json

    graphs = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["graphs"]
    del graphs["classify"]["8bit"]
    folder = copy_of_tiny(graphs=graphs)

    error = refused("--bundle", folder, "--precision", "8bit")

    assert "no graph of precision 8bit to classify (found: float32)" in error


def test_a_graph_that_does_not_fit_is_a_sentence(refused, copy_of_tiny):
    folder = copy_of_tiny(labels=["one", "two"])

    assert "gives logits of shape (1, 3)" in refused("--bundle", folder)


def test_an_unknown_precision_is_refused_by_the_parser(capsys):
    with pytest.raises(SystemExit) as stopped:
        app.main(["--precision", "4bit"])

    assert stopped.value.code == 2
    assert "'4bit'" in capsys.readouterr().err


def test_host_and_port_reach_the_server(monkeypatch, bundle):
    asked = {}
    monkeypatch.setattr(app, "launch", lambda page, **options: asked.update(options))

    code = app.main(["--bundle", str(bundle.folder), "--host", "0.0.0.0", "--port", "8123"])

    assert code == 0
    assert asked == {"mcp": False, "server_name": "0.0.0.0", "server_port": 8123}


def test_the_default_is_the_bundle_beside_the_command(demo_folder):
    assert app.bundles_beside() == [demo_folder / "bundles" / "reviews"]


def test_a_copy_of_the_demo_alone_builds_the_page_without_torch(demo_folder, bundle, tmp_path):
    copy = tmp_path / "space"
    shutil.copytree(demo_folder, copy, ignore=shutil.ignore_patterns("bundles", "__pycache__"))
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    outside = {
        name: value for name, value in os.environ.items() if name[:4] not in ("ORT_", "XDG_")
    }
    home = {"HOME": str(tmp_path / "home")}

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(bundle.folder)],
        cwd=copy,
        env={**outside, **home, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5
    # Nothing is written into the page's own folder: a server may not be allowed to.
    assert sorted(path for path in copy.rglob("*") if path.is_file()) == files
