"""Our metrics against scikit-learn, scipy, and the formulas written out."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

from training.evaluation.classification import calibration_error, fit_temperature, measure


def draw(texts: int, labels: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right more often than not, and the right answers."""
    rng = np.random.default_rng(seed)
    answers = rng.integers(labels, size=texts)
    logits = rng.normal(scale=2, size=(texts, labels))
    logits[np.arange(texts), answers] += 1.5
    return logits.astype(np.float32), answers


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_metrics_are_those_of_scikit_learn(labels: int) -> None:
    logits, answers = draw(300, labels)
    predicted = logits.argmax(axis=1)

    found = measure(logits, answers)

    assert found.accuracy == pytest.approx(accuracy_score(answers, predicted))
    assert found.macro_f1 == pytest.approx(f1_score(answers, predicted, average="macro"))
    probabilities = np.exp(log_softmax(logits.astype(float), axis=1))
    assert found.loss == pytest.approx(log_loss(answers, probabilities, labels=range(labels)))
    assert np.array_equal(found.confusion, confusion_matrix(answers, predicted))


def test_macro_f1_leaves_out_labels_that_never_occur_as_scikit_learn_does() -> None:
    logits = np.eye(4)[[0, 0, 1, 1]]
    answers = np.array([0, 1, 1, 1])

    found = measure(logits, answers).macro_f1

    assert found == pytest.approx(f1_score(answers, [0, 0, 1, 1], average="macro"))


@pytest.mark.parametrize(("right", "total"), [(0, 9), (7, 9), (745, 870), (9, 9)])
def test_the_interval_of_the_accuracy_is_wilsons(right: int, total: int) -> None:
    logits = np.zeros((total, 2))
    logits[:right, 0], logits[right:, 1] = 1, 1

    found = measure(logits, np.zeros(total, dtype=int))

    interval = binomtest(right, total).proportion_ci(method="wilson")
    assert (found.accuracy_low, found.accuracy_high) == pytest.approx(interval)


def test_calibration_error_is_the_formula_bin_by_bin() -> None:
    logits, answers = draw(500, 3)
    probabilities = np.exp(log_softmax(logits.astype(float), axis=1))
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == answers
    expected = 0.0
    for i in range(15):  # Guo et al. 2017, equation 3: bins ((m-1)/M, m/M]
        inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap

    assert calibration_error(probabilities, answers) == pytest.approx(expected)


def test_calibration_error_of_sure_and_always_wrong_is_one_and_of_sure_and_right_zero() -> None:
    sure = np.array([[1.0, 0.0]] * 5)

    assert calibration_error(sure, np.ones(5, dtype=int)) == 1
    assert calibration_error(sure, np.zeros(5, dtype=int)) == 0


@pytest.mark.parametrize("stretched", [0.25, 1.0, 4.0])
def test_the_temperature_is_the_one_that_scipy_finds(stretched: float) -> None:
    logits, answers = draw(400, 3)
    logits = logits * np.float32(stretched)

    found = fit_temperature(logits, answers)

    best = minimize_scalar(
        lambda log: measure(logits, answers, temperature=float(np.exp(log))).loss,
        bounds=(-3, 3),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found == pytest.approx(np.exp(best.x), rel=1e-4)


def test_the_temperature_changes_no_prediction() -> None:
    logits, answers = draw(200, 4)

    assert measure(logits, answers, temperature=3.0).confusion == measure(logits, answers).confusion


def test_the_temperature_stays_finite_where_every_answer_is_right_or_none_is() -> None:
    logits, answers = np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 1])

    assert 0.04 < fit_temperature(logits, answers) < 0.06
    assert fit_temperature(logits, 1 - answers) == pytest.approx(20, rel=0.01)
