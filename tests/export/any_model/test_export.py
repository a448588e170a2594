"""Models of families that are not ours, exported: one of each kind of attention, with the tokenizer
that comes along with it. A folder becomes a bundle with `transformers`' numbers, and the page opens
it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from export.any_model.random_models import random_model
from export.graphs.tasks import TASKS
from export.runtime.session import open_session, run
from export.to_onnx import main
from export.verify import main as verify

WORDS = "a the film is not bad good dull bright story and but it was great".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEXT, OTHER = "the film is not bad", "but it was great , a dull story ."


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A family, and what is special about its attention and about this model of it."""

    family: str
    tokenizer: str
    """Fixture."""
    settings: dict[str, Any]
    after: Callable[[torch.Tensor], torch.Tensor]
    segments: bool = False
    profile: str = ""
    """Also exported in 8 bit."""
    runtimes: tuple[str, ...] = ()
    """Beside onnxruntime, where its graph has an operator that others of ours have not."""
    max_tokens: int = 41


def softmax(logits: torch.Tensor) -> torch.Tensor:
    return logits.softmax(dim=-1)


KINDS = [
    # Texts and heads in one axis.
    Kind(
        family="deberta-v2",
        tokenizer="sentence_piece_file",
        settings={"num_labels": 3, "problem_type": "multi_label_classification"},
        after=torch.sigmoid,
        profile="fast",
        runtimes=("onnx.reference",),
    ),
    # Most layers see a window.
    Kind(family="modernbert", tokenizer="byte_level_file", settings={}, after=softmax),
    # All layers share their weights.
    Kind(
        family="albert",
        tokenizer="sentence_piece_file",
        settings={"num_labels": 1},
        after=torch.nn.Identity(),
        segments=True,
        profile="faithful",
    ),
    # Three heads share their keys and values.
    Kind(family="eurobert", tokenizer="byte_level_file", settings={}, after=softmax),
    # Positions begin behind the padding's.
    Kind(
        family="camembert",
        tokenizer="sentence_piece_file",
        settings={},
        after=softmax,
        max_tokens=39,
        runtimes=("onnx.reference",),
    ),
]


@pytest.fixture(scope="session")
def sentence_piece_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `tokenizer.json` of a small unigram model with the marks of ALBERT and of DeBERTa."""
    marks = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"]
    pieces = ["▁", *(f"▁{word}" for word in WORDS), *LETTERS, *".,!?'", "ing"]
    scored = [(piece, -float(place)) for place, piece in enumerate(dict.fromkeys(pieces), 2)]
    tokenizer = Tokenizer(models.Unigram([*((mark, 0.0) for mark in marks), *scored], unk_id=1))
    tokenizer.add_special_tokens(marks)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    file = tmp_path_factory.mktemp("sentence_piece") / "tokenizer.json"
    tokenizer.save(str(file))
    return file


def save_random(kind: Kind, tokenizer_file: Path, folder: Path) -> None:
    """As `save_pretrained` leaves it: config, weights, tokenizer.json."""
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes(tokenizer_file.read_bytes())
    AutoConfig.for_model(kind.family).save_pretrained(folder)
    words = len(AutoTokenizer.from_pretrained(folder))  # the family's own marks are added
    model = random_model(kind.family, TASKS["classify"], vocab_size=words, **kind.settings)
    model.save_pretrained(folder)


# In every run a family for each other task goes this way: `test_tasks.py`.
@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.family) for kind in KINDS])
def test_a_model_of_any_family_becomes_a_bundle_with_its_numbers(
    kind: Kind,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    folder, out = tmp_path / "theirs", tmp_path / "bundle"
    save_random(kind, request.getfixturevalue(kind.tokenizer), folder)

    quantized = ["--quantize", "--allow-miss", "--profile", kind.profile] if kind.profile else []

    assert main([str(folder), "--out", str(out), *quantized]) == 0
    assert verify([str(out), "--runtimes", *kind.runtimes]) == 0

    theirs = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(out)
    tokenizer.pad_token = tokenizer.pad_token or "<pad>"
    batch = tokenizer([TEXT, "great"], [OTHER, "bad"], padding=True, return_tensors="pt")
    inputs = {"input_ids", "attention_mask", *(["token_type_ids"] if kind.segments else [])}
    assert set(batch) == inputs
    with torch.no_grad():
        expected = theirs.eval()(**batch, output_attentions=True)
    session = open_session(out / "onnx" / "model.onnx")
    assert {value.name for value in session.get_inputs()} == inputs
    found = run(session, {name: tensor.numpy() for name, tensor in batch.items()})
    np.testing.assert_allclose(found["logits"], expected.logits, atol=1e-4)
    for layer, weights in enumerate(expected.attentions):
        np.testing.assert_allclose(found[f"encoder_attentions.{layer}"], weights, atol=1e-4)

    page_model = EncoderModel(open_bundle(out, "float32"))
    readings = page_model.run([page_model.encode(TEXT, OTHER), page_model.encode("great", "bad")])
    answers = np.stack([reading.probabilities for reading in readings])
    np.testing.assert_allclose(answers, kind.after(expected.logits), atol=1e-4)
    assert page_model.bundle.max_tokens == kind.max_tokens
    words = [token.text for token in readings[0].tokens if token.segment == 0 and token.text]
    assert "".join(words).replace(" ", "") == TEXT.replace(" ", "")
    if quantized:
        small = EncoderModel(open_bundle(out, "8bit")).read(TEXT)
        assert small.weights.shape == page_model.read(TEXT).weights.shape
