"""What a run leaves: its checkpoint folder, and the `training.json` that says how it was made.

Fields keep the names they had first: whoever reads an old record reads a new one.
"""

import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.checkpoints.classifier import save_classifier
from training.checkpoints.hybrid import save_decoder
from training.checkpoints.record import write_record
from training.data.also import Also
from training.evaluation.baseline import Baseline
from training.file_names import noted_texts, public_name
from training.fit.classifier import Epoch
from training.fit.hybrid import Evaluation
from training.hybrid.tasks import CORRUPTIONS, DenoisingTask, HybridTask
from training.recipes import HybridRecipe, Recipe
from training.runs.classifier import Measured, Prepared
from training.runs.curves import Curves, copy_curves
from training.runs.hybrid import MeasuredHybrid, PreparedHybrid, Retention
from training.runs.teacher import Teacher

# A recipe's field -> what a record calls it.
_NOTED = {
    "ema_share": "averaging",
    "distillation_weight": "remembering",
    "repair_weight": "repairing",
    "alignment_weight": "aligning",
}


def save_run(
    folder: Path,
    prepared: Prepared,
    epochs: Sequence[Epoch],
    measured: Measured,
    baseline: Baseline,
    curves: Curves,
    teacher: Teacher | None,
    also: Also,
    *,
    command: str,
    quick: bool,
) -> None:
    """Writes the checkpoint into an empty `folder`."""
    known = f"{prepared.licence} {prepared.corpus.licence}"
    more = dict.fromkeys((*also.licences, *(teacher.unlabelled.licences if teacher else ())))
    record = {
        "task": "classify",
        "title": prepared.corpus.title,
        "licence": " ".join([known, *(licence for licence in more if licence not in known)]),
        "labels": list(prepared.corpus.labels),
        "problem_type": prepared.corpus.problem_type,
        "examples": list(prepared.corpus.examples),
        "rehearsal": quick,
        "data": describe_data(prepared),
        "recipe": {"init": public_name(prepared.init), **_noted(prepared.recipe)},
        **({"also": also.record()} if also.sources else {}),
        **({"teacher": teacher.record()} if teacher else {}),
        "seed": prepared.recipe.seed,
        "command": command,
        "versions": versions("torch", "transformers", "scikit-learn"),
        "temperature": measured.temperature,
        "metrics": {
            **_measured(measured),
            "baseline": asdict(baseline),
            "epochs": [asdict(epoch) for epoch in epochs],
        },
    }
    (folder / "encoder").mkdir()
    save_classifier(folder / "encoder", prepared.model, prepared.tokenizer)
    curves.save(folder, "classifier")
    write_record(folder, record)


def describe_data(prepared: Prepared) -> dict[str, Any]:
    """The `data` of `training.json`."""
    corpus = prepared.corpus
    return {
        "source": noted_texts(corpus.source),
        "name": corpus.name,
        "reading": asdict(corpus.reading),
        "fingerprint": corpus.fingerprint,
        "sizes": {part: len(examples) for part, examples in corpus.parts.items()},
        "removed": asdict(corpus.removed),
        "lengths": asdict(prepared.lengths),
        **({"added_tokens": list(prepared.added)} if prepared.added else {}),
    }


def save_hybrid(
    folder: Path,
    checkpoint: Path,
    prepared: PreparedHybrid,
    evaluations: Sequence[Evaluation],
    measured: MeasuredHybrid,
    retention: Retention | None,
    curves: Curves,
    *,
    command: str,
    quick: bool,
) -> None:
    """Writes the checkpoint, encoder and decoder, into an empty `folder`.

    A frozen encoder's files are copied byte for byte.
    """
    seq2seq = prepared.seq2seq
    record = dict(prepared.record)
    if retention is None:
        shutil.copytree(checkpoint / "encoder", folder / "encoder")
    else:
        (folder / "encoder").mkdir()
        save_classifier(folder / "encoder", prepared.classifier, seq2seq.tokenizer)
        metrics = {**record["metrics"], **_measured(retention.now)}
        record |= {"temperature": retention.now.temperature, "metrics": metrics}
    (folder / "decoder").mkdir()
    save_decoder(folder / "decoder", seq2seq.model.decoder, seq2seq.tokenizer, seq2seq.tokens)
    copy_curves(checkpoint, folder)
    curves.save(folder, "decoder")
    record["hybrid"] = {
        **_training(prepared, joint=retention is not None),
        "rehearsal": quick,
        "command": command,
        "metrics": {
            "test": measured.scores,
            "copied": measured.copied,
            "validation": [_evaluated(evaluation) for evaluation in evaluations],
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
        "data": {**describe_task(task), "longest": task.longest(prepared.seq2seq)},
        "examples": list(task.examples),
        "recipe": _noted(prepared.recipe),
        "seed": prepared.recipe.seed,
        "versions": versions("torch", "transformers", "sacrebleu"),
    }


def describe_task(task: HybridTask) -> dict[str, Any]:
    """The `data` of a record's `hybrid`."""
    denoising = isinstance(task, DenoisingTask)
    texts = task.sentences if isinstance(task, DenoisingTask) else task.pairs
    named = [noted_texts(name) for name in texts.data]
    return {
        "source": named if denoising else named[0],
        "reading": asdict(texts.reading),
        "fingerprint": texts.fingerprint,
        "sizes": {part: len(items) for part, items in texts.parts.items()},
        **({"corruptions": CORRUPTIONS} if denoising else {}),
    }


def _evaluated(evaluation: Evaluation) -> dict[str, Any]:
    """All of it in one object, and no text."""
    numbers = asdict(evaluation)
    scores = numbers.pop("scores")
    del numbers["sample"]
    return {**numbers, **scores}


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "test": asdict(measured.test),
        "test_before_temperature": asdict(measured.test_before),
        "validation": asdict(measured.validation),
    }


def _noted(recipe: Recipe | HybridRecipe) -> dict[str, Any]:
    return {_NOTED.get(name, name): value for name, value in asdict(recipe).items()}


def versions(*names: str) -> dict[str, str]:
    """Of Python and of these packages."""
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
