"""What a transformer has to beat: words and pairs of words, and a linear model.

Each is weighted by how often it stands in the text and how rare it is elsewhere (TF-IDF). Labels
come from logistic regressions, several at once from one for each; numbers from a ridge regression.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from scipy.special import logit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

from training.data.corpus import Example
from training.evaluation.problems import Judged, judge
from training.model.config import NUMBER, ONE_LABEL

_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
# Words of one letter, punctuation and emoji count as well: "i", "!", and a text of nothing else.
_TOKEN = r"\w+|[^\w\s]"
_SURE = 1e-7  # as near to 0 or 1 as a probability is taken


@dataclass(frozen=True, slots=True)
class Baseline:
    """The baseline's result on the test part."""

    strength: float
    """scikit-learn's C, the inverse of the penalty, chosen on the validation part."""
    test: Judged
    seconds: float


def run_baseline(
    train: Sequence[Example],
    validation: Sequence[Example],
    test: Sequence[Example],
    problem: str = ONE_LABEL,
) -> Baseline:
    """Fits on `train`, chooses its penalty on `validation`, measures on `test`."""
    began = perf_counter()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_TOKEN)
    seen = vectorizer.fit_transform([_joined(example) for example in train])
    answers = _answers(train)
    every = _answers([*train, *validation, *test])
    outputs = every.shape[1] if every.ndim > 1 else int(every.max()) + 1

    def judged(model: Any, part: Sequence[Example], texts: Any) -> Judged:
        return judge(problem, _logits(problem, model, texts, outputs), _answers(part))

    def fitted(strength: float) -> tuple[float, Any]:
        with warnings.catch_warnings():  # a label that always holds is no fault
            warnings.filterwarnings("ignore", "Label .* is present in all", UserWarning)
            model = _model(problem, strength).fit(seen, answers)
        return judged(model, validation, unseen).rank[0], model

    unseen = vectorizer.transform([_joined(example) for example in validation])
    results = {strength: fitted(strength) for strength in _STRENGTHS}
    strength = max(_STRENGTHS, key=lambda strength: results[strength][0])
    texts = vectorizer.transform([_joined(example) for example in test])
    found = judged(results[strength][1], test, texts)
    return Baseline(strength, found, perf_counter() - began)


def _model(problem: str, strength: float) -> Any:
    if problem == NUMBER:
        return Ridge(alpha=1 / strength)
    one = LogisticRegression(C=strength, max_iter=1000)
    return one if problem == ONE_LABEL else OneVsRestClassifier(one)


def _logits(problem: str, model: Any, texts: Any, outputs: int) -> np.ndarray:
    """What `judge` takes: (texts, outputs)."""
    if problem == NUMBER:
        return model.predict(texts).reshape(-1, outputs)
    if problem == ONE_LABEL:
        logs = np.full((texts.shape[0], outputs), -np.inf)
        logs[:, model.classes_] = model.predict_log_proba(texts)
        return logs
    return logit(np.clip(model.predict_proba(texts), _SURE, 1 - _SURE))


def _joined(example: Example) -> str:
    return example.text if example.text_pair is None else f"{example.text}\n{example.text_pair}"


def _answers(examples: Sequence[Example]) -> np.ndarray:
    return np.array([example.label for example in examples])
