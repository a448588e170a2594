"""One training run of a hybrid, around the loop: what it starts with, and what came of it.

open_hybrid -> prepare_hybrid -> PreparedHybrid -> fit_hybrid -> measure_again, measure_hybrid
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from training.checkpoints.classifier import load_classifier, load_tokenizer
from training.checkpoints.hybrid import TextTokens
from training.checkpoints.record import check_trained, read_record
from training.data.batches import encode_texts
from training.data.corpus import Corpus, Example, UnknownWords, load_corpus
from training.evaluation.classification import predict_logits
from training.evaluation.problems import scores
from training.file_names import find_noted_texts
from training.fit.losses import DistillationLoss
from training.hybrid.seq2seq import Seq2Seq, frozen_copy
from training.hybrid.tasks import DenoisingTask, HybridTask, Shown
from training.model.classifier import BERTClassifier
from training.model.config import ONE_LABEL, DecoderConfig
from training.model.decoder import BERTGPTModel
from training.readers.rows import noted_reading
from training.recipes import HybridRecipe, Recipe
from training.runs.classifier import Measured, measure_classifier, rehearsal


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedHybrid:
    """All that a run needs, made before it starts."""

    record: dict[str, Any]
    """The classifier's `training.json`."""
    classifier: BERTClassifier
    seq2seq: Seq2Seq
    task: HybridTask
    unknown: UnknownWords
    """Of the sources and targets to train on."""
    recipe: HybridRecipe
    distillation: DistillationLoss | None
    """Where the encoder learns along."""


def new_hybrid(classifier: BERTClassifier, layers: int, dropout: float) -> BERTGPTModel:
    """A decoder of the encoder's width and heads, with the encoder's words and positions.

    New weights come from torch's generator: seed it first.

    Raises:
        ValueError: the encoder's embeddings are not as wide as its layers.
    """
    encoder = classifier.encoder
    size = encoder.config
    if encoder.embeddings.project is not None:
        raise ValueError(
            f"the encoder's embeddings are {size.embedding_size} wide and its layers "
            f"{size.hidden_size} ({size.model_type}): the decoder, which starts with the "
            "encoder's words, needs one width. Train it on a classifier of another family"
        )
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
        positions = encoder.embeddings.position.weight[size.first_position :]
        model.decoder.position.weight.copy_(positions)
    return model


def text_tokens(tokenizer: PreTrainedTokenizerBase) -> TextTokens:
    """BERT's own marks: [CLS] begins a text, [SEP] ends it; ValueError: one is lacking."""
    ids = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
    if None in ids:
        raise ValueError(
            "the tokenizer has no [CLS], [SEP] or [PAD]; expected the tokenizer of a BERT"
        )
    return TextTokens(*ids)


def open_hybrid(
    checkpoint: Path, recipe: HybridRecipe, *, joint: bool, device: torch.device | None = None
) -> tuple[dict[str, Any], BERTClassifier, Seq2Seq]:
    """A classifier's record, itself, and a hybrid of its encoder and a new decoder, on a device.

    Raises FileNotFoundError or ValueError: there is no classifier that was trained here.
    """
    device = device or torch.device("cpu")
    record = read_record(checkpoint)
    check_trained(record, checkpoint, joint=joint)
    classifier = load_classifier(checkpoint)
    if (problem := classifier.config.problem_type) != ONE_LABEL:
        raise ValueError(
            f"the classifier in {checkpoint} gives {problem.replace('_', ' ')}; a decoder is "
            "measured by one label a text. Train a classifier with a column label"
        )
    tokenizer = load_tokenizer(checkpoint, words=classifier.config.encoder.vocab_size)
    torch.manual_seed(recipe.seed)
    model = new_hybrid(classifier, recipe.layers, recipe.dropout).to(device)
    classifier = classifier.to(device)
    seq2seq = Seq2Seq(
        model,
        model.encoder if joint else frozen_copy(model.encoder),
        tokenizer,
        text_tokens(tokenizer),
        min(recipe.max_tokens, classifier.config.encoder.max_position_embeddings),
    )
    return record, classifier, seq2seq


MOST_LOST = 0.005  # of accuracy on the validation part


@dataclass(frozen=True, slots=True)
class Retention:
    """What the classifier is still worth after its encoder has learned something else."""

    before: float
    """Accuracy on the validation part when it was trained."""
    now: Measured
    """On the corpus that it was trained on."""


def open_corpus(record: dict[str, Any], given: Sequence[str] = ()) -> Corpus:
    """The corpus that a record's classifier was trained on; of a rehearsal, its few texts.

    It may lie in what is `given` as well as in the current folder. Raises FileNotFoundError or
    ValueError: it is no longer there, or is another one now.
    """
    advice = "name it with --data too, or use --encoder frozen, which does not need it"
    source = find_noted_texts(record["data"]["source"], given, advice=advice)
    corpus = load_corpus(source, noted_reading(record["data"]))
    if corpus.fingerprint != record["data"]["fingerprint"]:
        raise ValueError(
            f"{corpus.source} is not the corpus that the classifier was trained on (fingerprint "
            f"{corpus.fingerprint[:12]}, then {record['data']['fingerprint'][:12]}), so it cannot "
            "be measured again; train the classifier anew, or use --encoder frozen"
        )
    return rehearsal(corpus, Recipe())[0] if record["rehearsal"] else corpus


def measure_again(prepared: PreparedHybrid, corpus: Corpus) -> Retention:
    """Measures the classifier as `train_classifier.py` did, its temperature fitted anew."""
    record, tokenizer = prepared.record, prepared.seq2seq.tokenizer
    most = record["recipe"]["max_tokens"]
    texts = {
        part: encode_texts(corpus.parts[part], tokenizer, max_tokens=most)
        for part in ("validation", "test")
    }
    before = record["metrics"]["validation"]["accuracy"]
    return Retention(before, measure_classifier(prepared.classifier, texts))


def check_retention(retention: Retention) -> None:
    """Raises ArithmeticError: the classifier lost over half a point of validation accuracy."""
    before, now = retention.before, scores(retention.now.validation)["accuracy"]
    if (lost := before - now) > MOST_LOST:
        raise ArithmeticError(
            f"the classifier lost {100 * lost:.1f} points of accuracy on its validation "
            f"part ({before:.3f} before, {now:.3f} now), more than the {100 * MOST_LOST:.1f} that "
            "are allowed, so nothing is written; train with --encoder frozen"
        )


_SHOWN = 10  # texts that are printed, good and bad alike; of public data they are retention


@dataclass(frozen=True, slots=True)
class MeasuredHybrid:
    """What the trained hybrid is worth on the test part."""

    task: str
    scores: dict[str, Any]
    copied: dict[str, Any]
    """The same of a baseline that copies its source."""
    shown: tuple[Shown, ...]


def measure_hybrid(prepared: PreparedHybrid) -> MeasuredHybrid:
    """Generates from the test part's questions and judges the texts, beside copying the sources.

    Reads with the encoder as it is saved, not with the copy that training read with.
    """
    task = prepared.task
    exact = replace(prepared.seq2seq, reader=prepared.seq2seq.model.encoder)
    questions = task.questions("test")
    sources = [question.source for question in questions]
    generated = exact.generate(sources)
    scores, copied = task.measure("test", generated), task.measure("test", sources)
    if isinstance(task, DenoisingTask):
        scores["among_ten_best"] = task.among_best("test", exact)
        right = _labels(prepared, [question.target for question in questions])
        for found, texts in ((scores, generated), (copied, sources)):
            found["same_label"] = float((_labels(prepared, texts) == right).mean())
    chosen = Random(prepared.recipe.seed).sample(range(len(questions)), min(_SHOWN, len(questions)))
    shown = tuple(Shown(sources[i], generated[i], questions[i].target) for i in chosen)
    return MeasuredHybrid(task.name, scores, copied, shown)


def _labels(prepared: PreparedHybrid, texts: Sequence[str]) -> np.ndarray:
    """What the classifier says of each text."""
    examples = [Example(text, 0) for text in texts]
    limit = prepared.classifier.config.encoder.max_position_embeddings
    encoded = encode_texts(examples, prepared.seq2seq.tokenizer, max_tokens=limit)
    return predict_logits(prepared.classifier, encoded).argmax(axis=1)
