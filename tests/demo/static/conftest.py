"""The page of demo/static, asked under node."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PACKAGES = HERE.parents[2] / "export" / "node" / "node_modules"


@pytest.fixture(scope="session")
def node_packages(skip_for_want: Callable[[str], None]) -> Path:
    """Where the page's libraries are."""
    if not shutil.which("node"):
        skip_for_want("needs node")
    if not (PACKAGES / "@huggingface/tokenizers").is_dir():
        skip_for_want("needs the packages of node: npm install --prefix export/node")
    return PACKAGES


@pytest.fixture(scope="session")
def ask_page(node_packages: Path, tiny_folder: Path) -> Callable[..., list[Any]]:
    """Asks the page several things in one process of node."""

    def ask(*questions: dict[str, Any], folder: Path = tiny_folder) -> list[Any]:
        done = subprocess.run(
            # V8's fast compiler of WebAssembly alone: the numbers are the same by definition.
            ["node", "--liftoff-only", HERE / "page_in_node.mjs", node_packages, folder],
            input=json.dumps(questions),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


CLOSE = 5e-5
"""By how much log-odds of two runtimes may differ, which add up float32 in another order: those of
random weights are large."""


@pytest.fixture(scope="session")
def alike() -> Callable[..., None]:
    """Asserts that plain data are equal, but for numbers that differ by next to nothing."""

    def compare(found: Any, wanted: Any, where: str = "", atol: float = CLOSE) -> None:
        if isinstance(wanted, dict):
            for name, part in wanted.items():
                compare(found[name], part, f"{where}.{name}", atol)
        elif isinstance(wanted, list | tuple):
            assert len(found) == len(wanted), where
            for at, (one, part) in enumerate(zip(found, wanted, strict=True)):
                compare(one, part, f"{where}[{at}]", atol)
        elif isinstance(wanted, float) and not isinstance(found, str | None):
            assert found == pytest.approx(wanted, rel=atol, abs=atol), where
        else:
            assert found == wanted, where

    return compare
