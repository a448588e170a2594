"""Every setting has bounds, and what lies beyond them is refused in a sentence."""

import pytest

from explorer.errors import RequestError
from explorer.inference.logits import Settings
from explorer.ui.checks import COUNTS, NUMBERS, check_ids, check_looks_at, check_settings


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
    with pytest.raises(RequestError, match="expected source or written"):
        check_looks_at(value)


@pytest.mark.parametrize("ids", [None, [], "12", [1] * 25, [101], [-1], [True], [1.0], [[1]]])
def test_forged_ids_are_refused(bundle, ids):
    with pytest.raises(RequestError, match=r"no list of 1 to 24|There is no token"):
        check_ids(ids, bundle.decoder)
