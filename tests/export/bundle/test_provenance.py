"""What a graph says of where it comes from, and that one checkpoint gives the same bytes again."""

import json
import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import onnx
import onnxruntime
import pytest

from export.bundle.provenance import checkpoint_origin, describe_graph, held_out_metrics

ROOT = Path(__file__).parents[3]
GRAPHS = """
import hashlib, sys
from export.graphs.decoder import trace_decoder
from export.graphs.encoder import trace_encoder
from export.loading.checkpoint import load_checkpoint
from export.quantize.graph import quantize

loaded = load_checkpoint(sys.argv[1])
for graph in (trace_encoder(loaded.encoder.model), trace_decoder(loaded.decoder.model.decoder)):
    for model in (graph, quantize(graph)):
        print(hashlib.sha256(model.SerializeToString()).hexdigest())
"""
NOTED = {
    "data": {"source": "/home/somebody/notes.csv", "fingerprint": "0" * 64},
    "recipe": {"epochs": 1},
    "seed": 7,
    "versions": {"torch": "2.13.0"},
}


def test_a_checkpoints_hash_is_the_one_that_sha256sum_prints(checkpoint: Path) -> None:
    if not shutil.which("sha256sum"):
        pytest.skip("no sha256sum here; it comes with coreutils")
    listing = "sha256sum config.json *.safetensors | sha256sum"
    printed = subprocess.run(
        ["sh", "-c", listing], cwd=checkpoint, check=True, capture_output=True, text=True
    )

    assert checkpoint_origin(checkpoint, {})["sha256"] == printed.stdout.split()[0]


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_another_config_or_other_weights_are_another_checkpoint(
    checkpoint: Path, file: str
) -> None:
    before = checkpoint_origin(checkpoint, {})["sha256"]
    (checkpoint / file).write_bytes((checkpoint / file).read_bytes() + b" ")

    assert checkpoint_origin(checkpoint, {})["sha256"] != before


def test_a_graph_says_of_itself_what_bundle_json_says_and_no_path(
    checkpoint: Path, graph: onnx.ModelProto
) -> None:
    described = deepcopy(graph)
    origin = checkpoint_origin(checkpoint, NOTED)
    metrics = {"test": {"accuracy": 0.5}, "epochs": [{"loss": 1.0}]}

    describe_graph(
        described, origin=origin, metrics=metrics, licence="Free – é.", precision="float32"
    )

    session = onnxruntime.InferenceSession(described.SerializeToString())
    said = session.get_modelmeta().custom_metadata_map
    versions = json.loads(said.pop("versions"))
    assert versions["training"] == NOTED["versions"]
    assert versions["export"]["onnx"] == onnx.__version__
    assert said == {
        "licence": "Free – é.",
        "checkpoint_sha256": origin["sha256"],
        "precision": "float32",
        "data_fingerprint": "0" * 64,
        "recipe": '{"epochs": 1}',
        "seed": "7",
        "metrics": '{"test": {"accuracy": 0.5}}',
    }
    assert b"somebody" not in described.SerializeToString()


def test_of_a_record_it_keeps_what_training_notes_and_nothing_beside_it(checkpoint: Path) -> None:
    data = {
        "source": ["/home/JANE/a.csv", "imdb"],
        "reading": {"columns": {"text": "review"}, "keep_duplicates": True},
        "sizes": {"train": 3},
        "longest": 9,
    }
    recipe = {"init": "owner/model", "epochs": 1, "longest": 32}
    others = {"owner": "JANE", "sizes_of": {"JANE": 1}, "files": [{"at": "/home/JANE"}]}
    noted = {
        "data": data | others | {"removed": {"duplicates": 1, "by": "JANE"}},
        "recipe": recipe | others | {"dropout": "JANE"},
        "seed": 7,
        "versions": {"torch": "2.13.0", "python": "JANE", "jane": "1.0"},
    }

    origin = checkpoint_origin(checkpoint, noted)

    assert origin["data"] == data | {"source": ["a.csv", "imdb"], "removed": {"duplicates": 1}}
    assert origin["recipe"] == recipe
    assert (origin["seed"], origin["versions"]) == (7, {"torch": "2.13.0"})
    assert held_out_metrics({"test": {"loss": 0.5, "confusion": [[1, 2]], "by": "JANE"}}) == {
        "test": {"loss": 0.5, "confusion": [[1, 2]]}
    }


def test_of_a_model_that_was_not_trained_here_it_says_what_is_known(
    checkpoint: Path, graph: onnx.ModelProto
) -> None:
    described = deepcopy(graph)
    origin = checkpoint_origin(checkpoint, {})

    describe_graph(described, origin=origin, metrics={}, licence="Free.", precision="8bit")

    assert [entry.key for entry in described.metadata_props] == [
        "licence", "checkpoint_sha256", "precision", "versions",
    ]  # fmt: skip


@pytest.mark.slow
def test_another_process_makes_the_same_bytes_of_all_four_graphs(random_checkpoint: Path) -> None:
    """Python orders sets by a seed of the process: what depends on their order would show."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", GRAPHS, str(random_checkpoint)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    printed = [process.communicate()[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert len(set(printed[0])) == 4
    assert printed[0] == printed[1]


@pytest.mark.slow
def test_the_same_checkpoint_exports_to_the_same_bytes(
    random_checkpoint: Path, tmp_path: Path
) -> None:
    """Every file of two bundles, made by the command; of bundle.json all but measured times."""
    command = [sys.executable, str(ROOT / "export/to_onnx.py"), str(random_checkpoint)]
    bundles = [tmp_path / "one", tmp_path / "other"]
    for seed, out in enumerate(bundles, start=1):
        subprocess.run(
            [*command, "--quantize", "--allow-miss", "--out", str(out)],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
        )

    one, other = (_content(bundle) for bundle in bundles)
    assert len(one) == 12
    assert one == other


def _content(bundle: Path) -> dict[str, object]:
    """File -> its bytes; `bundle.json` -> its content without the times that were measured."""
    files = {
        path.relative_to(bundle).as_posix(): path.read_bytes()
        for path in bundle.rglob("*")
        if path.is_file()
    }
    return {**files, "bundle.json": _without_times(json.loads(files["bundle.json"]))}


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if not k.startswith("latency")}
    return value
