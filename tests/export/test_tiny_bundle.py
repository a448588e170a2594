"""The committed tiny bundle, which the page's tests open, beside what its script makes today."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import onnx
import pytest

from explorer.bundle import open_bundle
from export.pipeline import decoder, encoder

HERE = Path(__file__).parent
TINY = HERE.parent / "demo" / "tiny_bundle"


def load(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The committed bundle is stale only when the exporter changes what it writes.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        for module in (decoder, encoder):  # no time is compared here
            patch.setattr(
                module, "time_share", lambda *graphs, lengths, **_: dict.fromkeys(lengths, 1.0)
            )
        load(HERE / "make_tiny_bundle.py").make(out)
    return out


def missing(old: object, new: object, place: str = "bundle.json") -> list[str]:
    """Where `old` has a key that `new` has not, or a value of another type."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        same = type(old) is type(new)
        return [] if same else [f"{place}: {type(old).__name__}, now {type(new).__name__}"]
    gone = [f"{place}.{key}: gone" for key in old.keys() - new.keys()]
    kept = old.keys() & new.keys()
    return gone + [m for key in kept for m in missing(old[key], new[key], f"{place}.{key}")]


def test_all_that_the_committed_one_says_is_still_written(made: Path) -> None:
    """Else: python tests/export/make_tiny_bundle.py"""
    committed, written = (
        json.loads((folder / "bundle.json").read_text("utf-8")) for folder in (TINY, made)
    )

    assert missing(committed, written) == []
    files = [
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
        for folder in (TINY, made)
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize("precision", ["float32", "8bit"])
def test_both_open_and_their_graphs_take_and_give_the_same(made: Path, precision: str) -> None:
    committed, written = (open_bundle(folder, precision) for folder in (TINY, made))
    assert written.decoder
    assert committed.decoder

    for old, new in (
        (committed.graph, written.graph),
        (committed.decoder.graph, written.decoder.graph),
    ):
        graphs = [onnx.load(graph.path).graph for graph in (old, new)]
        for values in ("input", "output"):
            names = [[value.name for value in getattr(graph, values)] for graph in graphs]
            assert names[0] == names[1]
