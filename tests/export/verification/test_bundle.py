"""The proof of a finished bundle: the tiny bundle passes, and each fault is found by its name."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from bundle_format.folder import list_files, read_manifest
from explorer.bundle import open_bundle
from export.verification.bundle import verify_bundle
from export.verification.graphs import limits_of
from export.verify import main

TINY = Path(__file__).parents[2] / "demo" / "tiny_bundle"
Change = Callable[[onnx.GraphProto], None]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the tiny bundle, to break."""
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


def change_content(bundle: Path, change: Callable[[dict], None]) -> None:
    """Changes what bundle.json says."""
    content = json.loads((bundle / "bundle.json").read_text("utf-8"))
    change(content)
    (bundle / "bundle.json").write_text(json.dumps(content), encoding="utf-8")


def keep(bundle: Path, *precisions: str, task: str = "classify") -> None:
    """Leaves only these graphs of a task, and with the encoder's alone no decoder."""

    def drop(content: dict) -> None:
        graphs = content["graphs"]
        graphs[task] = {p: entry for p, entry in graphs[task].items() if p in precisions}
        if task == "classify":
            del graphs["generate"]
            content["tasks"] = ["classify"]

    change_content(bundle, drop)


def change_graph(bundle: Path, file: str, change: Change) -> None:
    """Changes a graph and lists the sha256 that it has then."""
    model = onnx.load(bundle / file)
    change(model.graph)
    onnx.save(model, bundle / file)
    found = hashlib.sha256((bundle / file).read_bytes()).hexdigest()
    change_content(bundle, lambda content: content["files"].update({file: found}))


@pytest.mark.parametrize(("stated", "limit"), [(0.0, 1e-4), (1e-6, 1e-4), (0.3, 0.6)])
def test_8_bit_may_differ_twice_as_far_as_stated_and_by_float32s_own_rounding(stated, limit):
    graph = read_manifest(TINY).graphs.classify["8bit"]
    of_8bit = limits_of("8bit", replace(graph, difference_from_float32={"logits": stated}))

    assert of_8bit("logits", np.array([[0.5, -0.5]])) == pytest.approx(limit)


def put_in_front(graph: onnx.GraphProto, output: str, *factor: float) -> None:
    """Multiplies an output that the graph reads no more, or anybody's input, by a factor."""
    for node in graph.node:
        for names in (node.output, node.input):
            for i, name in enumerate(names):
                if name == output:
                    names[i] = "before"
    graph.initializer.append(numpy_helper.from_array(np.float32(factor[0]), "factor"))
    graph.node.append(helper.make_node("Mul", ["before", "factor"], [output]))


def failures_of(bundle: Path) -> list[str]:
    return verify_bundle(bundle, ()).failures


def test_a_sound_bundle_holds_and_keeps_its_proof_only_when_asked_to(bundle: Path, capsys) -> None:
    before = (bundle / "bundle.json").read_text("utf-8")

    assert main([str(bundle), "--runtimes"]) == 0
    assert (bundle / "bundle.json").read_text("utf-8") == before
    assert main([str(bundle), "--runtimes", "--write"]) == 0

    printed = capsys.readouterr().out
    assert "onnx/model.onnx  float32, to classify: all of it holds" in printed
    assert "2 x 32 tokens, padding: right" in " ".join(printed.split()), "the model's limit"
    proof = json.loads((bundle / "bundle.json").read_text("utf-8"))["proof"]
    assert set(proof["runtimes"]) == {"onnxruntime"}
    assert proof["graphs"]["generate"]["float32"]["differences_of_its_own"]["logits"] < 1e-4
    assert open_bundle(bundle, "8bit").writes, "the page does not mind it"


def test_it_needs_no_torch_and_no_transformers(bundle: Path) -> None:
    keep(bundle, "float32")
    code = (
        "import sys; sys.modules.update(torch=None, transformers=None, safetensors=None)\n"
        "from export.verify import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, str(bundle), "--runtimes", "--write"]

    done = subprocess.run(words, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "all of it holds: onnxruntime" in done.stdout


def test_a_bundle_of_8_bit_alone_is_checked_too(bundle: Path) -> None:
    keep(bundle, "8bit", task="generate")
    keep(bundle, "8bit")

    found = verify_bundle(bundle, ())

    assert found.failures == []
    assert [one.precision for one in found.graphs] == ["8bit"]


def test_a_damaged_file_and_a_missing_tokenizer_are_told_and_the_rest_is_still_checked(
    bundle: Path, capsys
) -> None:
    graph = bundle / "onnx" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-200])
    (bundle / "tokenizer_config.json").unlink()

    assert main([str(bundle), "--runtimes"]) == 1

    told = capsys.readouterr()
    assert "tiny has no tokenizer_config.json, which its bundle.json lists" in told.err
    assert "onnx/model.onnx has 18030 bytes with sha256" in told.err
    assert "Copy it again, or export it" in told.err
    assert "onnx/model.onnx: the graph: stopped by DecodeError" in told.err
    assert "onnx/model_quantized.onnx  8bit, to classify: all of it holds" in told.out
    assert "checks failed" in told.err


def test_weights_beside_a_graph_are_listed_too(bundle: Path) -> None:
    keep(bundle, "float32")
    file, data = bundle / "onnx" / "model.onnx", "model.onnx_data"
    onnx.save(
        onnx.load(file), file, save_as_external_data=True, location=data, size_threshold=1_000
    )
    listed = list_files(bundle)
    change_content(bundle, lambda content: content.update(files=listed))
    assert f"onnx/{data}" in listed
    assert failures_of(bundle) == []

    del listed[f"onnx/{data}"]
    change_content(bundle, lambda content: content.update(files=listed))
    (failure,) = failures_of(bundle)
    assert "onnx/model.onnx has weights in onnx/model.onnx_data, which bundle.json does" in failure


def test_what_is_no_bundle_of_this_format_is_refused_in_a_sentence(
    bundle: Path, tmp_path: Path, capsys
) -> None:
    assert main([str(tmp_path), "--runtimes"]) == 2
    assert "has no bundle.json" in capsys.readouterr().err

    change_content(bundle, lambda content: content["sizes"].pop("heads"))
    change_content(bundle, lambda content: content["graphs"].pop("generate"))
    assert main([str(bundle), "--runtimes"]) == 2
    assert "bundle.json has nothing as sizes.heads; expected an integer" in capsys.readouterr().err

    change_content(bundle, lambda content: content.update(format=2))
    assert main([str(bundle), "--runtimes"]) == 2
    assert "has 2 as format; expected 1" in capsys.readouterr().err


def test_sizes_that_contradict_each_other_are_found(bundle: Path) -> None:
    keep(bundle, "float32")
    change_content(bundle, lambda content: content.update(max_tokens=33))
    change_content(bundle, lambda content: content["sizes"].update(heads=4))

    failures = failures_of(bundle)

    assert "bundle.json allows 33 tokens, config.json 32" in failures
    assert any("bundle.json says heads 4, config.json says 2" in failure for failure in failures)


def test_a_declared_shape_that_is_wrong_is_found_and_so_is_the_warning_at_every_run(
    bundle: Path,
) -> None:
    """onnxruntime says it on stderr, from C++, and only when the graph runs."""
    keep(bundle, "float32")

    def declare(graph: onnx.GraphProto) -> None:
        (logits,) = (value for value in graph.output if value.name == "logits")
        logits.type.tensor_type.shape.dim[1].dim_value = 4
        graph.output[2].type.tensor_type.shape.dim[2].dim_value = 7
        del graph.value_info[:]

    change_graph(bundle, "onnx/model.onnx", declare)

    failures = failures_of(bundle)

    assert any("logits declares ['batch', 4], expected ['batch', 3]" in f for f in failures)
    assert any("encoder_attentions.0 has a frozen sequence axis" in f for f in failures)
    assert any("onnxruntime warns when the graph runs: " in f for f in failures)


def test_a_map_whose_rows_miss_one_is_found(bundle: Path) -> None:
    keep(bundle, "float32")
    change_graph(
        bundle, "onnx/model.onnx", lambda graph: put_in_front(graph, "encoder_attentions.1", 0.9)
    )

    failures = failures_of(bundle)

    assert any("encoder_attentions.1: a row misses 1 by 1.0e-01" in f for f in failures)
    assert len(failures) >= 8, "in every batch"


def test_a_cache_that_is_not_used_rightly_is_found(bundle: Path) -> None:
    """The values of the past are halved: whole targets are right, later steps are not."""
    keep(bundle, "float32", task="generate")

    def halve(graph: onnx.GraphProto) -> None:
        name = "past_key_values.1.decoder.value"
        for node in graph.node:
            for i, given in enumerate(node.input):
                if given == name:
                    node.input[i] = "half"
        graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "factor"))
        graph.node.insert(0, helper.make_node("Mul", [name, "factor"], ["half"]))

    change_graph(bundle, "onnx/decoder_model_merged.onnx", halve)

    failures = failures_of(bundle)

    wrong = [f for f in failures if "target 4+1+1+2" in f and "logits differs from one run" in f]
    assert len(wrong) == 3, failures
    assert not any("tokens 1 to 4" in failure for failure in failures)


def test_a_default_that_is_not_one_and_a_mask_without_default_are_found(bundle: Path) -> None:
    keep(bundle, "float32")

    def spoil(graph: onnx.GraphProto) -> None:
        (ones,) = (tensor for tensor in graph.initializer if tensor.name == "head_mask")
        ones.CopyFrom(numpy_helper.from_array(np.full((1, 2, 2), 0.5, np.float32), "head_mask"))

    change_graph(bundle, "onnx/model.onnx", spoil)
    assert any("a head_mask of ones changes logits" in f for f in failures_of(bundle))

    def remove(graph: onnx.GraphProto) -> None:
        (ones,) = (tensor for tensor in graph.initializer if tensor.name == "head_mask")
        graph.initializer.remove(ones)

    change_graph(bundle, "onnx/model.onnx", remove)
    assert any("head_mask has no default" in f for f in failures_of(bundle))
