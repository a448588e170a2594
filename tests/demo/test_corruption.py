"""Spoiling a sentence: by the seed, in the kinds that were promised, and never for ever."""

import pytest

from explorer.corruption import corrupt

CLEAN = "the story is bright and the music never dull"


def test_one_seed_spoils_in_one_way_and_seeds_differ():
    assert corrupt(CLEAN, 3) == corrupt(CLEAN, 3)
    assert len({corrupt(CLEAN, seed) for seed in range(20)}) > 10
    assert all(corrupt(CLEAN, seed) != CLEAN for seed in range(50))


def test_every_kind_of_damage_occurs():
    words = CLEAN.split()
    spoiled = [corrupt(CLEAN, seed).split() for seed in range(100)]

    assert any("[MASK]" in one for one in spoiled)
    assert any(len(one) < len(words) for one in spoiled)
    assert any(sorted(one) == sorted(words) for one in spoiled), "swapped"
    assert any(set(one) - set(words) - {"[MASK]"} for one in spoiled), "mistyped"


@pytest.mark.parametrize("text", ["", " ", "!", "a", "3 7", "好", "a\n\nb", "[MASK]"])
@pytest.mark.parametrize("seed", range(5))
def test_what_cannot_be_spoiled_stays_readable(text, seed):
    assert isinstance(corrupt(text, seed), str)
    assert not any(word.isalpha() for word in corrupt("3 7", seed).split())


def test_without_a_mask_no_word_is_masked():
    assert all("MASK" not in corrupt(CLEAN, seed, mask="") for seed in range(50))
