"""What counts as restored: on sentences small enough to count by hand."""

import pytest

from training.data.noise import Change
from training.evaluation.text import NoisySentence, Restoration, draw_noisy, measure_restoration

CLEAN = ("a", "dull", "film", "and", "a", "bright", "story")
NOISY = ("a", "[MASK]", "film", "a", "and", "brihgt", "story")
CHANGES = (Change("masked", 1), Change("swapped", 3), Change("mistyped", 5))
SENTENCE = NoisySentence(CLEAN, NOISY, CHANGES)


def score(written: str) -> Restoration:
    return measure_restoration([SENTENCE], [tuple(written.split())])


def test_the_clean_sentence_is_all_right() -> None:
    found = score(" ".join(CLEAN))

    assert found.exactly == {"masked": 1, "dropped": 0, "swapped": 1, "mistyped": 1}
    assert found.changes == {"masked": 1, "dropped": 0, "swapped": 1, "mistyped": 1}
    assert found.words_kept == 1
    assert found.word_error_rate == 0


def test_copying_the_source_keeps_its_words_and_restores_nothing() -> None:
    found = score(" ".join(NOISY))

    assert set(found.exactly.values()) == {0}
    assert found.words_kept == 1
    # One word masked, one mistyped, and of the swapped two one is too many and one is missing.
    assert found.word_error_rate == pytest.approx(4 / 7)


def test_a_swap_needs_both_words_and_a_lost_word_is_not_kept() -> None:
    found = score("a dull film a bright")

    assert found.exactly == {"masked": 1, "dropped": 0, "swapped": 0, "mistyped": 1}
    assert found.words_kept == pytest.approx(2 / 3)  # a, film; the story is lost
    assert found.word_error_rate == pytest.approx(2 / 7)


def test_tasks_are_drawn_from_the_seed_with_so_many_corruptions_each() -> None:
    sentences = [CLEAN, ("too", "short"), ("!", "?", ","), CLEAN[::-1]]

    tasks = draw_noisy(sentences, 10, corruptions=2, seed=3)

    assert tasks == draw_noisy(sentences, 10, corruptions=2, seed=3)
    assert {task.clean for task in tasks} == {CLEAN, CLEAN[::-1]}
    assert all(len(task.changes) == 2 for task in tasks)
    assert len(draw_noisy(sentences, 1, corruptions=2, seed=3)) == 1
