"""Whatever is sent is either fit to be used or refused in a sentence: texts, heads, settings."""

import pytest

from bundle_format.values import MAX_CHARACTERS
from explorer.errors import RequestError
from explorer.ui.checks import (
    COUNTS,
    NUMBERS,
    check_head,
    check_ids,
    check_layer,
    check_looks_at,
    check_settings,
    check_switches,
    check_texts,
)
from explorer.writing.settings import Settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"There is no text yet"),
        (" \n\t\u00a0\u3000", r"There is no text yet"),
        ("\x00\x07\u200b\u202e", r"4 characters long, but none of them can be seen"),
        ("\u200b", r"1 character long, which cannot be seen: it is a space"),
        (None, r"type NoneType; expected a string"),
        (3, r"type int; expected a string"),
        ({"text": "a"}, r"type dict; expected a string"),
        (["a"], r"type list; expected a string"),
        ("a" * 10_001, r"has 10,001 characters; at most 10,000"),
        ("a" * 20_000_000, r"has 20,000,000 characters; at most 10,000"),
        ("half \ud83d", r"half of a character"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_in_words(text, message):
    with pytest.raises(RequestError, match=message):
        check_texts(text)


def test_the_second_text_is_checked_as_the_first_is():
    with pytest.raises(RequestError, match=r"The second text has 10,001 characters"):
        check_texts("a", "a" * (MAX_CHARACTERS + 1))
    with pytest.raises(RequestError, match=r"The second text is of type int"):
        check_texts("a", 5)


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u200b"])
def test_a_second_text_may_be_missing(nothing):
    assert check_texts("a", nothing) == ("a", "")


@pytest.mark.parametrize("text", ["?!", "😍", "好", "a" * MAX_CHARACTERS, "\u202eabc", "0"])
def test_whatever_can_be_seen_is_read(text):
    assert check_texts(text) == (text, "")


def test_layers_and_heads_count_from_one_outside_and_from_zero_inside(bundle):
    assert check_layer(1, bundle) == 0
    assert check_layer(2, bundle) == 1
    assert check_head(2, bundle) == 1
    assert check_head("mean", bundle) == check_head(None, bundle) == "mean"
    assert check_layer("max", bundle) == check_head("max", bundle) == "max"


@pytest.mark.parametrize("value", [0, -1, 3, 10**12, 1.0, "1", True, [1], None, float("nan")])
def test_a_layer_that_is_not_there_is_refused_with_those_that_are(bundle, value):
    with pytest.raises(RequestError, match=r"There is no layer .*; this model has layers 1 to 2, "):
        check_layer(value, bundle)


@pytest.mark.parametrize("value", [0, 3, "1", {"a": 1}, False])
def test_a_head_that_is_not_there_is_refused_with_those_that_are(bundle, value):
    with pytest.raises(RequestError, match=r'heads 1 to 2, "mean" and "max"'):
        check_head(value, bundle)


@pytest.mark.parametrize("value", ["no", 0, None])
def test_a_switch_is_true_or_false(value):
    with pytest.raises(RequestError, match=r"special_tokens is .*; expected true or false"):
        check_switches(special_tokens=value)


def test_no_setting_is_needed():
    assert check_settings({}) == Settings()


@pytest.mark.parametrize(("name", "bounds"), [*NUMBERS.items(), *COUNTS.items()])
def test_both_ends_of_a_setting_are_allowed_and_nothing_beyond(name, bounds):
    for value in bounds:
        assert getattr(check_settings({name: value}), name) == value
    for value in (bounds.least - 1, bounds.most + 1, 10**5000, -(10**5000)):
        with pytest.raises(RequestError, match=f"{name} is .*; expected a .*number from"):
            check_settings({name: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "3", None, True, [3], {}])
@pytest.mark.parametrize("name", [*NUMBERS, *COUNTS])
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(RequestError, match=f"{name} is .*; expected"):
        check_settings({name: value})


def test_a_count_may_come_as_a_browser_sends_it():
    assert check_settings({"beams": 3.0}).beams == 3
    with pytest.raises(RequestError, match=r"beams is 3\.5; expected a whole number from 2 to 6"):
        check_settings({"beams": 3.5})


@pytest.mark.parametrize("strategy", ["", "best", None, 3, ["beam"]])
def test_an_unknown_strategy_is_refused(strategy):
    with pytest.raises(RequestError, match="expected one of greedy, beam, sample"):
        check_settings({"strategy": strategy})


@pytest.mark.parametrize("value", [None, "all", 1, ["source"]])
def test_an_unknown_map_is_refused(value):
    with pytest.raises(RequestError, match="expected source, written or self"):
        check_looks_at(value)


@pytest.mark.parametrize("ids", [None, [], "12", [1] * 25, [101], [-1], [True], [1.0], [[1]]])
def test_forged_ids_are_refused(bundle, ids):
    with pytest.raises(RequestError, match=r"no list of 1 to 24|There is no token"):
        check_ids(ids, bundle.decoder)
