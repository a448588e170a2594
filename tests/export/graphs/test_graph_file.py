"""A graph above what one file holds: the limit is lowered here to what the tiny model has."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from bundle_format.folder import read_manifest
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from export.graphs import graph_file
from export.graphs.graph_file import check_graph, copy_graph, save_graph, size_of
from export.runtime.session import open_session, run
from export.to_onnx import main
from export.verification.inputs import random_feed


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_file, "LARGEST", 4_000)


def test_a_graph_in_two_files_is_the_same_wherever_it_is_opened(
    graph, model, tmp_path: Path, small_files
) -> None:
    feed = random_feed(model.config.encoder, 2, 9, "right")
    path, other = tmp_path / "one" / "model.onnx", tmp_path / "other" / "model.onnx"
    for one in (path, other):
        one.parent.mkdir()

    check_graph(graph)
    save_graph(graph, path)
    copy_graph(path, other)

    beside = path.with_name("model.onnx_data")
    assert sorted(one.name for one in other.parent.iterdir()) == [path.name, beside.name]
    assert size_of(graph) == pytest.approx(path.stat().st_size + beside.stat().st_size, rel=0.5)
    assert path.stat().st_size < 0.7 * graph.ByteSize()
    whole = onnx.load(path)
    assert {one.name: one.raw_data for one in whole.graph.initializer} == {
        one.name: one.raw_data for one in graph.graph.initializer
    }
    expected = run(open_session(graph), feed)
    for name, values in run(open_session(other), feed).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.usefixtures("fast", "small_files")
def test_a_bundle_of_two_files_a_graph_is_proven_and_read_by_the_page(checkpoint: Path) -> None:
    out = checkpoint.parent / "bundle"

    assert main([str(checkpoint), "--out", str(out), "--quantize", "--allow-miss"]) == 0

    manifest = read_manifest(out)
    beside = {f"onnx/{name}.onnx_data" for name in ("model", "model_quantized")}
    assert beside <= manifest.files.keys()
    graph = manifest.graphs.classify["float32"]
    files = [out / graph.file, out / f"{graph.file}_data"]
    assert graph.bytes == sum(one.stat().st_size for one in files)
    for precision in ("float32", "8bit"):
        reading = EncoderModel(open_bundle(out, precision)).read("a film")
        np.testing.assert_allclose(reading.weights.sum(axis=-1), 1, atol=1e-5)
