"""A bundle as a Triton model repository: parsed by Triton's protobuf, held against the graphs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from export.clients.triton_repository import lay_out, main

TINY = Path(__file__).parents[2] / "demo" / "tiny_bundle"
ALONE = TINY.with_name("prompt_bundle")
PARTS = {"classifier": "model", "decoder": "decoder_model_merged"}
TYPES = {"TYPE_INT64": "tensor(int64)", "TYPE_FP32": "tensor(float)"}
NUMPY = {"TYPE_INT64": np.int64, "TYPE_FP32": np.float32}


@pytest.fixture
def parse(skip_for_want: Callable[[str], None]) -> Callable:
    """Reads a `config.pbtxt` as Triton does."""
    try:
        from google.protobuf import text_format
        from tritonclient.grpc import model_config_pb2
    except (ImportError, RuntimeError):
        skip_for_want("needs tritonclient: pip install -r export/requirements-runtimes.txt")

    def read(model: Path):
        text = (model / "config.pbtxt").read_text(encoding="utf-8")
        config = text_format.Parse(text, model_config_pb2.ModelConfig())
        types = model_config_pb2.DataType.Name
        return config, types

    return read


@pytest.mark.parametrize("part", PARTS)
def test_the_config_parses_and_says_what_onnxruntime_finds(
    part: str, tmp_path: Path, parse: Callable
) -> None:
    model = tmp_path / f"tiny_bundle_{part}"
    assert model in lay_out(TINY, tmp_path)

    config, type_name = parse(model)
    session = onnxruntime.InferenceSession(model / "1" / "model.onnx")

    assert (config.name, config.backend) == (model.name, "onnxruntime")
    assert session.get_overridable_initializers(), "what is optional is what may be left out"
    for said, found in (
        (config.input, session.get_inputs()),
        (config.output, session.get_outputs()),
    ):
        assert [value.name for value in said] == [value.name for value in found]
        assert [TYPES[type_name(value.data_type)] for value in said] == [v.type for v in found]
        assert {value.shape[0] for value in found} == {"batch"}
        assert [list(value.dims) for value in said] == [
            [-1 if isinstance(axis, str) else axis for axis in value.shape[1:]] for value in found
        ]


@pytest.mark.parametrize(
    ("bundle", "part"), [*((TINY, part) for part in PARTS), (ALONE, "decoder")]
)
def test_the_warm_up_runs(bundle: Path, part: str, tmp_path: Path, parse: Callable) -> None:
    lay_out(bundle, tmp_path)
    config, type_name = parse(tmp_path / f"{bundle.name}_{part}")
    session = onnxruntime.InferenceSession(tmp_path / config.name / "1" / "model.onnx")

    assert [sample.batch_size for sample in config.model_warmup] == [1, 8]
    for sample in config.model_warmup:
        feed = {
            name: np.zeros((sample.batch_size, *value.dims), NUMPY[type_name(value.data_type)])
            for name, value in sample.inputs.items()
        }
        assert all(value.zero_data for value in sample.inputs.values())
        assert all(0 not in value.dims for value in sample.inputs.values())
        (logits,) = session.run(["logits"], feed)
        assert len(logits) == sample.batch_size


def test_how_it_is_run_is_what_was_asked_for(tmp_path: Path, parse: Callable) -> None:
    flags = ["--max-batch", "5", "--threads", "3", "--instances", "2", "--precision", "float32"]

    assert main([str(TINY), str(tmp_path), *flags]) == 0

    config, _ = parse(tmp_path / "tiny_bundle_classifier")
    group, *others = config.instance_group
    assert config.max_batch_size == 5
    assert list(config.dynamic_batching.preferred_batch_size) == [3, 5]
    assert (group.KIND_CPU, group.count, others) == (group.kind, 2, [])
    assert config.parameters["intra_op_thread_count"].string_value == "3"


def test_labels_name_the_classes_line_by_line(tmp_path: Path, parse: Callable) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(TINY, bundle)
    content = json.loads((bundle / "bundle.json").read_text())
    labels = content["labels"] = ["très bon", "so\nso", *content["labels"][2:]]
    (bundle / "bundle.json").write_text(json.dumps(content))

    lay_out(bundle, tmp_path)

    model = tmp_path / "bundle_classifier"
    config, _ = parse(model)
    logits = config.output[0]
    lines = (model / logits.label_filename).read_text("utf-8").splitlines()
    assert lines == ["très bon", "so so", *labels[2:]]
    assert list(logits.dims) == [len(labels)]


@pytest.mark.parametrize(
    ("flags", "ending"), [([], "_quantized"), (["--precision", "float32"], "")]
)
def test_the_graphs_are_the_bundles_and_other_models_stay(
    flags: list[str], ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other" / "1").mkdir(parents=True)

    assert main([str(TINY), str(tmp_path), *flags]) == 0

    assert (tmp_path / "other" / "1").is_dir()
    told = capsys.readouterr().out.split()
    for part, file in PARTS.items():
        model = tmp_path / f"tiny_bundle_{part}"
        assert str(model) in told
        original = TINY / "onnx" / f"{file}{ending}.onnx"
        assert (model / "1" / "model.onnx").read_bytes() == original.read_bytes()


def _without_file(folder: Path) -> None:
    (folder / "onnx" / "model_quantized.onnx").unlink()


def _without_8_bit(folder: Path) -> None:
    _change(folder, lambda content: content["graphs"]["classify"].pop("8bit"))


def _other_format(folder: Path) -> None:
    _change(folder, lambda content: content.update(format=2))


def _cut(folder: Path) -> None:
    (folder / "bundle.json").write_text('{"format": 1,')


def _change(folder: Path, change: Callable[[dict], object]) -> None:
    content = json.loads((folder / "bundle.json").read_text())
    change(content)
    (folder / "bundle.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        (
            shutil.rmtree,
            [],
            "is no folder that can be read (No such file or directory); exp",
        ),
        (_cut, [], "is not readable as JSON"),
        (_other_format, [], "has 2 as format; expected 1. Export it again"),
        (_without_file, [], "has no onnx/model_quantized.onnx, which its bundle.json lists"),
        (_without_8_bit, ["--precision", "8bit"], "has no 8bit graph, it has float32; give one"),
        (lambda folder: None, ["--max-batch", "0"], "max batch is 0; expected 1 or more"),
    ],
)
def test_bad_input_gets_a_sentence_and_code_2(
    change: Callable[[Path], None],
    flags: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(TINY, bundle)
    change(bundle)

    assert main([str(bundle), str(tmp_path / "triton"), *flags]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "triton").exists()


def test_a_folder_of_something_else_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny_bundle_classifier").mkdir()
    (tmp_path / "tiny_bundle_classifier" / "thesis.tex").touch()

    assert main([str(TINY), str(tmp_path)]) == 2

    assert "holds other things and no config.pbtxt" in capsys.readouterr().err
