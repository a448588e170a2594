"""ROUGE, against what Google's `rouge-score` 0.1.2 gives for the same texts (no stemming)."""

import pytest

from training.evaluation.text import rouge


@pytest.mark.parametrize(
    ("reference", "written", "expected"),
    [
        (
            "The film is a quiet, patient joy.",
            "a patient and quiet film, a joy",
            (0.714286, 0.0, 0.428571),
        ),
        (
            "It was great - 10 out of 10!",
            "it was not great, 3 of 10",
            (0.714286, 0.333333, 0.714286),
        ),
        ("dull", "dull", (1.0, 0.0, 1.0)),
        ("dull", "great story", (0.0, 0.0, 0.0)),
        (
            "the cat sat on the mat the end",
            "the the the cat on mat",
            (0.857143, 0.166667, 0.571429),
        ),
    ],
)
def test_it_is_googles(reference: str, written: str, expected: tuple[float, ...]) -> None:
    found = rouge([reference], [written])

    assert tuple(found) == ("rouge1", "rouge2", "rougeL")
    assert tuple(found.values()) == pytest.approx(expected, abs=1e-6)


def test_a_set_of_texts_has_the_mean() -> None:
    assert rouge(["dull", "dull"], ["dull", "great"])["rougeL"] == 0.5
