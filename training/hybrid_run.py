"""One run from a classifier's checkpoint to the same with a decoder; a sibling of `run.py`.

prepare_hybrid -> PreparedHybrid -> fit_hybrid -> measure_hybrid -> save_hybrid
"""

import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from training.batches import encode_texts
from training.checkpoint import load_classifier, load_tokenizer, save_classifier
from training.classifier_kept import ClassifierKept, updated
from training.corpus import Example
from training.decoder_checkpoint import TextTokens, save_decoder
from training.following import Following
from training.hybrid_recipe import HybridRecipe
from training.memory import Memory
from training.model.classifier import BERTClassifier
from training.model.decoder_config import DecoderConfig
from training.model.hybrid import BERTGPTModel
from training.predict import predict_logits
from training.record import read_record, write_record
from training.restoring import Restoring
from training.rewriter import Rewriter, frozen_copy

HybridTask = Restoring | Following
MakeTask = Callable[[PreTrainedTokenizerBase, HybridRecipe], HybridTask]
_EXAMPLES = 6  # for a page to offer
_SHOWN = 10  # sentences that are printed and kept, good and bad alike


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedHybrid:
    """All that a run needs, made before it starts."""

    record: dict[str, Any]
    """The classifier's `training.json`."""
    classifier: BERTClassifier
    rewriter: Rewriter
    task: HybridTask
    recipe: HybridRecipe
    memory: Memory | None
    """Where the encoder learns along."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One judged text."""

    source: str
    written: str
    target: str


@dataclass(frozen=True, slots=True)
class MeasuredHybrid:
    """What the trained hybrid is worth on the test part."""

    scores: dict[str, Any]
    copied: dict[str, Any]
    """The same of a baseline that writes its source down again."""
    shown: tuple[Shown, ...]


def new_hybrid(classifier: BERTClassifier, layers: int, dropout: float) -> BERTGPTModel:
    """A decoder of the encoder's width and heads, with the encoder's words and positions.

    New weights come from torch's generator: seed it first.
    """
    encoder = classifier.encoder
    size = encoder.config
    model = BERTGPTModel(
        size,
        DecoderConfig(
            vocab_size=size.vocab_size,
            hidden_size=size.hidden_size,
            num_hidden_layers=layers,
            num_attention_heads=size.num_attention_heads,
            intermediate_size=size.intermediate_size,
            max_position_embeddings=size.max_position_embeddings,
            hidden_dropout=dropout,
            embedding_dropout=dropout,
            attention_dropout=dropout,
        ),
    )
    model.encoder = encoder
    with torch.no_grad():
        model.decoder.word.weight.copy_(encoder.embeddings.word.weight)
        model.decoder.position.weight.copy_(encoder.embeddings.position.weight)
    return model


def text_tokens(tokenizer: PreTrainedTokenizerBase) -> TextTokens:
    """BERT's own marks: [CLS] begins a text, [SEP] ends it.

    Raises:
        ValueError: the tokenizer lacks one of them.
    """
    ids = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
    if None in ids:
        raise ValueError(
            "the tokenizer has no [CLS], [SEP] or [PAD]; expected the tokenizer of a BERT"
        )
    return TextTokens(*ids)


def prepare_hybrid(
    checkpoint: Path, make_task: MakeTask, recipe: HybridRecipe, *, joint: bool
) -> PreparedHybrid:
    """Opens the classifier, gives it a new decoder, and reads the texts of the task.

    Raises:
        FileNotFoundError, ValueError: there is no classifier that was trained here, or no texts.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    record = read_record(checkpoint)
    classifier, tokenizer = load_classifier(checkpoint), load_tokenizer(checkpoint)
    torch.manual_seed(recipe.seed)
    model = new_hybrid(classifier, recipe.layers, recipe.dropout).to(device)
    classifier = classifier.to(device)
    rewriter = Rewriter(
        model,
        model.encoder if joint else frozen_copy(model.encoder),
        tokenizer,
        text_tokens(tokenizer),
        min(recipe.max_tokens, classifier.config.encoder.max_position_embeddings),
    )
    return PreparedHybrid(
        record=record,
        classifier=classifier,
        rewriter=rewriter,
        task=make_task(tokenizer, recipe),
        recipe=recipe,
        memory=Memory(classifier) if joint else None,
    )


def measure_hybrid(prepared: PreparedHybrid) -> MeasuredHybrid:
    """Writes the test part's questions and judges the texts, beside copying the sources.

    Reads with the encoder as it is saved, in float32, not with the copy that training read with.
    """
    task = prepared.task
    exact = replace(prepared.rewriter, reader=prepared.rewriter.model.encoder)
    questions = task.questions("test")
    sources = [question.source for question in questions]
    written = exact.write(sources)
    scores, copied = task.score("test", written), task.score("test", sources)
    if isinstance(task, Restoring):
        scores["among_ten_best"] = task.among_best("test", exact)
        wanted = _labels(prepared, [question.target for question in questions])
        for found, texts in ((scores, written), (copied, sources)):
            found["same_label"] = float((_labels(prepared, texts) == wanted).mean())
    chosen = Random(prepared.recipe.seed).sample(range(len(questions)), min(_SHOWN, len(questions)))
    shown = tuple(Shown(sources[i], written[i], questions[i].target) for i in chosen)
    return MeasuredHybrid(scores, copied, shown)


def _labels(prepared: PreparedHybrid, texts: Sequence[str]) -> np.ndarray:
    """What the classifier says of each text."""
    examples = [Example(text, 0) for text in texts]
    limit = prepared.classifier.config.encoder.max_position_embeddings
    encoded = encode_texts(examples, prepared.rewriter.tokenizer, max_tokens=limit)
    return predict_logits(prepared.classifier, encoded).argmax(axis=1)


def save_hybrid(
    folder: Path,
    checkpoint: Path,
    prepared: PreparedHybrid,
    looks: Sequence[dict[str, Any]],
    measured: MeasuredHybrid,
    kept: ClassifierKept | None,
    *,
    command: str,
    quick: bool,
) -> None:
    """Writes the checkpoint, encoder and decoder, into an empty `folder`.

    A frozen encoder's files are copied byte for byte.
    """
    rewriter, task = prepared.rewriter, prepared.task
    record = dict(prepared.record)
    if kept is None:
        shutil.copytree(checkpoint / "encoder", folder / "encoder")
    else:
        (folder / "encoder").mkdir()
        save_classifier(folder / "encoder", prepared.classifier, rewriter.tokenizer)
        record |= updated(record, kept)
    (folder / "decoder").mkdir()
    save_decoder(folder / "decoder", rewriter.model.decoder, rewriter.tokenizer, rewriter.tokens)
    record["hybrid"] = {
        "task": task.name,
        "encoder": "frozen" if kept is None else "joint",
        "rehearsal": quick,
        "licence": f"{record['licence']} {task.licence}",
        "data": task.describe(),
        "examples": [{"text": pair.source} for pair in task.questions("test")[:_EXAMPLES]],
        "recipe": asdict(prepared.recipe),
        "seed": prepared.recipe.seed,
        "command": command,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "sacrebleu")},
        },
        "metrics": {
            "test": measured.scores,
            "copied": measured.copied,
            "validation": list(looks),
        },
        "shown": [asdict(text) for text in measured.shown],
    }
    write_record(folder, record)
