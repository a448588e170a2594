"""The baseline against the same thing put together by scikit-learn's own pipeline."""

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from training.data.corpus import Example
from training.evaluation.baseline import run_baseline

GOOD, BAD = ("fine", "bright", "warm"), ("dull", "flat", "cold")


def make_examples(start: int, end: int) -> list[Example]:
    return [
        Example(f"a {(GOOD if i % 2 else BAD)[i % 3]} film number {i}", i % 2)
        for i in range(start, end)
    ]


TRAIN, VALIDATION, TEST = make_examples(0, 90), make_examples(90, 120), make_examples(120, 150)


def test_the_baseline_is_scikit_learns_pipeline_with_the_chosen_penalty() -> None:
    found = run_baseline(TRAIN, VALIDATION, TEST)

    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]"),
        LogisticRegression(C=found.strength, max_iter=1000),
    ).fit([example.text for example in TRAIN], [example.label for example in TRAIN])
    right = pipeline.score([e.text for e in TEST], [e.label for e in TEST])
    assert found.test.accuracy == pytest.approx(right)
    assert found.test.accuracy == 1


def test_the_test_part_decides_nothing() -> None:
    wrong = [Example(example.text, 1 - example.label) for example in TEST]

    found, fooled = run_baseline(TRAIN, VALIDATION, TEST), run_baseline(TRAIN, VALIDATION, wrong)

    assert fooled.strength == found.strength
    assert fooled.test.accuracy == pytest.approx(1 - found.test.accuracy)


def test_both_texts_of_a_pair_count() -> None:
    def paired(examples: list[Example]) -> list[Example]:
        return [Example("the same", example.label, example.text) for example in examples]

    assert run_baseline(paired(TRAIN), paired(VALIDATION), paired(TEST)).test.accuracy == 1


def test_texts_without_a_single_word_and_more_than_two_labels_are_read() -> None:
    examples = [Example("!?😀"[i % 3] * (1 + i % 4), i % 3) for i in range(60)]

    assert run_baseline(examples, examples, examples).test.accuracy == 1
