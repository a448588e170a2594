"""What a trained hybrid is worth, and how it is saved; a sibling of `run.py`.

prepare_hybrid -> PreparedHybrid -> fit_hybrid -> measure_hybrid -> save_hybrid
"""

import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from training.batches import encode_texts
from training.checkpoint import save_classifier
from training.classifier_kept import ClassifierKept, updated
from training.corpus import Example
from training.decoder_checkpoint import save_decoder
from training.hybrid_start import PreparedHybrid
from training.predict import predict_logits
from training.record import write_record
from training.restoring import Restoring

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
