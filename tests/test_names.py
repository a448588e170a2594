"""Rules about the tree that no single file can see."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("training", "export", "demo")
OURS = {"training", "export", "explorer", "bundle_format", "decoding", "hosting", "app", "tests"}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [Path(line) for line in listed.stdout.splitlines()]


def test_no_file_is_named_like_a_module_that_it_would_shadow() -> None:
    """A script's own folder comes first on the path: export/onnx.py would be `import onnx`."""
    taken = sys.stdlib_module_names | set(importlib.metadata.packages_distributions())

    shadows = [
        str(path)
        for path in tracked("*.py")
        if path.parts[0] in FOLDERS and path.stem in taken - OURS
    ]

    assert shadows == []


def test_nothing_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc"}

    assert [str(path) for path in tracked("*.py") if path.stem in drawers] == []


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("training", {"export", "explorer", "app", "onnx", "onnxruntime", "gradio"}),
        *(
            (f"training/{room}", {"matplotlib"})
            for room in ("readers", "data", "evaluation", "checkpoints", "hybrid", "fit")
        ),
        ("training/model", {"transformers", "safetensors", "matplotlib"}),
        ("export", {"explorer", "app", "gradio", "matplotlib"}),
        ("demo", {"training", "export", "torch", "transformers", "onnx"}),
        *(
            (folder, {"explorer", "app", "numpy", "onnxruntime", "gradio", "matplotlib"})
            for folder in ("demo/bundle_format", "demo/hosting")
        ),
    ],
)
def test_folders_import_only_what_the_layers_allow(folder: str, forbidden: set[str]) -> None:
    found = [
        f"{path}:{node.lineno} imports {name}"
        for path in tracked(f"{folder}/*.py")
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _modules(node)
        if name.split(".")[0] in forbidden
    ]

    assert found == []


def test_the_architecture_imports_nothing_else_of_ours() -> None:
    found = [
        name
        for path in tracked("training/model/*.py")
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _modules(node)
        if name.startswith("training.") and not name.startswith("training.model")
    ]

    assert found == []


def test_git_holds_no_weights_but_the_default_bundle_and_at_most_60_mb_of_it() -> None:
    weights = [
        path for path in tracked() if path.suffix in {".onnx", ".safetensors", ".bin", ".pt"}
    ]
    sizes = {path: (ROOT / path).stat().st_size for path in weights}
    # Models of random numbers that tests without torch need are tens of kilobytes.
    random = {path for path, size in sizes.items() if path.parts[0] == "tests" and size < 100_000}

    assert {path.parent.as_posix() for path in set(weights) - random} == {
        "demo/bundles/reviews/onnx"
    }
    assert sum(sizes.values()) < 60e6


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""]
