"""The command that says what finished classifiers are worth on other texts."""

import json
import re

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from training import evaluate
from training.checkpoints.record import write_record
from training.data.corpus import load_corpus


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Texts of two labels, in a file of rows."""
    file = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    rows = [
        {"text": f"the film is {'abcdefghij'[n % 10]} {'klmnopq'[n % 7]} story", "label": label}
        for n, label in zip(range(70), 35 * ["good", "bad"], strict=True)
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("labels", [("bad", "good"), ("good", "bad")])
def test_accuracy_is_that_of_transformers_whatever_the_order_of_the_labels(
    data, labels, save_tiny, tokenizer, tmp_path, capsys
):
    save_tiny(tmp_path / "ours" / "encoder", labels)
    write_record(tmp_path / "ours", {"temperature": 2.0, "recipe": {"max_tokens": 20}})
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path / "ours" / "encoder")
    corpus = load_corpus(data)
    with torch.no_grad():
        read = tokenizer([one.text for one in corpus.test], padding=True, return_tensors="pt")
        best = theirs.eval()(**read).logits.argmax(1)
    right = np.mean(
        [
            labels[place] == corpus.labels[one.label]
            for place, one in zip(best.tolist(), corpus.test, strict=True)
        ]
    )

    assert evaluate.main([str(tmp_path / "ours"), "--data", data]) == 0

    said = capsys.readouterr().out
    assert re.search(rf"ours +{right:.3f} \(", said)
    assert f"{len(corpus.test)} texts of" in said
    assert "0 cut at 20 tokens, temperature 2.00" in said


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--max-tokens", "31"], "--max-tokens is 31; .* takes 3 to 30"),
        (["--max-tokens", "0"], "--max-tokens is 0; .* takes 3 to 30"),
        (
            ["--part", "validation"],
            "with the labels 'no', 'yes'; expected what texts.jsonl has: .*'bad'",
        ),
    ],
)
def test_what_it_cannot_measure_is_said(data, flags, sentence, save_tiny, tmp_path, capsys):
    save_tiny(tmp_path, ("no", "yes") if "--part" in flags else ("bad", "good"))

    assert evaluate.main([str(tmp_path), "--data", data, *flags]) == 2

    assert re.search(sentence, capsys.readouterr().err)
