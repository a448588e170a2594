"""One run from a classifier's checkpoint to the same with a decoder; the command shows what it
yields.

prepare_hybrid -> PreparedHybrid -> fit_hybrid -> measure_again, measure_hybrid -> save_hybrid
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

from training.checkpoints.classifier import load_classifier, load_tokenizer, save_classifier
from training.checkpoints.hybrid import TextTokens, save_decoder
from training.checkpoints.record import check_trained, read_record, write_record
from training.data.batches import encode_texts
from training.data.corpus import Corpus, Example, load_corpus
from training.data.vocabulary import UnknownWords, unknown_words
from training.evaluation.classification import Metrics, fit_temperature, measure, predict_logits
from training.file_names import find_noted_texts
from training.fit.losses import Memory
from training.hybrid.seq2seq import Rewriter, frozen_copy
from training.hybrid.tasks import Following, Restoring
from training.model.classifier import BERTClassifier
from training.model.config import DecoderConfig
from training.model.hybrid import BERTGPTModel
from training.readers.rows import noted_reading
from training.recipes import HybridRecipe, Recipe
from training.runs.classifier import rehearsal

HybridTask = Restoring | Following


MakeTask = Callable[[PreTrainedTokenizerBase, HybridRecipe], HybridTask]


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedHybrid:
    """All that a run needs, made before it starts."""

    record: dict[str, Any]
    """The classifier's `training.json`."""
    classifier: BERTClassifier
    rewriter: Rewriter
    task: HybridTask
    unknown: UnknownWords
    """Of the sources and targets to train on."""
    recipe: HybridRecipe
    memory: Memory | None
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
    check_trained(record, checkpoint, joint=joint)
    classifier = load_classifier(checkpoint)
    tokenizer = load_tokenizer(checkpoint, words=classifier.config.encoder.vocab_size)
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
    task = make_task(tokenizer, recipe)
    return PreparedHybrid(
        record=record,
        classifier=classifier,
        rewriter=rewriter,
        task=task,
        unknown=unknown_words(task.texts, tokenizer),
        recipe=recipe,
        memory=Memory(classifier) if joint else None,
    )


MOST_LOST = 0.005  # of accuracy on the validation part


@dataclass(frozen=True, slots=True)
class ClassifierKept:
    """The classifier measured again, on the corpus that it was trained on."""

    before: float
    """Accuracy on the validation part when it was trained."""
    validation: Metrics
    test_before_temperature: Metrics
    test: Metrics
    temperature: float

    @property
    def lost(self) -> float:
        """Accuracy lost on the validation part; negative when it gained."""
        return self.before - self.validation.accuracy


def open_corpus(record: dict[str, Any], given: Sequence[str] = ()) -> Corpus:
    """The corpus that a record's classifier was trained on; of a rehearsal, its few texts.

    Args:
        given: where else than in the current folder it may lie.

    Raises:
        FileNotFoundError, ValueError: it is no longer there, or is another one now.
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


def measure_again(
    classifier: BERTClassifier, rewriter: Rewriter, record: dict[str, Any], corpus: Corpus
) -> ClassifierKept:
    """Measures as `train_classifier.py` did, its temperature fitted anew."""
    parts = {"validation": corpus.validation, "test": corpus.test}
    texts = {
        part: encode_texts(examples, rewriter.tokenizer, max_tokens=record["recipe"]["max_tokens"])
        for part, examples in parts.items()
    }
    logits = {part: predict_logits(classifier, encoded) for part, encoded in texts.items()}
    answers = {part: np.array([t.label for t in encoded]) for part, encoded in texts.items()}
    temperature = fit_temperature(logits["validation"], answers["validation"])
    return ClassifierKept(
        before=record["metrics"]["validation"]["accuracy"],
        validation=measure(logits["validation"], answers["validation"], temperature=temperature),
        test_before_temperature=measure(logits["test"], answers["test"]),
        test=measure(logits["test"], answers["test"], temperature=temperature),
        temperature=temperature,
    )


def check_kept(kept: ClassifierKept) -> None:
    """Refuses a classifier that forgot too much.

    Raises:
        ArithmeticError: it lost more than half a point of accuracy on the validation part.
    """
    if kept.lost > MOST_LOST:
        raise ArithmeticError(
            f"the classifier lost {100 * kept.lost:.1f} points of accuracy on its validation part "
            f"({kept.before:.3f} before, {kept.validation.accuracy:.3f} now), more than the "
            f"{100 * MOST_LOST:.1f} that are allowed, so nothing is written; train with "
            "--encoder frozen"
        )


def updated(record: dict[str, Any], kept: ClassifierKept) -> dict[str, Any]:
    """What changes in a classifier's record when its encoder has learned along."""
    measured = {
        "test": asdict(kept.test),
        "test_before_temperature": asdict(kept.test_before_temperature),
        "validation": asdict(kept.validation),
    }
    return {
        "temperature": kept.temperature,
        "metrics": {**record["metrics"], **measured},
    }


_SHOWN = 10  # texts that are printed, good and bad alike; of public data they are kept


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


def measure_hybrid(prepared: PreparedHybrid) -> MeasuredHybrid:
    """Writes the test part's questions and judges the texts, beside copying the sources.

    Reads with the encoder as it is saved, not with the copy that training read with.
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
    rewriter = prepared.rewriter
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
        **_training(prepared, joint=kept is not None),
        "rehearsal": quick,
        "command": command,
        "metrics": {
            "test": measured.scores,
            "copied": measured.copied,
            "validation": list(looks),
        },
        "shown": [asdict(text) for text in measured.shown] if prepared.task.is_public else [],
    }
    write_record(folder, record)


def _training(prepared: PreparedHybrid, *, joint: bool) -> dict[str, Any]:
    """What the decoder was trained on, and how."""
    task, known = prepared.task, prepared.record["licence"]
    return {
        "task": task.name,
        "encoder": "joint" if joint else "frozen",
        "licence": " ".join([known, *(new for new in task.licences if new not in known)]),
        "data": {**task.describe(), "longest": task.longest(prepared.rewriter)},
        "examples": [{"text": text} for text in task.examples],
        "recipe": asdict(prepared.recipe),
        "seed": prepared.recipe.seed,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "sacrebleu")},
        },
    }
