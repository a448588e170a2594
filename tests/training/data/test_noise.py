"""Spoiling sentences: what is touched, what is not, and that chance comes from the seed alone."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.noise import KINDS, MASK, Change, add_noise, mistype

WORDS = (
    "the quiet patient way it lets him grow from a joke into somebody , 12 you would miss".split()
)
SENTENCES = st.lists(st.sampled_from([*WORDS, "!", "’", "café", "7th", "x"]), max_size=14)


def undo(words: tuple[str, ...], clean: list[str], changes: tuple[Change, ...]) -> list[str]:
    """What the changes say was done, taken back, from the last word to the first."""
    restored = list(words)
    dropped = [change.place for change in changes if change.kind == "dropped"]
    for change in reversed(changes):
        here = change.place - sum(place < change.place for place in dropped)
        if change.kind == "dropped":
            restored.insert(here, clean[change.place])
        elif change.kind == "swapped":
            restored[here : here + 2] = restored[here + 1], restored[here]
        else:
            assert restored[here] != clean[change.place]
            restored[here] = clean[change.place]
    return restored


@given(SENTENCES, st.integers(0, 6), st.integers(0, 10**6))
def test_the_changes_tell_exactly_what_was_done(words: list[str], number: int, seed: int) -> None:
    noisy, changes = add_noise(words, number, Random(seed))

    assert len(changes) <= number
    assert undo(noisy, words, changes) == words


@given(SENTENCES, st.integers(0, 10**6))
def test_only_words_of_letters_are_touched_and_never_two_neighbours(
    words: list[str], seed: int
) -> None:
    changes = add_noise(words, 5, Random(seed)).changes

    touched = [
        {change.place, change.place + 1} if change.kind == "swapped" else {change.place}
        for change in changes
    ]
    assert all(words[place].isalpha() for places in touched for place in places)
    for before, after in pairwise(touched):
        assert min(after) - max(before) > 1


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12), st.integers(0, 10**6))
def test_a_mistyped_word_is_another_and_at_most_one_letter_longer_or_shorter(
    word: str, seed: int
) -> None:
    noisy = mistype(word, Random(seed)) if len(set(word)) > 1 else mistype(word + "q", Random(0))

    assert noisy != word
    assert abs(len(noisy) - len(word)) <= 2
    assert noisy.isalpha()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_does_what_its_name_says(kind: str) -> None:
    noisy, (change,) = add_noise(["wonderful", "story"], 1, Random(1), shares={kind: 1.0})

    expected = {
        "masked": lambda: noisy.count(MASK) == 1,
        "dropped": lambda: len(noisy) == 1,
        "swapped": lambda: noisy == ("story", "wonderful"),
        "mistyped": lambda: len(noisy) == 2 and noisy != ("wonderful", "story"),
    }
    assert change.kind == kind
    assert expected[kind]()


def test_the_same_seed_corrupts_alike_and_another_does_not() -> None:
    first, again, other = (add_noise(WORDS, 3, Random(seed)) for seed in (4, 4, 5))

    assert first == again
    assert first != other


def test_kinds_come_as_often_as_their_shares_say() -> None:
    rng = Random(0)
    shares = {"masked": 1.0, "mistyped": 3.0}
    words = ["wonderful"] * 5  # never to be swapped, always to be mistyped

    kinds = [add_noise(words, 1, rng, shares=shares).changes[0].kind for _ in range(2000)]

    assert kinds.count("mistyped") / 2000 == pytest.approx(0.75, abs=0.05)
