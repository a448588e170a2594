"""No text that was trained on may be asked in the test, in whatever spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.splits import Removed, normal_form, remove_duplicates, row_form, split
from training.readers.rows import Row


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A fine film.", "a FINE film"),
        ("it's fine", "it ’ s  fine"),
        ("fine<br /><br />film", "fine film"),
        ("caf\u00e9", "cafe\u0301"),
        ("ﬁne\u00a0film", "fine\tfilm\n"),
    ],
)
def test_texts_that_differ_in_spelling_only_have_one_normal_form(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("good 😀", "good 😡"),
        (":-(", ":-)"),
        ("a < b and c > d", "a"),
        ("की", "का"),  # they differ in a combining vowel sign alone
        ("plot 1", "plot 2"),
    ],
)
def test_texts_that_differ_in_more_keep_different_forms(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@given(st.text(min_size=1))
def test_the_normal_form_of_a_text_is_not_empty_unless_the_text_is_blank(text: str) -> None:
    assert normal_form(text) or not text.strip()


def test_duplicates_are_counted_by_kind_and_the_first_is_kept() -> None:
    rows = [Row("Fine film", "good"), Row("Fine film", "good"), Row("fine film!", "good")]

    cleaned = remove_duplicates({"all": rows})

    assert cleaned.parts == {"all": rows[:1]}
    assert cleaned.removed == Removed(duplicates=1, near_duplicates=1, conflicting=0)
    assert cleaned.near_duplicates == ((rows[2], rows[0]),)


def test_a_text_with_two_labels_is_dropped_everywhere() -> None:
    rows = [Row("so so", "good"), Row("so so", "bad"), Row("So so.", "bad"), Row("fine", "good")]

    cleaned = remove_duplicates({"all": rows})

    assert cleaned.parts == {"all": rows[2:]}
    assert cleaned.removed == Removed(conflicting=2)
    assert cleaned.conflicting == (rows[0], rows[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("We're going.", "We're going?"),
        ("Rated 1.5", "Rated 15"),
        (":)", ":("),
        ("the rapist", "therapist"),
        ("no", "NO!!!"),
        ("a  b", "a b"),
        ("<b>now</b>", "now"),
    ],
)
def test_what_two_labels_hang_on_tells_two_texts_apart_and_both_stay_in_one_part(
    one: str, other: str
) -> None:
    rows = [Row(one, "x"), Row(other, "y")]

    cleaned = remove_duplicates({"all": rows})

    assert cleaned.parts == {"all": rows}
    assert cleaned.removed == Removed()
    if normal_form(one) == normal_form(other):
        assert sorted(map(len, split(cleaned.parts, row_form).values())) == [0, 0, 2]


def test_near_duplicates_of_one_label_stay_out_of_the_other_parts_beside_another_label() -> None:
    test = [Row("We're going?", "ask"), Row("We're going.", "tell")]
    train = [Row("We\u2019re going ?", "ask"), Row("were going", "tell"), Row("go!", "tell")]

    cleaned = remove_duplicates({"train": train, "test": test})

    assert cleaned.parts == {"train": train[2:], "test": test}
    assert cleaned.removed == Removed(near_duplicates=2)


def test_a_text_in_several_parts_stays_in_the_test_part() -> None:
    row = Row("fine film", "good")
    other = Row("dull film", "bad")

    parts = {"train": [row, other], "test": [row], "validation": [other]}

    cleaned = remove_duplicates(parts)

    assert cleaned.parts == {"train": [], "test": [row], "validation": [other]}
    assert cleaned.removed.duplicates == 2


def test_pairs_are_duplicates_only_when_both_texts_are() -> None:
    rows = [Row("a", "good", "b"), Row("a", "good", "c"), Row("ab", "good"), Row("A", "good", "B!")]

    assert remove_duplicates({"all": rows}).parts == {"all": rows[:3]}


def test_the_split_is_eight_to_one_to_one_and_a_row_keeps_its_part_as_the_corpus_grows() -> None:
    rows = [Row(f"film number {i}", "good") for i in range(2000)]

    small, large = split({"all": rows[:1000]}, row_form), split({"all": rows}, row_form)

    assert [len(large[part]) / 2000 for part in ("train", "validation", "test")] == pytest.approx(
        [0.8, 0.1, 0.1], abs=0.02
    )
    for part in large:
        assert set(small[part]) == set(large[part]) & set(rows[:1000])


def test_a_source_keeps_its_own_parts_and_lends_train_rows_for_the_missing_ones() -> None:
    rows = [Row(f"film number {i}", "good") for i in range(500)]
    own = [Row(f"play number {i}", "bad") for i in range(20)]

    parts = split({"train": rows, "test": own}, row_form)

    assert parts["test"] == tuple(own)
    assert len(parts["validation"]) == pytest.approx(50, abs=20)
    assert set(parts["train"]) | set(parts["validation"]) == set(rows)
