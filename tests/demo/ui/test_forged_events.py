"""The page's own handlers, called by someone who writes HTTP by hand."""

import base64

import pytest

SHOWN = {"bundle": "Tiny random model", "text": "the film is good", "text_pair": ""}


MAP = {
    "layer": 1, "head": 1, "special_tokens": True, "words": True, "by_norms": False,
    "looks_at": "self", "part": "map",
}  # fmt: skip


def test_an_honest_event_is_answered(forge):
    success, output = forge("map_view", "ask", [SHOWN], {**MAP, "layer": 2, "head": "mean"})

    assert success
    joined = output["data"][0]["joined"]
    assert (joined["layer"], joined["head"]) == (2, "mean")


@pytest.mark.parametrize("event", ["ask", "keep"])
@pytest.mark.parametrize(
    ("event_data", "message"),
    [
        (
            {**MAP, "layer": 10**9},
            "There is no layer 1000000000; this model has layers 1 to 2",
        ),
        ({**MAP, "head": -5}, "There is no head -5"),
        ({**MAP, "layer": "__class__"}, "There is no layer '__class__'"),
        ({**MAP, "layer": [[]], "head": {}}, "There is no layer"),
        ({**MAP, "special_tokens": "no"}, "special_tokens is 'no'"),
        ({**MAP, "words": 7}, "words is 7; expected true or false"),
        ({}, "special_tokens is None"),
        ([1, 2], "special_tokens is None"),
        ("layer", "special_tokens is None"),
        (None, "special_tokens is None"),
    ],
)
def test_a_forged_map_gets_a_sentence(forge, capfd, event, event_data, message):
    if isinstance(event_data, dict):
        event_data = {**event_data, "kind": "png"}

    success, output = forge("map_view", event, [SHOWN], event_data)

    assert not success
    known = message if isinstance(event_data, dict) or event == "ask" else "There is no kind of"
    assert known in output["error"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [None, 3, "exe", "../png", ["png"], {"png": 1}, "x" * 10_000])
def test_a_forged_kind_of_file_gets_a_sentence(forge, kind):
    success, output = forge("map_view", "keep", [SHOWN], {**MAP, "kind": kind})

    assert not success
    assert "There is no kind of file" in output["error"]
    assert len(output["error"]) < 200


@pytest.mark.parametrize("part", [None, 3, "all", ["tiles"], {}])
def test_a_forged_part_is_the_map(forge, part):
    success, output = forge("map_view", "ask", [SHOWN], {**MAP, "part": part})

    assert success
    assert output["data"][0]["maps"][0]["heads"] == [1]


@pytest.mark.parametrize("index", [-1, 2, 10**9, "0", None, True, [0]])
def test_a_forged_example_gets_a_sentence(forge, index):
    data = ["Tiny random model", SHOWN]

    success, output = forge("examples", "choose", data, {"index": index})

    assert not success
    assert "There is no example" in output["error"]
    assert "this bundle has 2" in output["error"]


@pytest.mark.parametrize("name", ["shown", "layer", "head"])
def test_a_forged_value_of_any_size_gets_a_short_sentence_and_is_not_logged(forge, capfd, name):
    values = {"shown": SHOWN, **MAP, name: "unheardof" * 20_000}

    success, output = forge("map_view", "ask", [values.pop("shown")], values)

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
    success, output = forge("map_view", "ask", [shown], MAP)

    assert not success
    assert message in output["error"]


TITLE = "Tiny random model"
TEXT = "the film is good"
SETTINGS = {
    "strategy": "greedy", "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0, "beams": 4,
    "max_tokens": 64, "repetition_penalty": 1.0, "no_repeat_ngram": 0, "chat": True,
    "source_language": "", "target_language": "",
}  # fmt: skip
WRITTEN = {"bundle": TITLE, "text": TEXT, "ids": [7, 53, 3]}
INTO = {**MAP, "looks_at": "source"}


@pytest.fixture(scope="module")
def ask_to_write(forge):
    """Presses Write with some values that no page would send; gives the last of what it gives."""

    def ask(title=TITLE, text=TEXT, corrupted=None, **changes):
        settings = {**SETTINGS, **changes}
        asked = [title, text, corrupted, *settings.values(), None]
        success, output = forge("write", "click", asked)
        return output["data"] if success else output["error"]

    return ask


def test_an_honest_request_is_answered(ask_to_write):
    shown, notice, written, maps, _ = ask_to_write(max_tokens=3)

    assert (shown["bundle"], shown["text"]) == (TITLE, TEXT)
    assert len(written["tokens"]) == len(shown["ids"]) == 3
    assert len(maps["sides"][0]["tokens"]) == 3
    assert not notice["error"]
    assert "The source has 6 tokens, and at most 3 are written" in notice["lines"][0]


SAMPLED = {"strategy": "sample"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {**SAMPLED, "temperature": float("nan")},
            "Temperature is not a number; expected a number from 0.05",
        ),
        (
            {**SAMPLED, "temperature": float("inf")},
            "Temperature is inf; expected a number from 0.05 to 5.0",
        ),
        (
            {**SAMPLED, "temperature": None},
            "Temperature is empty; expected a number from 0.05 to 5.0",
        ),
        ({**SAMPLED, "temperature": "hot"}, "Temperature is 'hot'; expected a number"),
        ({**SAMPLED, "top_p": 0}, "Top-p is 0; expected a number from 0.01 to 1.0"),
        (
            {**SAMPLED, "top_k": 10**400},
            "Top-k is more than 10^30; expected a whole number from 0 to 1000",
        ),
        ({"strategy": "beam", "beams": 2.5}, "Beams is 2.5; expected a whole number from 2 to 6"),
        ({"max_tokens": [1]}, "Maximum tokens is [1]; expected a whole number from 1 to 128"),
        (
            {"no_repeat_ngram": -1},
            "No-repeat n-gram size is -1; expected a whole number from 0 to",
        ),
        ({**SAMPLED, "seed": {}}, "Seed is {}; expected a whole number from 0"),
        ({"text": "a" * 20_000}, "has 20,000 characters; at most 10,000"),
        ({"text": "\u200b"}, "1 character long, which cannot be seen"),
        ({"title": "/etc"}, "There is no bundle '/etc'; this page has: Tiny"),
        ({"title": "Second"}, "Second does not write"),
        ({"strategy": "best"}, "strategy is 'best'; expected one of greedy"),
    ],
)
def test_a_forged_request_to_write_gets_a_sentence(ask_to_write, changes, message):
    answer = ask_to_write(**changes)

    assert message in (answer if isinstance(answer, str) else " ".join(answer[1]["lines"]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 10**9}, "There is no layer 1000000000; this model has layers 1 to 2"),
        ({"head": "__class__"}, "There is no head '__class__'"),
        ({"looks_at": "all"}, "The map shows 'all'; expected source, written or self"),
        ({"looks_at": None}, "The map shows None"),
        ({"special_tokens": "no"}, "special_tokens is 'no'"),
        ({"words": 7}, "words is 7; expected true or false"),
        ({"looks_at": "written", "by_norms": True}, "gives no norms for its self-attention"),
    ],
)
def test_a_forged_map_gets_a_sentence_in_the_write_tab(forge, changes, message):
    success, output = forge("write_map_view", "ask", [WRITTEN], {**INTO, **changes})

    assert not success
    assert message in output["error"]


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        (None, "Nothing was written yet"),
        ([1], "Nothing was written yet"),
        ({**WRITTEN, "bundle": ["Second"]}, "There is no bundle ['Second']"),
        ({**WRITTEN, "bundle": "Second"}, "Second does not write"),
        ({**WRITTEN, "text": "a" * 20_000}, "has 20,000 characters"),
        ({**WRITTEN, "text": None}, "type NoneType"),
        ({**WRITTEN, "ids": None}, "no list of 1 to 24 token ids"),
        ({**WRITTEN, "ids": [5] * 25}, "no list of 1 to 24 token ids"),
        ({**WRITTEN, "ids": [10**9]}, "There is no token 1000000000; this model has 0 to 100"),
        ({**WRITTEN, "ids": [-1]}, "There is no token -1"),
        ({**WRITTEN, "ids": ["5"]}, "There is no token '5'"),
    ],
)
def test_a_forged_text_gets_a_sentence_in_the_write_tab(forge, shown, message):
    success, output = forge("write_map_view", "ask", [shown], INTO)

    assert not success
    assert message in output["error"]


def test_a_text_that_was_never_written_here_is_followed(forge):
    shown = {**WRITTEN, "ids": [100, 0, 1, 3]}

    success, output = forge(
        "write_map_view", "keep", [shown], {**INTO, "kind": "csv", "words": False}
    )

    assert success
    rows = base64.b64decode(output["data"][0]["content"]).decode("utf-8-sig").splitlines()
    assert len(rows) == 1 + 4


@pytest.mark.parametrize(
    ("element", "event", "data", "event_data", "message"),
    [
        ("write_examples", "choose", [TITLE], {"index": 10**9}, "this bundle has 2"),
        ("write_examples", "choose", ["Second"], {"index": 0}, "this bundle has 0"),
    ],
)
def test_what_else_can_be_forged_gets_a_sentence(forge, element, event, data, event_data, message):
    success, output = forge(element, event, data, event_data)

    assert not success
    assert message in output["error"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a" * 20_000, "has 20,000 characters"), ("half \ud83d", "lone surrogate")],
)
def test_what_cannot_be_corrupted_is_said_beside_it(forge, text, message):
    success, output = forge("corrupt", "click", [TITLE, text, None, None])

    assert success
    assert message in str(output["data"])
