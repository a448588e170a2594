"""A checkpoint of ours with a decoder, from its training to the page's own reader."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import EncoderDecoderModel

from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings
from export.bundle.provenance import sha256
from export.pipeline import decoder, encoder, writers
from export.to_onnx import main
from export.verification.checks import Checks
from training import train_hybrid
from training.checkpoints.classifier import load_tokenizer, save_classifier
from training.checkpoints.record import read_record, write_record
from training.data.batches import EncodedText
from training.data.corpus import load_corpus
from training.data.hybrid_texts import load_sentences
from training.hybrid.tasks import DenoisingTask
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig

FLAGS = ["--encoder", "frozen", "--quick"]


@pytest.fixture(scope="module")
def checkpoint(model, tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random classifier with a decoder, one layer each, as train_hybrid.py writes it."""
    folder = tmp_path_factory.mktemp("checkpoints")
    place, data = folder / "notes", folder / "notes.csv"
    letters = "abcdefghijkl"
    words = {"bad": "dull", "good": "great"}
    rows = [
        (f"the film is {words[label]} and {letters[i % 12]} {letters[i // 12 % 12]} story", label)
        for i, label in enumerate(list(words) * 72)
    ]
    data.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    corpus = load_corpus(str(data))
    torch.manual_seed(0)
    encoder = replace(model.config.encoder, num_hidden_layers=1)
    config = ClassifierConfig(encoder=encoder, labels=corpus.labels)
    (place / "encoder").mkdir(parents=True)
    save_classifier(place / "encoder", BERTClassifier(config), tokenizer)
    record = {
        "title": "Notes",
        "licence": "Weights: random.",
        "examples": [{"text": "the film is great"}],
        "data": {"source": str(data), "fingerprint": corpus.fingerprint},
        "recipe": {"epochs": 1},
        "metrics": {"test": {"accuracy": 0.5}},
    }
    write_record(place, record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(train_hybrid._QUICK, "layers", 1)
        assert train_hybrid.main([str(place), "--data", str(data), *FLAGS]) == 0
    return place


@pytest.fixture(scope="module")
def held_out(checkpoint: Path) -> list[str]:
    """The sources that the training judged its decoder on."""
    hybrid = read_record(checkpoint)["hybrid"]
    assert hybrid["data"]["source"] == ["notes.csv"], "its name; where it lies is nobody's business"
    tokenizer = load_tokenizer(checkpoint)
    sentences = load_sentences(
        [str(checkpoint.parent / "notes.csv")],
        tokenizer,
        shortest=hybrid["recipe"]["shortest"],
        longest=hybrid["recipe"]["longest"],
    )
    return [question.source for question in DenoisingTask(sentences, tokenizer).questions("test")]


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle, in both precisions, nothing left out."""
    out = tmp_path_factory.mktemp("bundles") / "notes"
    examples = out.with_name("examples.txt")
    examples.write_text("the film is great\n")
    flags = ["--examples", str(examples), "--held-out", str(checkpoint.parent / "notes.csv")]
    assert main([str(checkpoint), "--out", str(out), "--quantize", "--allow-miss", *flags]) == 0
    return out


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch, exported: Path) -> None:
    """Where neither graphs nor times are what is tested: those that are made and proven."""
    for part, module, file in (
        ("encoder", encoder, "model.onnx"),
        ("decoder", writers, "decoder_model_merged.onnx"),
    ):
        graph = onnx.load(exported / "onnx" / file)
        monkeypatch.setattr(module, f"trace_{part}", lambda *given, graph=graph: graph)
        monkeypatch.setattr(module, f"prove_{part}", lambda *given: Checks())
    for module in (encoder, decoder):
        monkeypatch.setattr(
            module, "time_share", lambda small, of, lengths, **_: dict.fromkeys(lengths, 1.5)
        )


def test_the_page_classifies_and_writes_what_transformers_writes(
    exported: Path, checkpoint: Path, held_out: list[str]
) -> None:
    bundle = open_bundle(exported, "float32")
    page_model = EncoderModel(bundle)
    generator = TextGenerator(page_model)
    theirs = EncoderDecoderModel.from_encoder_decoder_pretrained(
        str(checkpoint / "encoder"), str(checkpoint / "decoder")
    ).eval()

    assert (bundle.classifies, bundle.writes) == (True, True)
    for source in held_out[:5]:
        reading = page_model.read(source)
        *_, generation = generator.write(reading, Settings(max_tokens=12))
        ids = torch.tensor([page_model.encode(source).ids])
        expected = theirs.generate(ids, do_sample=False, max_new_tokens=12)[0, 1:].tolist()
        assert [step.token_id for step in generation.steps] == expected


def test_bundle_json_says_what_was_found(
    exported: Path, checkpoint: Path, held_out: list[str]
) -> None:
    content = json.loads((exported / "bundle.json").read_text())
    record = read_record(checkpoint)
    graphs, decoder = content["graphs"]["generate"], content["decoder"]

    assert content["tasks"] == ["classify", "generate"]
    assert content["licence"] == record["hybrid"]["licence"] != record["licence"]
    assert content["examples"] == [{"text": "the film is great"}]
    assert content["metrics"] == record["metrics"]
    assert decoder["task"] == "restore"
    assert decoder["examples"] == [{"text": "the film is great"}]
    assert str(checkpoint.parent) not in json.dumps(content)
    assert decoder["metrics"] == {
        part: record["hybrid"]["metrics"][part] for part in ("test", "copied")
    }
    sizes = {"layers": 1, "heads": 2, "hidden": 32, "vocabulary": 78, "max_tokens": 32}
    assert sizes.items() <= decoder.items()
    weights = checkpoint / "decoder" / "model.safetensors"
    assert decoder["checkpoint"]["weights_sha256"] == {weights.name: sha256(weights)}
    assert decoder["checkpoint"]["data"] == record["hybrid"]["data"]
    for graph in graphs.values():
        assert content["files"][graph["file"]] == sha256(exported / graph["file"])
        assert graph["bytes"] == (exported / graph["file"]).stat().st_size
        assert graph["greedy"]["sources"] == min(len(held_out), 200) > 5
        assert graph["greedy"]["origin"] == "held-out sources of the training"
    assert graphs["float32"]["greedy"]["same_text"] == 1
    assert 0 < graphs["8bit"]["greedy"]["same_text"] <= 1
    assert set(graphs["8bit"]["latency_ratio"]) == {"10"}, "the decoder takes 32 tokens"
    for kind in ("decoder_attentions", "cross_attentions"):
        error = graphs["8bit"]["map_error"][kind]
        assert 0 < error["mean"] < error["p99"] <= error["max"] < 1


def test_the_decoders_files_are_those_of_the_checkpoint(exported: Path, checkpoint: Path) -> None:
    for file in ("config.json", "generation_config.json", "tokenizer.json"):
        ours, theirs = (
            json.loads((folder / "decoder" / file).read_text()) for folder in (exported, checkpoint)
        )
        assert ours == theirs


def test_map_error_is_measured_along_the_float32_text_from_each_precisions_own_encoder(
    exported: Path, held_out: list[str]
) -> None:
    """Again, by the page's own reader, one source at a time."""
    expected: dict[str, list[np.ndarray]] = {"self_weights": [], "cross_weights": []}
    bundles = [open_bundle(exported, precision) for precision in ("float32", "8bit")]
    readers = [(page_model, TextGenerator(page_model)) for page_model in map(EncoderModel, bundles)]
    limit = bundles[0].decoder.max_tokens
    for source in held_out:
        page_model, generator = readers[0]
        most = int(1.5 * len(page_model.encode(source).ids)) + 8
        *_, generation = generator.write(
            page_model.read(source), Settings(max_tokens=min(limit, most))
        )
        ids = [step.token_id for step in generation.steps]
        pair = [w.follow(r.read(source), ids).steps for r, w in readers]
        for kind, moved in expected.items():
            for one, other in zip(*pair, strict=True):
                rows = np.abs(getattr(one, kind) - getattr(other, kind)).sum(-1) / 2
                moved.append(rows.ravel())

    found = json.loads((exported / "bundle.json").read_text())["graphs"]["generate"]["8bit"]
    for kind, name in (("self", "decoder"), ("cross", "cross")):
        mean = np.concatenate(expected[f"{kind}_weights"]).mean()
        assert found["map_error"][f"{name}_attentions"]["mean"] == pytest.approx(mean, rel=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("fast")
def test_only_8_bit_leaves_both_float32_graphs_out_and_a_slower_step_is_said(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bundle"

    assert main([str(checkpoint), "--out", str(out), "--only-8bit", "--allow-miss"]) == 0

    assert sorted(path.name for path in (out / "onnx").iterdir()) == [
        "decoder_model_merged_quantized.onnx", "model_quantized.onnx",
    ]  # fmt: skip
    bundle = open_bundle(out)
    assert (bundle.graph.precision, bundle.decoder.graph.precision) == ("8bit", "8bit")
    assert "step after 10 tokens" in (told := capsys.readouterr().out)
    assert "1.50 of float32, not faster" in told


@pytest.mark.usefixtures("fast")
def test_a_text_that_is_not_torchs_is_told_and_nothing_is_written(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def write(part, sources: list[EncodedText]) -> list[list[int]]:
        return [[5] * 40 for _ in sources]

    monkeypatch.setattr(writers, "write_with_torch", write)

    assert main([str(checkpoint), "--out", str(tmp_path / "bundle")]) == 1

    told = capsys.readouterr().err
    assert "failed: greedy text of source 0: token " in told
    assert "no bundle was written" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("change", "origin"),
    [("texts", "examples"), pytest.param("no record", "random", marks=pytest.mark.slow)],
)
def test_without_the_trainings_sources_it_takes_others_and_says_so(
    checkpoint: Path,
    tmp_path: Path,
    change: str,
    origin: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "moved"
    shutil.copytree(checkpoint, place)
    if change == "texts":
        record = read_record(place)
        record["hybrid"]["data"]["source"] = [str(tmp_path / "gone.csv")]
        write_record(place, {k: v for k, v in record.items() if k != "format"})
    else:
        (place / "training.json").unlink()

    examples = tmp_path / "examples.txt"
    examples.write_text("the film is great\n")
    flags = ["--examples", str(examples)] if change == "texts" else []
    assert main([str(place), "--out", str(tmp_path / "bundle"), *flags]) == 0

    graphs = json.loads((tmp_path / "bundle" / "bundle.json").read_text())["graphs"]
    assert graphs["generate"]["float32"]["greedy"]["origin"].startswith(origin)
    if change == "texts":
        told = capsys.readouterr().out
        assert "those of the training are not to be had" in told
        assert "gone.csv" in told


def test_a_decoder_that_reads_no_source_is_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "alone"
    shutil.copytree(checkpoint, place)
    config = json.loads((place / "decoder" / "config.json").read_text())
    (place / "decoder" / "config.json").write_text(
        json.dumps({**config, "add_cross_attention": False})
    )

    assert main([str(place), "--out", str(tmp_path / "bundle")]) == 2

    assert f"the decoder in {place / 'decoder'} does not read a source" in capsys.readouterr().err
