"""A bundle in Optimum: its classifier as it is, its decoder from the folder that is made for it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertForSequenceClassification,
    EncoderDecoderModel,
    GenerationConfig,
)

from export.clients.optimum_folder import main
from export.to_onnx import main as export

ROOT = Path(__file__).parents[3]
TINY = ROOT / "tests" / "demo" / "tiny_bundle"
TEXTS = ["the film is not bad", "dull story , but it was great !"]


@pytest.mark.parametrize(
    ("flags", "file"),
    [(["--precision", "float32"], "model.onnx"), ([], "model_quantized.onnx")],
)
def test_the_encoder_makes_its_one_segment_itself(
    flags: list[str], file: str, tmp_path: Path
) -> None:
    assert main([str(TINY), str(tmp_path / "made"), *flags]) == 0

    feed = {
        "input_ids": np.random.default_rng(0).integers(5, 100, (3, 7)),
        "attention_mask": np.tri(3, 7, 4, dtype=np.int64),
    }
    segments = {"token_type_ids": np.zeros((3, 7), np.int64)}
    ours = onnxruntime.InferenceSession(tmp_path / "made" / "encoder_model.onnx")
    bundles = onnxruntime.InferenceSession(TINY / "onnx" / file)
    assert [value.name for value in ours.get_inputs()] == list(feed)
    names = [value.name for value in bundles.get_outputs()]
    for found, expected in zip(
        ours.run(names, feed), bundles.run(names, feed | segments), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_transformers_reads_the_folders_configs_and_tokenizers(tmp_path: Path) -> None:
    folder = tmp_path / "made"

    assert main([str(TINY), str(folder)]) == 0

    config = AutoConfig.from_pretrained(folder)
    decoder = json.loads((TINY / "decoder" / "config.json").read_text())
    marks = json.loads((TINY / "decoder" / "generation_config.json").read_text())
    assert (config.model_type, config.is_encoder_decoder) == ("encoder-decoder", True)
    assert (config.encoder.model_type, config.decoder.model_type) == ("bert", "gpt2")
    assert config.decoder.n_layer == decoder["n_layer"]
    assert marks.items() <= GenerationConfig.from_pretrained(folder).to_dict().items()
    for place in ("", "decoder"):
        found = AutoTokenizer.from_pretrained(folder / place)
        assert (
            found("a film").input_ids
            == AutoTokenizer.from_pretrained(TINY / place)("a film").input_ids
        )


def _without_decoder(content: dict) -> None:
    content["tasks"] = ["classify"]


def _without_8_bit(content: dict) -> None:
    del content["graphs"]["generate"]["8bit"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_decoder, "has no decoder to write with; Optimum's ORTModelForSequenceClassifi"),
        (_without_8_bit, "has no 8bit graph, it has float32; give one of those"),
    ],
)
def test_bad_input_gets_a_sentence_and_code_2(
    change: Callable[[dict], None],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(TINY, bundle)
    content = json.loads((bundle / "bundle.json").read_text())
    change(content)
    (bundle / "bundle.json").write_text(json.dumps(content))

    assert main([str(bundle), str(tmp_path / "made"), "--precision", "8bit"]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


@pytest.fixture
def optimum(tmp_path: Path, skip_for_want: Callable[[str], None]) -> dict[str, str]:
    """Surroundings in which `import optimum` works: its packages, in front of our environment's."""
    place = tmp_path / "packages"
    pins = [
        line.replace("[onnxruntime]", "")
        for line in (ROOT / "export" / "requirements-optimum.txt").read_text().splitlines()
        if "==" in line
    ]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    done = subprocess.run([*command, str(place), *pins], capture_output=True, text=True)
    if done.returncode:
        skip_for_want(f"needs pip and a package index that has Optimum: {done.stderr[-300:]}")
    return {**os.environ, "PYTHONPATH": str(place)}


@pytest.mark.slow
def test_optimum_classifies_and_writes_what_transformers_does(
    random_checkpoint: Path, tmp_path: Path, optimum: dict[str, str]
) -> None:
    bundle, folder = tmp_path / "bundle", tmp_path / "folder"
    assert export([str(random_checkpoint), "--out", str(bundle), "--quantize", "--allow-miss"]) == 0
    assert main([str(bundle), str(folder), "--precision", "float32"]) == 0

    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("run_optimum.py")), str(bundle), str(folder)],
        input=json.dumps(TEXTS),
        env=optimum,
        check=True,
        capture_output=True,
        text=True,
    )

    found = json.loads(done.stdout)
    parts = [str(random_checkpoint / part) for part in ("encoder", "decoder")]
    encoded = AutoTokenizer.from_pretrained(parts[0])(TEXTS, return_tensors="pt", padding=True)
    classifier = BertForSequenceClassification.from_pretrained(parts[0]).eval()
    with torch.no_grad():
        logits = classifier(**encoded).logits.numpy()
    np.testing.assert_allclose(found["model.onnx"], logits, atol=1e-4)
    np.testing.assert_allclose(found["model_quantized.onnx"], logits, atol=0.3)
    assert found["cached"]
    writer = EncoderDecoderModel.from_encoder_decoder_pretrained(*parts).eval()
    end = writer.decoder.generation_config.eos_token_id
    for beams in (1, 3):
        expected = writer.generate(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            do_sample=False,
            num_beams=beams,
            max_new_tokens=12,
        ).tolist()
        texts = [_until(end, text) for text in expected]
        assert [_until(end, text) for text in found[f"{beams} beams"]] == texts
        assert texts[0] != texts[1]


def test_a_decoder_alone_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(TINY.with_name("prompt_bundle")), str(tmp_path / "made")]) == 2

    assert "has no decoder with files of its own beside an encoder" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def _until(end: int, text: list[int]) -> list[int]:
    """What stands behind the end differs between versions: padding, or the end again."""
    return text[: text.index(end, 1)] if end in text[1:] else text
