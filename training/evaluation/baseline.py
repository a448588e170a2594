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


@dataclass(frozen=True, slots=True)
class FittedBaseline:
    """The linear model, ready to read texts."""

    problem: str
    outputs: int
    vectorizer: TfidfVectorizer
    model: Any
    strength: float

    def logits(self, texts: Sequence[Example]) -> np.ndarray:
        """What `judge` takes: (texts, outputs)."""
        seen = self.vectorizer.transform([_joined(example) for example in texts])
        return _logits(self.problem, self.model, seen, self.outputs)


def run_baseline(
    train: Sequence[Example],
    validation: Sequence[Example],
    test: Sequence[Example],
    problem: str = ONE_LABEL,
) -> Baseline:
    """Fits on `train`, chooses its penalty on `validation`, measures on `test`."""
    began = perf_counter()
    fitted = fit_baseline(train, validation, problem)
    found = judge(problem, fitted.logits(test), _answers(test))
    return Baseline(fitted.strength, found, perf_counter() - began)


def fit_baseline(
    train: Sequence[Example], validation: Sequence[Example], problem: str = ONE_LABEL
) -> FittedBaseline:
    """Fits on `train`, with the penalty that is best on `validation`; of equals the strongest."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_TOKEN)
    seen = vectorizer.fit_transform([_joined(example) for example in train])
    answers = _answers(train)
    outputs = answers.shape[1] if answers.ndim > 1 else int(answers.max()) + 1

    def fitted(strength: float) -> FittedBaseline:
        with warnings.catch_warnings():  # a label that always holds is no fault
            warnings.filterwarnings("ignore", "Label .* is present in all", UserWarning)
            model = _model(problem, strength).fit(seen, answers)
        return FittedBaseline(problem, outputs, vectorizer, model, strength)

    def rank(one: FittedBaseline) -> float:
        return judge(problem, one.logits(validation), _answers(validation)).rank[0]

    return max(map(fitted, _STRENGTHS), key=rank)


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
    # Of one label alone scikit-learn gives two columns: that it does not hold, and that it does.
    holds = model.predict_proba(texts)[:, -outputs:]
    return logit(np.clip(holds, _SURE, 1 - _SURE))


def _joined(example: Example) -> str:
    return example.text if example.text_pair is None else f"{example.text}\n{example.text_pair}"


def _answers(examples: Sequence[Example]) -> np.ndarray:
    return np.array([example.label for example in examples])
