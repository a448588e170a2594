"""The edit distance word by word: against its definition, and on sentences a person can check."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.pair_batches import align

TEXTS = st.lists(st.sampled_from("abc"), max_size=7)


def distance(reference: tuple[str, ...], written: tuple[str, ...]) -> int:
    """The definition, as it stands in books."""

    @cache
    def rest(i: int, j: int) -> int:
        if i == len(reference) or j == len(written):
            return len(reference) - i + len(written) - j
        replaced = rest(i + 1, j + 1) + (reference[i] != written[j])
        return min(replaced, rest(i + 1, j) + 1, rest(i, j + 1) + 1)

    return rest(0, 0)


@given(TEXTS, TEXTS)
def test_the_errors_are_the_edit_distance(reference: list[str], written: list[str]) -> None:
    assert align(reference, written).errors == distance(tuple(reference), tuple(written))


@given(TEXTS, TEXTS)
def test_matched_words_stand_in_this_order_in_the_other_text(
    reference: list[str], written: list[str]
) -> None:
    matched = align(reference, written).matched

    left = iter(written)
    assert len(matched) == len(reference)
    assert all(word in left for word, there in zip(reference, matched, strict=True) if there)


@pytest.mark.parametrize(
    ("written", "matched", "errors"),
    [
        ("a dull film", "111", 0),
        ("a film", "101", 1),
        ("a very dull film", "111", 1),
        ("a bright film", "101", 1),
        ("", "000", 3),
    ],
)
def test_known_sentences(written: str, matched: str, errors: int) -> None:
    found = align("a dull film".split(), written.split())

    assert found.errors == errors
    assert "".join(str(int(there)) for there in found.matched) == matched


def test_one_word_too_many_does_not_make_all_that_follow_wrong() -> None:
    assert (
        sum(align("it was a great story".split(), "and it was a great story".split()).matched) == 5
    )


@pytest.mark.parametrize(
    ("written", "partners"),
    [
        ("a dull film", [0, 1, 2]),
        ("a film", [0, None, 1]),
        ("a very dull film", [0, 2, 3]),
        ("a dul film", [0, 1, 2]),
        ("", [None, None, None]),
    ],
)
def test_a_replaced_word_has_a_partner_and_an_added_one_has_none(
    written: str, partners: list[int | None]
) -> None:
    assert list(align("a dull film".split(), written.split()).partners) == partners


@given(TEXTS, TEXTS)
def test_partners_rise_and_matched_ones_are_equal(reference: list[str], written: list[str]) -> None:
    found = align(reference, written)

    places = [place for place in found.partners if place is not None]
    assert places == sorted(set(places))
    equal = [p is not None and reference[i] == written[p] for i, p in enumerate(found.partners)]
    assert [e for e, there in zip(equal, found.matched, strict=True) if there] == [True] * sum(
        found.matched
    )
