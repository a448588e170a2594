"""Texts of ours stand in for those that nobody gave, where they fit what the model is for."""

from dataclasses import replace
from pathlib import Path

import pytest

from export.bundle.example_texts import example_texts
from export.loading.checkpoint import LoadedEncoder, load_checkpoint, scores_pairs


@pytest.fixture
def part(checkpoint: Path) -> LoadedEncoder:
    return load_checkpoint(str(checkpoint)).encoder


def test_a_classifier_of_unknown_texts_gets_none(part: LoadedEncoder) -> None:
    assert example_texts(part) == ()


def test_each_task_gets_texts_of_its_shape(part: LoadedEncoder) -> None:
    found = {
        task: example_texts(replace(part, task=task))
        for task in ("tag", "answer", "fill", "embed", "encode")
    }

    assert all(len(texts) > 2 for texts in found.values())
    alone = (*found["tag"], *found["fill"], *found["encode"])
    assert all("text_pair" not in one for one in alone)
    assert all("text_pair" in one for one in (*found["answer"], *found["embed"]))
    assert all("[MASK]" in one["text"] for one in found["fill"])


def test_a_cross_encoder_gets_pairs(part: LoadedEncoder) -> None:
    scores = replace(part, reads_pairs=True, labels=("LABEL_0",))
    judges = replace(part, labels=("Entailment", "neutral", "contradiction"))

    assert all(one["text"].endswith("?") and one["text_pair"] for one in example_texts(scores))
    assert all(one["text"].endswith(".") and one["text_pair"] for one in example_texts(judges))


def test_a_tokenizer_that_knows_no_letter_gets_none(part: LoadedEncoder) -> None:
    part.tokenizer.backend_tokenizer.normalizer = None
    tokenizer = part.tokenizer.train_new_from_iterator(["1 2 3"], 10)

    assert example_texts(replace(part, task="tag", tokenizer=tokenizer)) == ()


def test_a_cross_encoder_is_told_by_what_sentence_transformers_notes() -> None:
    assert scores_pairs({"sbert_ce_default_activation_function": "torch.nn.Identity"})
    assert scores_pairs({"sentence_transformers": {"version": "4.0"}})
    assert not scores_pairs({"model_type": "bert"})
