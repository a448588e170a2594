"""Whatever is sent is either fit to be read or refused in a sentence."""

import pytest

from bundle_format.schema import MAX_CHARACTERS
from explorer.errors import RequestError
from explorer.ui.checks import check_head, check_layer, check_switch, check_texts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"There is no text yet"),
        (" \n\t\u00a0\u3000", r"There is no text yet"),
        ("\x00\x07\u200b\u202e", r"4 characters long, but none of them can be seen"),
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
    assert check_texts("a", nothing).text_pair == ""


@pytest.mark.parametrize("text", ["?!", "😍", "好", "a" * MAX_CHARACTERS, "\u202eabc", "0"])
def test_whatever_can_be_seen_is_read(text):
    assert check_texts(text).text == text


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
        check_switch(value, "special_tokens")
