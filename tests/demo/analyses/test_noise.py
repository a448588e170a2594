"""Spoiling a sentence: by the seed, in the kinds that were promised, and never for ever."""

import re

import pytest

from explorer.analyses.noise import corrupt

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
