"""Whether a classifier is still what it was after its encoder has learned something else."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.batches import encode_texts
from training.corpus import Corpus, load_corpus
from training.file_names import find_noted_texts
from training.metrics import Metrics, fit_temperature, measure
from training.model.classifier import BERTClassifier
from training.predict import predict_logits
from training.recipe import Recipe
from training.rewriter import Rewriter
from training.rows import noted_reading
from training.run import rehearsal

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
