"""Several labels at once and numbers: trained by our command, exported by our command, and read by
the page with the answers of the checkpoint."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit
from transformers import PreTrainedTokenizerBase

from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from export import to_onnx
from training import train_classifier
from training.checkpoints.classifier import load_classifier, load_tokenizer, save_classifier
from training.checkpoints.record import read_record
from training.model.classifier import BERTClassifier

HOLDS = {"great": ["good"], "dull": ["bad"], "bright": ["bad", "good"], "story": []}
SCORES = {"great": 110, "dull": 90, "bright": 100, "story": 101}
WORDS = [*product("abcdef", "abcdef", HOLDS)]
TEXTS = ["the film is great", "a dull story, and the film was bad", "bright"]


def table(folder: Path, column: str) -> Path:
    answers = {"labels": HOLDS, "score": SCORES}[column]
    rows = [{"text": f"the film is {w} {a} {b}", column: answers[w]} for a, b, w in WORDS]
    file = folder / f"{column}.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


@pytest.mark.slow
@pytest.mark.parametrize("column", ["labels", "score"])
def test_what_our_command_trained_answers_alike_on_the_page(
    column: str, model: BERTClassifier, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    (tmp_path / "init").mkdir()
    save_classifier(tmp_path / "init", model, tokenizer)
    trained, bundle_folder = tmp_path / "trained", tmp_path / "bundle"
    small = ["--batch-size", "16", "--epochs", "2", "--learning-rate", "1e-3", "--max-tokens", "30"]
    given = ["--data", str(table(tmp_path, column)), "--init", str(tmp_path / "init")]
    assert train_classifier.main([*given, *small, "--out", str(trained)]) == 0
    assert to_onnx.main([str(trained), "--out", str(bundle_folder)]) == 0

    bundle, record = open_bundle(bundle_folder), read_record(trained)
    page = EncoderModel(bundle)
    readings = [page.read(text) for text in TEXTS]

    classifier, of_texts = load_classifier(trained), load_tokenizer(trained)
    for text, reading in zip(TEXTS, readings, strict=True):
        token_ids = torch.tensor([of_texts(text)["input_ids"]])
        with torch.no_grad():
            logits = classifier(token_ids, torch.ones_like(token_ids, dtype=torch.bool)).logits[0]
        np.testing.assert_allclose(reading.logits, logits, atol=1e-4, rtol=1e-4)
        expected = logits.numpy()
        if column == "labels":
            expected = expit(expected / record["temperature"])
        np.testing.assert_allclose(reading.probabilities, expected, atol=1e-4, rtol=1e-4)
    assert bundle.labels == (("bad", "good") if column == "labels" else ("score",))
    assert bundle.problem_type == ("multi_label" if column == "labels" else "regression")
    if column == "score":
        assert 80 < readings[0].probabilities[0] < 120, "in the unit of the table"
