"""Every other task than to classify: a folder becomes a bundle with `transformers`' numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import transformers
from transformers import AutoConfig, AutoTokenizer

from bundle_format.folder import read_manifest
from bundle_format.graphs import ReadingGraph
from bundle_format.schema import Manifest, Pooling
from export.any_model.random_models import random_model
from export.graphs.tasks import TASKS
from export.quantize.choices import pool
from export.runtime.session import open_session, run
from export.to_onnx import main

TEXTS, OTHERS = ["the film is [MASK]", "great"], ["but it was a dull story .", "bad"]


@pytest.fixture
def saved(tmp_path: Path, word_piece_file: Path) -> Callable[..., Path]:
    """Writes a random model for a task, as `save_pretrained` leaves it."""

    def save(family: str, task: str, **settings: Any) -> Path:
        folder = tmp_path / "theirs"
        folder.mkdir()
        (folder / "tokenizer.json").write_bytes(word_piece_file.read_bytes())
        AutoConfig.for_model(family).save_pretrained(folder)
        words = len(AutoTokenizer.from_pretrained(folder))
        sizes = {"vocab_size": words, "num_hidden_layers": 1, **settings}
        random_model(family, TASKS[task], **sizes).save_pretrained(folder)
        return folder

    return save


def exported(folder: Path, *flags: str) -> tuple[Path, Manifest]:
    out = folder.parent / "bundle"
    assert main([str(folder), "--out", str(out), *flags]) == 0
    return out, read_manifest(out)


def both_ways(
    folder: Path, out: Path, task: str, layers: tuple[int, ...] = ()
) -> tuple[Any, dict[str, np.ndarray]]:
    """What `transformers` and the graph give of a batch.

    Args:
        layers: whose maps it has, where not all have.
    """
    theirs = getattr(transformers, TASKS[task].auto).from_pretrained(
        folder, attn_implementation="eager"
    )
    batch = AutoTokenizer.from_pretrained(out)(TEXTS, OTHERS, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = theirs.eval()(**batch, output_attentions=True)
    session = open_session(out / "onnx" / "model.onnx")
    found = run(session, {name: tensor.numpy() for name, tensor in batch.items()})
    for layer, weights in enumerate(expected.attentions):
        if layers and layer not in layers:
            assert f"encoder_attentions.{layer}" not in found
            continue
        real = batch["attention_mask"].bool()[:, None, :, None]
        np.testing.assert_allclose(
            found[f"encoder_attentions.{layer}"] * real.numpy(), weights * real, atol=1e-4
        )
    return expected, {**found, "attention_mask": batch["attention_mask"].numpy()}


def eight_bit(manifest: Manifest) -> ReadingGraph:
    graph = manifest.graphs.by_task()[manifest.reads]["8bit"]
    assert isinstance(graph, ReadingGraph)
    return graph


def test_labels_of_tokens(saved: Callable[..., Path]) -> None:
    names = {"id2label": {"0": "O", "1": "B-PER", "2": "I-PER"}}
    folder = saved("distilbert", "tag", num_labels=3, num_hidden_layers=2, **names)

    out, manifest = exported(folder, "--quantize", "--allow-miss", "--layers", "1")

    expected, found = both_ways(folder, out, "tag", manifest.map_layers or ())
    np.testing.assert_allclose(found["logits"], expected.logits, atol=1e-4)
    assert (manifest.tasks, manifest.labels) == (("tag",), ("O", "B-PER", "I-PER"))
    assert manifest.map_layers == (1,)
    assert (manifest.problem_type, manifest.temperature, manifest.pooling) == (None, None, None)
    assert [one.text_pair for one in manifest.examples] == [""] * 4
    small = eight_bit(manifest)
    assert small.held_out is not None
    assert small.held_out.same_label is not None
    assert small.not_measured is not None
    assert "accuracy" in small.not_measured


def test_where_an_answer_starts_and_ends(saved: Callable[..., Path], tmp_path: Path) -> None:
    folder = saved("mpnet", "answer")
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"text": "is it bad ?", "text_pair": "the film is great ."}\n')

    out, manifest = exported(folder, "--examples", str(asked), "--quantize", "--allow-miss")

    expected, found = both_ways(folder, out, "answer")
    np.testing.assert_allclose(found["start_logits"], expected.start_logits, atol=1e-4)
    np.testing.assert_allclose(found["end_logits"], expected.end_logits, atol=1e-4)
    assert (manifest.tasks, manifest.labels) == (("answer",), None)
    assert manifest.examples[0].text_pair == "the film is great ."
    small = eight_bit(manifest)
    assert small.held_out is not None
    assert small.held_out.same_label in (0.0, 1.0)
    assert small.difference_from_float32.keys() == {
        "start_logits",
        "end_logits",
        "encoder_attentions",
    }


def test_the_word_at_a_mask_and_a_table_that_is_stored_once(saved: Callable[..., Path]) -> None:
    folder = saved("bert", "fill")
    held_out = folder.parent / "texts.txt"
    held_out.write_text("the film is great\nbut it was bad\n")

    asked = ("--quantize", "--allow-miss", "--held-out", str(held_out))
    out, manifest = exported(folder, *asked, "--integer-weights", "int8")

    expected, found = both_ways(folder, out, "fill")
    np.testing.assert_allclose(found["logits"], expected.logits, atol=1e-4)
    assert manifest.tasks == ("fill",)
    compared = eight_bit(manifest).held_out
    assert compared is not None
    assert (compared.texts, compared.from_) == (2, {"texts.txt": 2})
    assert compared.accuracy_float32 in (0.0, 0.5, 1.0)
    words, width = manifest.sizes.vocabulary, manifest.sizes.hidden
    for name, kind in (("model.onnx", 1), ("model_quantized.onnx", 3)):
        stored = onnx.load(out / "onnx" / name).graph.initializer
        tables = [one.data_type for one in stored if sorted(one.dims) == sorted((words, width))]
        assert tables == [kind], name


OLD = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}


def test_the_vector_of_a_text_as_sentence_transformers_makes_it(
    saved: Callable[..., Path],
) -> None:
    folder = saved("bert", "fill")  # as all-mpnet-base-v2's: its class is for something else
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [
        {"idx": i, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(OLD))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 24}))
    prompts = {"prompts": {"query": "query: ", "document": ""}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))

    out, manifest = exported(folder, "--quantize", "--allow-miss")

    expected, found = both_ways(folder, out, "embed")
    real = found["attention_mask"].astype(bool)
    hidden = found["last_hidden_state"]
    np.testing.assert_allclose(hidden[real], expected.last_hidden_state[real], atol=1e-4)
    assert "logits" not in found
    assert (manifest.tasks, manifest.max_tokens) == (("embed",), 24)
    assert manifest.pooling == Pooling(mode="cls", normalize=True)
    assert any("query 'query: '" in one for one in manifest.assumed)
    first = expected.last_hidden_state[:, 0]
    vectors = pool(hidden, real, manifest.pooling)
    np.testing.assert_allclose(vectors, first / first.norm(dim=1, keepdim=True), atol=1e-5)
    held_out = eight_bit(manifest).held_out
    assert held_out is not None
    assert held_out.same_label is None
    assert held_out.least_cosine is not None
    assert held_out.cosine is not None
    assert 0.9 < held_out.least_cosine <= held_out.cosine <= 1.001
