"""BERT's relatives, exported: a folder as on the Hub becomes a bundle with `transformers`' numbers,
and the page's own reader opens it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from export.eval_texts import feed_of
from export.runtime.session import open_session, run
from export.to_onnx import main
from training.data.batches import encode_texts, pad
from training.data.corpus import Example

LAYERS = 1
SLOW = ("bert", "roberta", "xlm-roberta", "electra", "distilbert")
PAIRS = [("the film 😍 is not bad", "great"), ("好电影!", "the story is bad, not great")]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A random model, and what its answers are by their definition."""

    model_type: str
    tokenizer: str
    """Fixture."""
    settings: dict[str, Any]
    after: Callable[[torch.Tensor], torch.Tensor]
    problem: str
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    max_tokens: int = 30
    names: dict[str, str] = field(default_factory=dict)


def softmax(logits: torch.Tensor) -> torch.Tensor:
    return logits.softmax(dim=-1)


CASES = [
    Case(
        model_type="bert",
        tokenizer="word_piece_file",
        settings={"num_labels": 1, "sbert_ce_default_activation_function": "torch.nn.Identity"},
        after=torch.nn.Identity(),
        problem="regression",
        inputs=("input_ids", "attention_mask", "token_type_ids"),
    ),
    Case(
        model_type="distilbert",
        tokenizer="word_piece_file",
        settings={"num_labels": 3, "problem_type": "multi_label_classification"},
        after=torch.sigmoid,
        problem="multi_label",
        names={
            "hidden_size": "dim",
            "num_hidden_layers": "n_layers",
            "num_attention_heads": "n_heads",
            "intermediate_size": "hidden_dim",
        },
    ),
    Case(
        model_type="roberta",
        tokenizer="byte_level_file",
        settings={"type_vocab_size": 1, "num_labels": 3},
        after=softmax,
        problem="single_label",
        max_tokens=28,
    ),
    Case(
        model_type="xlm-roberta",
        tokenizer="unigram_file",
        settings={
            "type_vocab_size": 1,
            "num_labels": 1,
            "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"},
        },
        after=torch.sigmoid,
        problem="multi_label",
        max_tokens=28,
    ),
    Case(
        model_type="electra",
        tokenizer="word_piece_file",
        settings={"embedding_size": 12, "num_labels": 2, "problem_type": "regression"},
        after=torch.nn.Identity(),
        problem="regression",
        inputs=("input_ids", "attention_mask", "token_type_ids"),
    ),
    Case(
        model_type="mpnet",
        tokenizer="word_piece_file",
        settings={"num_labels": 3},
        after=softmax,
        problem="single_label",
        max_tokens=28,
    ),
]


def save_model(case: Case, tokenizer_file: Path, folder: Path) -> None:
    """As `save_pretrained` leaves it: config, weights, tokenizer.json."""
    torch.manual_seed(0)
    shutil.copy(tokenizer_file, folder)
    AutoConfig.for_model(case.model_type).save_pretrained(folder)  # its own marks are added
    size = {
        "vocab_size": len(AutoTokenizer.from_pretrained(folder)),
        "hidden_size": 16,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": 20,
        "max_position_embeddings": 30,
        "initializer_range": 0.4,
        **case.settings,
    }
    settings = {case.names.get(name, name): value for name, value in size.items()}
    config = AutoConfig.for_model(case.model_type, **settings)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)


@pytest.mark.parametrize(
    "case",
    [
        # The tests of training hold every family's model to transformers'.
        pytest.param(case, marks=[pytest.mark.slow] if case.model_type in SLOW else [])
        for case in CASES
    ],
    ids=[case.model_type for case in CASES],
)
def test_a_model_of_the_hub_becomes_a_bundle_with_its_numbers(
    case: Case, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder, out = tmp_path / "theirs", tmp_path / "bundle"
    folder.mkdir()
    save_model(case, request.getfixturevalue(case.tokenizer), folder)

    assert main([str(folder), "--out", str(out)]) == 0

    theirs = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(*map(list, zip(*PAIRS, strict=True)), padding=True, return_tensors="pt")
    batch = {name: batch[name] for name in case.inputs}
    with torch.no_grad():
        expected = theirs.eval()(**batch, output_attentions=True)
    assert len(expected.attentions) == LAYERS

    session = open_session(out / "onnx" / "model.onnx")
    assert tuple(value.name for value in session.get_inputs()) == case.inputs
    texts = encode_texts(
        [Example(PAIRS[0][0], 0, PAIRS[0][1])], tokenizer, max_tokens=case.max_tokens
    )
    assert tuple(feed_of(pad(texts), session)) == case.inputs
    found = run(session, {name: tensor.numpy() for name, tensor in batch.items()})
    np.testing.assert_allclose(found["logits"], expected.logits, atol=1e-4)
    for layer, weights in enumerate(expected.attentions):
        np.testing.assert_allclose(found[f"encoder_attentions.{layer}"], weights, atol=1e-4)

    page_model = EncoderModel(open_bundle(out))
    readings = page_model.run([page_model.encode(*pair) for pair in PAIRS])
    answers = np.stack([reading.probabilities for reading in readings])
    np.testing.assert_allclose(answers, case.after(expected.logits), atol=1e-4)
    assert (page_model.bundle.problem_type, page_model.bundle.max_tokens) == (
        case.problem,
        case.max_tokens,
    )


def test_a_tokenizer_that_knows_more_than_its_model_is_refused(
    unigram_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = next(case for case in CASES if case.model_type == "xlm-roberta")
    save_model(case, unigram_file, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    words = len(tokenizer)
    tokenizer.add_tokens(["wonderful"])
    tokenizer.save_pretrained(tmp_path)

    assert main([str(tmp_path), "--out", str(tmp_path / "bundle")]) == 2

    told = capsys.readouterr().err
    assert f"has tokens up to the id {words}, its model knows those below {words}; give the" in told


@pytest.mark.slow
def test_an_mpnet_that_our_own_command_fine_tuned_becomes_a_page(
    word_piece_file: Path, tmp_path: Path
) -> None:
    from training.train_classifier import main as train

    start, made, out = (tmp_path / name for name in ("start", "made", "bundle"))
    start.mkdir()
    save_model(CASES[-1], word_piece_file, start)
    rows = [f"the film {number} is {('bad', 'great')[number % 2]}" for number in range(60)]
    data = tmp_path / "rows.csv"
    lines = [f"{text},{('negative', 'positive')[place % 2]}" for place, text in enumerate(rows)]
    data.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    flags = ["--init", str(start), "--data", str(data), "--max-tokens", "28", "--quick"]

    assert train([*flags, "--out", str(made)]) == 0
    assert main([str(made), "--out", str(out)]) == 0

    reading = EncoderModel(open_bundle(out)).read(rows[0])
    assert reading.weights.shape[:2] == (LAYERS, 2)
    np.testing.assert_allclose(reading.probabilities.sum(), 1, rtol=1e-5)
