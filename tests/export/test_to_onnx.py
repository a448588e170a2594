"""The command from a checkpoint to a bundle that the page's own reader opens, and its failures."""

import errno
import json
import os
import shutil
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import BertForSequenceClassification, PreTrainedTokenizerBase

from bundle_format.folder import list_files, sha256
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from export.bundle.files import read_bundle
from export.graphs import longest, tracing
from export.pipeline import encoder
from export.to_onnx import main
from export.verification.checks import Checks
from training.checkpoints.classifier import save_classifier
from training.checkpoints.record import write_record
from training.data.corpus import load_corpus


def test_a_folder_of_transformers_becomes_a_bundle_with_its_numbers(
    checkpoint: Path, graph: onnx.ModelProto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command traces for itself here, the same bytes as its model has given once before."""
    examples = tmp_path / "examples.txt"
    examples.write_text("the film is not bad\n\nbut it was dull\n", encoding="utf-8")
    out = tmp_path / "bundles" / "mine"

    code = main(
        [str(checkpoint), "--out", str(out), "--title", "Films", "--examples", str(examples)]
    )

    assert code == 0
    assert f"open it: python demo/app.py --bundle {out}" in capsys.readouterr().out
    bundle = open_bundle(out)
    assert (bundle.title, bundle.labels) == ("Films", ("bad", "so so", "good"))
    assert [example.text for example in bundle.examples] == [
        "the film is not bad",
        "but it was dull",
    ]
    page_model = EncoderModel(bundle)
    reading = page_model.read("the film is not bad", "but it was dull")
    theirs = BertForSequenceClassification.from_pretrained(checkpoint, attn_implementation="eager")
    encoded = page_model.encode("the film is not bad", "but it was dull")
    with torch.no_grad():
        expected = theirs.eval()(
            torch.tensor([encoded.ids]),
            token_type_ids=torch.tensor([encoded.segment_ids]),
            output_attentions=True,
        )
    np.testing.assert_allclose(reading.logits, expected.logits[0], atol=1e-4)
    maps = torch.cat(expected.attentions).numpy()
    np.testing.assert_allclose(reading.weights, maps, atol=1e-4)
    written = onnx.load(out / "onnx" / "model.onnx")
    del written.metadata_props[:]
    assert written.SerializeToString() == graph.SerializeToString()


@pytest.mark.usefixtures("fast")
def test_bundle_json_tells_the_truth_about_its_files(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"

    assert main([str(checkpoint), "--out", str(out), "--quantize", "--allow-miss"]) == 0

    content = json.loads((out / "bundle.json").read_text())
    assert content["format"] == 1
    assert content["max_tokens"] == 32
    assert content["sizes"] == {"layers": 2, "heads": 2, "hidden": 32, "vocabulary": 78}
    graphs = content["graphs"]["classify"]
    assert set(graphs) == {"float32", "8bit"}
    for graph in graphs.values():
        assert graph["file"] in content["files"]
        assert graph["bytes"] == (out / graph["file"]).stat().st_size
    assert content["files"] == list_files(out)
    assert read_bundle(out).labels == open_bundle(out).labels == ("bad", "so so", "good")
    assert content["checkpoint"]["weights_sha256"] == {
        "model.safetensors": sha256(checkpoint / "model.safetensors")
    }
    held_out = graphs["8bit"]["held_out"]
    assert held_out == {"texts": 64, "from": {"tokens at random": 64}}, "no text was given"
    assert set(graphs["8bit"]["latency_ratio"]) == {"32"}
    assert graphs["8bit"]["not_measured"] == ["same label", "accuracy", "time at 128 tokens"]
    tokenizer = json.loads((out / "tokenizer.json").read_text())
    assert tokenizer["truncation"] is tokenizer["padding"] is None


@pytest.mark.usefixtures("fast")
def test_the_8_bit_graph_is_measured_on_held_out_texts(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, out = ("bad", "so so", "good"), tmp_path / "bundle"
    words = [f"{first}{last}" for first in "abcdefghijkl" for last in "mnopqrst"]
    rows = [
        {"text": f"the film was {word} good", "label": labels[i % 3]}
        for i, word in enumerate(words)
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    config = json.loads((checkpoint / "config.json").read_text())
    order = sorted(labels)
    config["id2label"] = {str(i): label for i, label in enumerate(order)}
    (checkpoint / "config.json").write_text(json.dumps(config))
    corpus = load_corpus(str(data))
    test = (*corpus.test, *corpus.validation)

    flags = ["--only-8bit", "--allow-miss", "--held-out", str(data)]
    code = main([str(checkpoint), "--out", str(out), *flags])

    assert code == 0
    graphs = json.loads((out / "bundle.json").read_text())["graphs"]["classify"]
    assert set(graphs) == {"8bit"}
    assert not (out / "onnx" / "model.onnx").exists()
    held_out = graphs["8bit"]["held_out"]
    assert held_out["texts"] == len(test)
    assert 0 <= held_out["accuracy_8bit"] <= 1
    assert 0 < graphs["8bit"]["map_error"]["mean"] < 0.1
    assert f"on {len(test)}: {len(corpus.test)} of {corpus.name}, test" in capsys.readouterr().out
    assert EncoderModel(open_bundle(out)).bundle.graph.precision == "8bit"


@pytest.mark.usefixtures("fast")
def test_a_graph_that_misses_its_limits_is_written_only_if_asked_for(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A tiny graph is mostly names: it misses the size. The times are set."""
    times = dict.fromkeys((32, 128, 512), 0.8125)
    monkeypatch.setattr(
        encoder,
        "time_share",
        lambda graph, of, lengths, limits, busy: {n: times[n] for n in lengths},
    )
    out, flags = tmp_path / "bundle", ["--quantize", "--integer-weights", "uint8"]
    fast = [str(checkpoint), "--out", str(tmp_path / "fast"), "--profile", "fast"]

    assert main([*fast, "--only-8bit"]) == 1

    told = capsys.readouterr()
    assert not (tmp_path / "fast").exists()
    assert "leave 8 bit out, by which a graph of 99.3 kB gains little; --allow-miss to " in told.out
    slow = "time at 32 tokens 0.812 of float32's; at most 0.42 is wanted: 0.393 too much"
    assert f"failed: 8 bit, profile fast: {slow}" in told.err
    assert "at most 0.28 is wanted" in told.err

    assert main([*fast, "--quantize"]) == 0

    assert f"8-bit graphs are left out: 8 bit, profile fast: {slow}" in capsys.readouterr().err
    graphs = json.loads((tmp_path / "fast" / "bundle.json").read_text())["graphs"]
    assert {part: list(of_part) for part, of_part in graphs.items()} == {"classify": ["float32"]}

    assert main([str(checkpoint), "--out", str(out), *flags, "--allow-miss"]) == 0

    entry = json.loads((out / "bundle.json").read_text())["graphs"]["classify"]["8bit"]
    assert entry["profile"] == "faithful"
    assert entry["limits"]["map_error"] == {"mean": 0.01, "p99": 0.03}
    assert any("at most 0.75 is wanted: 0.062 too much" in miss for miss in entry["latency_misses"])
    assert all("time" not in miss for miss in entry["misses"])
    assert entry["integer_weights"] == {
        "type": "uint8",
        "reason": "asked for with --integer-weights",
    }
    assert EncoderModel(open_bundle(out)).read("the film").weights.shape[0] == 2


@pytest.mark.usefixtures("fast")
def test_what_training_noted_reaches_the_bundle(model, tokenizer, tmp_path: Path) -> None:
    checkpoint, out = tmp_path / "noted", tmp_path / "bundle"
    (checkpoint / "encoder").mkdir(parents=True)
    save_classifier(checkpoint / "encoder", model, tokenizer)
    record = {
        "title": "Noted",
        "licence": "Free.",
        "examples": [{"text": "a film"}],
        "temperature": 1.5,
        "metrics": {"test": {"accuracy": 0.5}},
        "data": {"source": "rotten-tomatoes", "fingerprint": "0" * 64},
        "recipe": {"epochs": 1},
        "seed": 7,
    }
    write_record(checkpoint, record)

    triton = tmp_path / "triton"
    beside = ["--triton", str(triton), "--space", str(tmp_path / "space"), "--sdk", "docker"]
    assert main([str(checkpoint), "--out", str(out), *beside]) == 0

    assert (triton / "bundle_classifier" / "config.pbtxt").is_file()
    assert (tmp_path / "space" / "Dockerfile").is_file()
    assert open_bundle(tmp_path / "space" / "bundles" / "bundle").title == "Noted"
    content = json.loads((out / "bundle.json").read_text())
    for key in ("title", "licence", "examples", "temperature", "metrics"):
        assert content[key] == record[key]
    assert content["checkpoint"]["seed"] == 7


@pytest.mark.usefixtures("fast")
def test_a_failed_check_is_told_and_no_bundle_is_left_behind(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checks = Checks(failures=["logits differ by 2.0", "rows miss 1 by 0.5"])
    monkeypatch.setattr(encoder, "prove_encoder", lambda *_: checks)

    code = main([str(checkpoint), "--out", str(tmp_path / "bundle")])

    assert code == 1
    told = capsys.readouterr().err
    assert "failed: logits differ by 2.0" in told
    assert "failed: rows miss 1 by 0.5" in told
    assert "2 checks failed; no bundle was written" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--examples", "none.txt"], "none.txt is no file"),
        (["--examples", "empty.txt"], "empty.txt has no text in 2 lines"),
        (["--examples", "bad.jsonl"], "bad.jsonl:2: not JSON"),
        (["--examples", "other.jsonl"], "other.jsonl: no column text (found: words)"),
        (["--out", "occupied"], "holds other things and no bundle.json"),
        (["--quantize", "--held-out", "none.csv"], "none.csv"),
        (["--quantize", "--held-out", "rotten-tomatoes"], "labels negative, positive; the model's"),
    ],
)
def test_bad_input_gets_a_sentence_and_code_2(
    flags: list[str],
    message: str,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").write_text("\n \n")
    Path("bad.jsonl").write_text('{"text": "a"}\n{"text": \n')
    Path("other.jsonl").write_text('{"words": "a"}\n')
    Path("occupied").mkdir()
    Path("occupied/thesis.tex").touch()

    assert main([str(checkpoint), *flags]) == 2

    assert message in capsys.readouterr().err


def test_a_checkpoint_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    assert main([str(tmp_path / "nothing")]) == 2
    assert "nothing is no folder here. Give a checkpoint" in capsys.readouterr().err

    assert main(["nobody/nothing", "--out", str(tmp_path / "out")]) == 2
    assert "nobody/nothing is no folder here, and the Hub did not" in capsys.readouterr().err


def test_texts_that_changed_since_the_training_are_refused(
    model, tokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "noted"
    (checkpoint / "encoder").mkdir(parents=True)
    save_classifier(checkpoint / "encoder", model, tokenizer)
    data = {"source": "rotten-tomatoes", "fingerprint": "0123456789abcdef"}
    write_record(checkpoint, {"data": data})

    assert main([str(checkpoint), "--quantize"]) == 2

    assert "the training noted 0123456789ab" in capsys.readouterr().err


def test_without_checkpoint_it_says_so_or_trains_first(
    model,
    tokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fast: None,
) -> None:
    monkeypatch.chdir(tmp_path)

    def train(argv: list[str]) -> int:
        """Stands in for minutes of training; what it does is tested where it lives."""
        folder = Path(argv[1]) / "encoder"
        folder.mkdir(parents=True)
        save_classifier(folder, model, tokenizer)
        return 0

    monkeypatch.setattr("training.train_classifier.main", train)

    assert main(["--no-train"]) == 2
    assert "checkpoints/reviews is not there. Make it: python" in capsys.readouterr().err
    assert main([]) == 0
    assert "training it first" in capsys.readouterr().out
    assert open_bundle("bundles/reviews").title == "reviews"


@pytest.mark.usefixtures("fast")
def test_rows_of_somebodys_own_data_and_where_it_lay_stay_out_of_the_bundle(
    model, tokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record of an earlier version holds both."""
    checkpoint, out = tmp_path / "tickets", tmp_path / "bundle"
    (checkpoint / "encoder").mkdir(parents=True)
    save_classifier(checkpoint / "encoder", model, tokenizer)
    init = "/home/alice/models/start"
    record = {
        "licence": f"Weights: fine-tuned from {init}; their licence is that model's.",
        "examples": [{"text": "Bob Smith, 555-0199, wants his money back"}],
        "data": {"source": "/home/alice/tickets.csv", "name": "tickets.csv", "fingerprint": "0"},
        "recipe": {"init": init, "epochs": 1},
        "metrics": {"test": {"accuracy": 0.5}, "epochs": [{"train_loss": 0.1}]},
    }
    write_record(checkpoint, record)

    assert main([str(checkpoint), "--out", str(out)]) == 0

    told = capsys.readouterr().out
    assert "examples    none" in told
    assert "give texts that may become public with --examples" in told
    written = (out / "bundle.json").read_text()
    graph = onnx.load(out / "onnx" / "model.onnx")
    for text in (written, str(graph.metadata_props)):
        assert "alice" not in text
        assert "Bob Smith" not in text
        assert str(tmp_path) not in text
    content = json.loads(written)
    assert content["checkpoint"]["data"]["source"] == "tickets.csv"
    assert content["licence"].startswith("Weights: fine-tuned from start;")
    assert content["metrics"] == {"test": {"accuracy": 0.5}}, "what is of held-out texts"

    examples = tmp_path / "shown.txt"
    examples.write_text("a text for all\n")
    assert main([str(checkpoint), "--out", str(out), "--examples", str(examples)]) == 0
    assert "1 texts                          public with the bundle; of shown.txt" in (
        capsys.readouterr().out
    )
    record |= {"data": {"source": "imdb"}, "examples": [{"text": "not bad"}]}
    write_record(checkpoint, record)
    assert main([str(checkpoint), "--out", str(out)]) == 0
    assert json.loads((out / "bundle.json").read_text())["examples"] == [{"text": "not bad"}]
    assert "--no-examples leaves them out" in capsys.readouterr().out
    assert main([str(checkpoint), "--out", str(out), "--no-examples"]) == 0
    assert json.loads((out / "bundle.json").read_text())["examples"] == []


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("given", [".", "inside/..", "../latest/"])
def test_a_model_is_called_by_its_folders_own_name(
    checkpoint: Path, tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "latest").symlink_to(checkpoint)
    (checkpoint / "inside").mkdir()
    monkeypatch.chdir(checkpoint)

    assert main([given]) == 0

    assert json.loads(Path("bundles/tiny/bundle.json").read_text())["title"] == "tiny"


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--out", "/proc/bundle"], "/proc/bundle cannot be written"),
        (["--out", "occupied"], "holds other things and no bundle.json"),
        (["--triton", "tiny.txt"], "tiny.txt/tiny_classifier cannot be written"),
        (["--space", "occupied"], "holds other things and no README.md by build_space.py"),
        (["--max-tokens", "33"], "the model reads 32 tokens at most, and 5 hold two words"),
        (["--max-tokens", "4"], "give a number from 5 to 32"),
    ],
    ids=["read-only", "occupied", "triton", "space", "too many", "too few"],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    flags: list[str],
    sentence: str,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(model: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr(encoder, "trace_encoder", work)
    monkeypatch.chdir(tmp_path)
    Path("tiny.txt").touch()
    Path("occupied").mkdir()
    Path("occupied/thesis.tex").touch()

    assert main([str(checkpoint), *flags]) == 2

    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("fast")
def test_a_disk_and_a_tensor_that_are_too_small_for_the_weights_are_told_before_the_work(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model,
) -> None:
    size = 4 * sum(parameter.numel() for parameter in model.parameters())
    flags = [str(checkpoint), "--out", str(tmp_path / "bundle")]
    free = shutil.disk_usage(tmp_path)._replace(free=size)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: free)

    assert main([*flags, "--quantize"]) == 2
    assert "MB free, and bundle needs about" in capsys.readouterr().err

    largest = 4 * max(parameter.numel() for parameter in model.parameters())
    monkeypatch.setattr(tracing, "LARGEST_MATRIX", largest - 1)
    assert main(flags) == 2
    assert "GiB in its one matrix encoder.embeddings.word.weight" in capsys.readouterr().err
    monkeypatch.setattr(tracing, "LARGEST_MATRIX", largest)
    assert main(flags) == 0


@pytest.mark.usefixtures("fast")
def test_a_full_disk_leaves_nothing_behind(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(graph: onnx.ModelProto, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def full_too(*_: object, **__: object) -> None:
        raise Exception("No space left on device (os error 28)")

    flags = [str(checkpoint), "--out", str(tmp_path / "bundles" / "mine")]
    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedTokenizerBase, "save_pretrained", full_too)
        assert main(flags) == 2
        told = capsys.readouterr().err
        assert told == "to_onnx.py: Exception: No space left on device (os error 28)\n"
    monkeypatch.setattr(onnx, "save", full)

    assert main(flags) == 2

    told = capsys.readouterr().err
    assert told.startswith("to_onnx.py: No space left on device: ")
    assert told.endswith("model.onnx; nothing was written\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_texts_too_long_for_the_memory_of_a_proof_are_not_tried_and_named(
    checkpoint: Path,
    graph: onnx.ModelProto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(encoder, "trace_encoder", lambda model: deepcopy(graph))
    monkeypatch.setattr(longest, "BUDGET", 91_000)
    flags = [str(checkpoint), "--out", str(tmp_path / "bundle")]

    assert main(flags) == 0

    content = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    tried = content["graphs"]["classify"]["float32"]["longest_tried"]
    # 112 n² bytes of maps, and 2,304 n of the rest: 20 is 90,880, 21 is 97,776.
    assert (tried, content["max_tokens"]) == (20, 32)
    told = capsys.readouterr().out
    assert "texts of 21 to 32 tokens, whose maps take more than" in told
    batches = content["proof"]["graphs"]["classify"]["float32"]["batches"]
    assert "2 x 20 tokens, padding: right" in batches
    assert not any("32 tokens" in batch for batch in batches)

    assert main([*flags, "--max-tokens", "12"]) == 0
    content = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert content["max_tokens"] == 12
    assert content["graphs"]["classify"]["float32"]["longest_tried"] == 12
    assert "not tried" not in capsys.readouterr().out
    assert EncoderModel(open_bundle(tmp_path / "bundle")).bundle.max_tokens == 12


BUNDLER = '{"name": "webpack bundle"}'


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["tiny", "--out", "project"], "bundle.json that is not of this program"),
        (["outer/tiny", "--out", "outer"], "outer/tiny, which is to be read, lies in"),
        (["tiny", "--out", "tiny"], "tiny, which is to be read, is"),
        (["tiny", "--out", "outer", "--held-out", "outer/a.csv"], "outer/a.csv, which is to be"),
        (["tiny", "--out", "outer", "--decoder-tokenizer", "outer/tiny"], "outer/tiny, which is"),
        ([""], "the checkpoint's name is empty"),
        (["tiny", "--title", ""], "--title is empty"),
        (["tiny", "--held-out", " "], "--held-out is empty"),
    ],
)
def test_what_would_be_lost_or_was_left_empty_is_refused_before_the_work(
    flags: list[str],
    sentence: str,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    for folder in ("project", "outer"):
        Path(folder).mkdir()
    Path("project/bundle.json").write_text(BUNDLER)
    Path("project/thesis.txt").write_text("precious")
    shutil.copytree(checkpoint, "outer/tiny")
    Path("outer/a.csv").touch()

    assert main(flags) == 2

    assert sentence in capsys.readouterr().err
    assert Path("project/thesis.txt").is_file()
    assert Path("outer/tiny/config.json").is_file()
    assert not Path("bundles").exists()


def test_a_training_that_was_stopped_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.train_classifier.main", lambda argv: 130)
    monkeypatch.chdir(tmp_path)

    assert main([]) == 130

    assert capsys.readouterr().err == "to_onnx.py: stopped; nothing was written\n"
