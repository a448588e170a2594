"""Spoiling a sentence: by the seed, in the kinds that were promised, and never for ever."""

import pytest

from explorer.corruption import corrupt

CLEAN = "the story is bright and the music never dull"
MASK = "[MASK]"


def spoiled(seed):
    return corrupt(CLEAN, seed, MASK)


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
    assert isinstance(corrupt(text, seed, MASK), str)
    assert not any(word.isalpha() for word in corrupt("3 7", seed, MASK).split())


def test_without_a_mask_no_word_is_masked():
    assert all("MASK" not in corrupt(CLEAN, seed, "") for seed in range(50))


@pytest.mark.parametrize("seed", range(40))
def test_two_words_are_damaged_and_never_two_neighbours(seed):
    words = [f"{letter * 6}," for letter in "abcdefgh"]  # with a comma each: none can be swapped

    found = corrupt(" ".join(words), seed, MASK).split()

    changed = [place for place, word in enumerate(found) if word != words[place]]
    assert len(found) == len(words)
    assert len(changed) == 2
    assert changed[1] - changed[0] > 1
    assert all(word.endswith(",") for word in found)


def test_what_was_masked_before_stays_masked():
    text = "it was <mask>, and <mask>."

    assert all(corrupt(text, seed, "<mask>").count("<mask>") >= 2 for seed in range(40))
