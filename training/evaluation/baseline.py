"""What a transformer has to beat: words and pairs of words, and logistic regression.

Each is weighted by how often it stands in the text and how rare it is elsewhere (TF-IDF).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from training.data.corpus import Example
from training.evaluation.classification import Metrics, measure

_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
# Words of one letter, punctuation and emoji count as well: "i", "!", and a text of nothing else.
_TOKEN = r"\w+|[^\w\s]"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The baseline's result on the test part."""

    strength: float
    """scikit-learn's C, the inverse of the penalty, chosen on the validation part."""
    test: Metrics
    seconds: float


def run_baseline(
    train: Sequence[Example], validation: Sequence[Example], test: Sequence[Example]
) -> Baseline:
    """Fits on `train`, chooses its penalty on `validation`, measures on `test`."""
    began = perf_counter()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_TOKEN)
    seen = vectorizer.fit_transform([_joined(example) for example in train])
    answers = _labels(train)
    num_labels = int(max(_labels([*train, *validation, *test]))) + 1
    unseen = vectorizer.transform([_joined(example) for example in validation])

    def fitted(strength: float) -> tuple[float, LogisticRegression]:
        model = LogisticRegression(C=strength, max_iter=1000).fit(seen, answers)
        return model.score(unseen, _labels(validation)), model

    results = {strength: fitted(strength) for strength in _STRENGTHS}
    strength = max(_STRENGTHS, key=lambda strength: results[strength][0])
    model = results[strength][1]
    logs = np.full((len(test), num_labels), -np.inf)
    logs[:, model.classes_] = model.predict_log_proba(
        vectorizer.transform([_joined(example) for example in test])
    )
    return Baseline(strength, measure(logs, _labels(test)), perf_counter() - began)


def _joined(example: Example) -> str:
    return example.text if example.text_pair is None else f"{example.text}\n{example.text_pair}"


def _labels(examples: Sequence[Example]) -> np.ndarray:
    return np.array([example.label for example in examples])
