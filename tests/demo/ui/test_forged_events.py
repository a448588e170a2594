"""The page's own handlers, called by someone who writes HTTP by hand."""

import pytest

SHOWN = {"bundle": "Tiny random model", "text": "the film is good", "text_pair": ""}


def test_an_honest_event_is_answered(forge):
    success, output = forge(
        "heads", "choose", [SHOWN, 1, 1, True, True, False, False], {"layer": 2, "head": "mean"}
    )

    assert success
    assert output["data"][:2] == [2, "mean"]


@pytest.mark.parametrize(
    ("event_data", "message"),
    [
        ({"layer": 10**9, "head": 1}, "There is no layer 1000000000; this model has layers 1 to 2"),
        ({"layer": 1, "head": -5}, "There is no head -5"),
        ({"layer": "__class__", "head": 1}, "There is no layer '__class__'"),
        ({"layer": [[]], "head": {}}, "There is no layer"),
        ({}, "There is no layer None"),
        ([1, 2], "There is no layer None"),
        ("layer", "There is no layer None"),
    ],
)
def test_a_forged_head_gets_a_sentence(forge, event_data, message):
    success, output = forge("heads", "choose", [SHOWN, 1, 1, True, True, False, False], event_data)

    assert not success
    assert message in output["error"]


@pytest.mark.parametrize("index", [-1, 2, 10**9, "0", None, True, [0]])
def test_a_forged_example_gets_a_sentence(forge, index):
    data = ["Tiny random model", SHOWN, 1, 1, True, True, False, False]

    success, output = forge("examples", "choose", data, {"index": index})

    assert not success
    assert "There is no example" in output["error"]
    assert "this bundle has 2" in output["error"]


@pytest.mark.parametrize("index", [[1e9, -5], [0, 0], ["1e400", "nan"], [-1, -1]])
def test_a_click_outside_the_map_chooses_no_row(forge, index):
    event_data = {"index": index, "value": None}

    success, output = forge("map", "select", [SHOWN, 1, 1, True, True, False, False], event_data)

    assert success
    assert output["data"][0]["chosen"] is None


@pytest.mark.parametrize("index", [None, 3, "xy", [1], [1, 2, 3], [{}, []], [10**400, 1]])
def test_a_click_without_two_coordinates_gets_a_sentence(forge, index):
    event_data = {"index": index, "value": None}

    success, output = forge("map", "select", [SHOWN, 1, 1, True, True, False, False], event_data)

    assert not success
    assert "two coordinates" in output["error"]


@pytest.mark.parametrize("event_data", [None, 3, "index", [1, 2], {}, {"value": 1}])
def test_a_click_that_says_no_place_gets_a_sentence(forge, capfd, event_data):
    success, output = forge("map", "select", [SHOWN, 1, 1, True, True, False, False], event_data)

    assert not success
    assert "two coordinates" in output["error"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("place", range(3))
def test_a_forged_value_of_any_size_gets_a_short_sentence_and_is_not_logged(forge, capfd, place):
    values = [SHOWN, 1, 1]
    values[place] = "unheardof" * 20_000

    success, output = forge("layer", "input", [*values, True, True, False, False])

    assert not success
    assert len(output["error"]) < 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        (None, "Nothing was read yet"),
        ([1], "Nothing was read yet"),
        ({}, "There is no bundle None"),
        ({**SHOWN, "bundle": "/etc"}, "There is no bundle '/etc'"),
        ({**SHOWN, "text": "a" * 20_000}, "has 20,000 characters"),
        ({**SHOWN, "text": {"a": 1}}, "type dict"),
        ({**SHOWN, "text_pair": 7}, "The second text is of type int"),
    ],
)
def test_a_forged_text_gets_a_sentence(forge, shown, message):
    event_data = {"layer": 1, "head": 1}

    success, output = forge("heads", "choose", [shown, 1, 1, True, True, False, False], event_data)

    assert not success
    assert message in output["error"]
