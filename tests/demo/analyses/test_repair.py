"""How a repair is graded: by hand for each kind of damage, and in a real decoder's words."""

import pytest

from explorer.analyses.noise import Corruption, Repair, corrupt, grade
from explorer.inference.generator import TextGenerator
from explorer.inference.target_text import Spelled
from explorer.ui.wording import graded

CLEAN = "the film is not bad"


def spelled(text):
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append(Spelled(word, at, at + len(word)))
        at += len(word)
    return found


def corruption(kind, *words):
    starts = [CLEAN.index(word) for word in words]
    return Corruption(
        kind, tuple((at, at + len(word)) for at, word in zip(starts, words, strict=True))
    )


@pytest.mark.parametrize(
    ("corruptions", "written", "restored", "kept", "added"),
    [
        ([corruption("masked", "film"), corruption("dropped", "not")], CLEAN, (True, True), 3, 0),
        (
            [corruption("masked", "film"), corruption("dropped", "not")],
            "the film is bad",
            (True, False),
            3,
            0,
        ),
        ([corruption("masked", "film")], "the cast is not bad", (False,), 4, 1),
        ([corruption("swapped", "is", "not")], CLEAN, (True,), 3, 0),
        ([corruption("swapped", "is", "not")], "the film not is bad", (False,), 3, 1),
        ([corruption("mistyped", "film")], "the flim is not bad", (False,), 4, 1),
        ([corruption("mistyped", "film")], "the film is so bad", (True,), 3, 1),
        ([corruption("dropped", "bad")], "", (False,), 0, 0),
    ],
)
def test_a_slip_is_mended_when_all_its_words_stand_again(
    corruptions, written, restored, kept, added
):
    found = grade(corruptions, spelled(CLEAN), written.split())

    touched = sum(len(one.words) for one in corruptions)
    assert found == Repair(restored, kept, 5 - touched, added)


def test_words_are_those_that_the_decoder_would_write(model):
    clean = "NOT  bad, the Story!"

    words = TextGenerator(model).spelled(clean)

    assert [word.text for word in words] == ["not", "bad", ",", "the", "story", "!"]
    stands = [clean[word.start : word.end] for word in words]
    assert stands == ["NOT", "bad", ",", "the", "Story", "!"]


@pytest.mark.parametrize("seed", range(8))
def test_the_clean_sentence_mends_everything_and_the_spoiled_one_nothing(model, seed):
    clean = "The story is bright, and the music never dull"
    words = TextGenerator(model).spelled
    spoiled, corruptions = corrupt(clean, seed, model.mask)

    perfect = grade(corruptions, words(clean), [word.text for word in words(clean)])
    copied = grade(corruptions, words(clean), [word.text for word in words(spoiled)])

    assert perfect == Repair((True, True), perfect.others, perfect.others, 0)
    assert copied.restored == (False, False)


def test_the_grade_is_told_in_a_sentence():
    assert graded(Repair((True, False), 7, 7, 0)) == (
        "1 of 2 corrupted places restored, 7 of the 7 other words kept."
    )
    assert graded(Repair((True,), 3, 4, 1)) == (
        "1 of 1 corrupted place restored, 3 of the 4 other words kept, 1 word added that it did "
        "not have."
    )
    assert "not graded" in graded(None)
