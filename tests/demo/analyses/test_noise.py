"""Corrupting a sentence: by the seed, in the kinds that were promised, and never for ever; and how
a restoration is graded: by hand for each kind of corruption, and in a real decoder's words."""

import re

import pytest

from explorer.analyses.noise import Corruption, Repair, corrupt, grade
from explorer.ui.wording import graded
from explorer.writing.generator import TextGenerator
from explorer.writing.target_text import Spelled

CLEAN = "the story is bright and the music never dull"
MASK = "[MASK]"


def spoiled(seed):
    return corrupt(CLEAN, seed, MASK).text


def test_one_seed_spoils_in_one_way_and_seeds_differ():
    assert spoiled(3) == spoiled(3)
    assert len({spoiled(seed) for seed in range(20)}) > 10
    assert all(spoiled(seed) != CLEAN for seed in range(50))


def test_every_kind_of_damage_occurs():
    words = CLEAN.split()
    found = [spoiled(seed).split() for seed in range(100)]

    assert any("[MASK]" in one for one in found)
    assert any(len(one) < len(words) for one in found)
    assert any(sorted(one) == sorted(words) for one in found), "swapped"
    assert any(set(one) - set(words) - {"[MASK]"} for one in found), "mistyped"


@pytest.mark.parametrize("text", ["", " ", "!", "a", "3 7", "好", "a\n\nb", "[MASK]"])
@pytest.mark.parametrize("seed", range(5))
def test_what_cannot_be_spoiled_stays_readable(text, seed):
    assert isinstance(corrupt(text, seed, MASK).text, str)
    assert not any(word.isalpha() for word in corrupt("3 7", seed, MASK).text.split())


def test_without_a_mask_no_word_is_masked():
    assert all("MASK" not in corrupt(CLEAN, seed, "").text for seed in range(50))


@pytest.mark.parametrize("seed", range(40))
def test_two_words_are_damaged_and_never_two_neighbours(seed):
    words = [f"{letter * 6}," for letter in "abcdefgh"]  # with a comma each: none can be swapped

    found = corrupt(" ".join(words), seed, MASK).text.split()

    changed = [place for place, word in enumerate(found) if word != words[place]]
    assert len(found) == len(words)
    assert len(changed) == 2
    assert changed[1] - changed[0] > 1
    assert all(word.endswith(",") for word in found)


def test_what_was_masked_before_stays_masked():
    text = "it was <mask>, and <mask>."

    assert all(corrupt(text, seed, "<mask>").text.count("<mask>") >= 2 for seed in range(40))


@pytest.mark.parametrize("seed", range(40))
def test_each_slip_says_what_was_done_to_which_words(seed):
    text = "  the story, is bright and   never dull (we  hope)"

    found, corruptions = corrupt(text, seed, MASK)

    assert len(corruptions) == 2
    assert corruptions[0].words < corruptions[1].words
    for kind, words in corruptions:
        names = [text[start:end] for start, end in words]
        assert all(name.isalpha() for name in names)
        if kind == "swapped":
            assert found.index(names[1]) < found.index(names[0])
        else:
            assert len(names) == 1
            assert names[0] not in re.findall(r"\w+", found)
    assert found.count(MASK) == sum(kind == "masked" for kind, _ in corruptions)


def test_slips_come_in_all_kinds():
    kinds = {
        corruption.kind
        for seed in range(60)
        for corruption in corrupt(CLEAN, seed, MASK).corruptions
    }

    assert kinds == {"masked", "dropped", "swapped", "mistyped"}


CLEAN_REPAIR = "the film is not bad"


def spelled(text):
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append(Spelled(word, at, at + len(word)))
        at += len(word)
    return found


def corruption(kind, *words):
    starts = [CLEAN_REPAIR.index(word) for word in words]
    return Corruption(
        kind, tuple((at, at + len(word)) for at, word in zip(starts, words, strict=True))
    )


@pytest.mark.parametrize(
    ("corruptions", "written", "restored", "kept", "added"),
    [
        (
            [corruption("masked", "film"), corruption("dropped", "not")],
            CLEAN_REPAIR,
            (True, True),
            3,
            0,
        ),
        (
            [corruption("masked", "film"), corruption("dropped", "not")],
            "the film is bad",
            (True, False),
            3,
            0,
        ),
        ([corruption("masked", "film")], "the cast is not bad", (False,), 4, 1),
        ([corruption("swapped", "is", "not")], CLEAN_REPAIR, (True,), 3, 0),
        ([corruption("swapped", "is", "not")], "the film not is bad", (False,), 3, 1),
        ([corruption("mistyped", "film")], "the flim is not bad", (False,), 4, 1),
        ([corruption("mistyped", "film")], "the film is so bad", (True,), 3, 1),
        ([corruption("dropped", "bad")], "", (False,), 0, 0),
    ],
)
def test_a_slip_is_mended_when_all_its_words_stand_again(
    corruptions, written, restored, kept, added
):
    found = grade(corruptions, spelled(CLEAN_REPAIR), written.split())

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
    assert graded(Repair((True, False), 7, 7, 0), known_clean=True) == (
        "1 of 2 corrupted places restored, 7 of the 7 other words kept."
    )
    assert graded(Repair((True,), 3, 4, 1), known_clean=True) == (
        "1 of 1 corrupted place restored, 3 of the 4 other words kept, 1 word added that it did "
        "not have."
    )
    assert "not graded" in graded(None, known_clean=True)
