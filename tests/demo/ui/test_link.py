"""Links to what the page shows: what they restore, and what whoever writes them by hand is told."""

from urllib.parse import urlencode

import gradio as gr
import pytest

from explorer.errors import RequestError
from explorer.ui.models import PageModels
from explorer.ui.sharing.link import MOST_CHARACTERS

TITLE = "Tiny random model"
LINK = {"text": "the film is good", "model": TITLE}
MAPS = {
    "layer": "2", "head": "mean", "words": "false", "special_tokens": "true", "by_norms": "true",
    "log_scale": "true", "direction": "to", "chosen": "3",
}  # fmt: skip
STATE = {
    "layer": 2, "head": "mean", "words": False, "special_tokens": True, "by_norms": True,
    "log_scale": True, "direction": "to", "chosen": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def page(model, foreign, page_of):
    from explorer.inference.encoder import EncoderModel

    return page_of(PageModels([model, EncoderModel(foreign)]))


def opened(page, fragment, title=TITLE):
    if isinstance(fragment, dict):
        fragment = urlencode(fragment)
    return page.reading.restore(gr.EventData(None, {"fragment": fragment}), title)


def test_a_link_is_read_as_if_it_was_typed(page):
    given = opened(page, {**LINK, **MAPS, "looks_at": "self", "view": "compare"})

    tab = page.reading
    typed = tab.read(TITLE, LINK["text"], "", None)
    assert {**given[tab.viewer.maps], "begins": None} == {**typed[tab.viewer.maps], "begins": None}
    assert given[tab.answer] == typed[tab.answer]
    assert given[tab.shown] == typed[tab.shown]
    assert given[tab.text] == LINK["text"]
    assert given[tab.views]["selected"] == "compare"
    assert given[tab.viewer.maps]["begins"] == {**STATE, "looks_at": "self"}


def test_both_texts_and_ablated_heads_come_back(page):
    given = opened(page, {**LINK, "text_pair": "好 & <b>", "without": "1.2-2.1"})

    tab = page.reading
    assert given[tab.shown] == {
        "bundle": TITLE, "text": LINK["text"], "text_pair": "好 & <b>",
        "without": [[1, 2], [2, 1]],
    }  # fmt: skip
    assert given[tab.second].open is True


@pytest.mark.parametrize("looks_at", ["source", "self"])
def test_a_source_is_written_from_again_and_its_maps_begin_as_the_link_says(page, looks_at):
    given = opened(page, {**LINK, **MAPS, "tab": "write", "looks_at": looks_at, "view": "source"})
    link = given[page.frame.restored]
    assert page.reading.text not in given, "the other tab stays as it is"

    restored = page.write.restore(link)
    assert restored[page.write.form.text]["value"] == LINK["text"]
    assert restored[page.write._tabs]["selected"] == "write"
    assert restored[page.write.views]["selected"] == "source"
    assert restored[page.write.shown] is None
    written = page.write.open(TITLE, True, LINK["text"], None, None, link)
    greedy = page.write.open(TITLE, True, LINK["text"], None, None)
    assert written[page.write.written] == greedy[page.write.written]
    assert written[page.write.viewer.maps]["begins"] == {**STATE, "looks_at": looks_at}


def test_a_text_is_written_with_the_settings_of_the_link(page):
    said = {"strategy": "sample", "temperature": "0.55", "seed": "2147483647", "max_tokens": "5"}
    given = opened(page, {**LINK, "tab": "write", **said})
    link, tab = given[page.frame.restored], page.write
    assert link["settings"] == {
        "strategy": "sample", "temperature": 0.55, "seed": 2147483647, "max_tokens": 5,
    }  # fmt: skip

    restored = tab.restore(link)
    for name, value in {**link["settings"], "beams": 4}.items():
        assert restored[tab.settings[name]] == value
    written = tab.open(TITLE, True, LINK["text"], None, None, link)
    assert len(written[tab.shown]["ids"]) == 5
    assert written[tab.viewer.maps]["of"]["settings"] == link["settings"]
    ended = tab.finish(written[tab.shown])
    assert ended[tab.viewer.maps]["of"] == written[tab.viewer.maps]["of"]


@pytest.mark.parametrize("settings", [3, ["beam"], {"beams": 10**40}, {"strategy": {}}])
def test_forged_settings_get_a_sentence(page, settings):
    link = opened(page, {**LINK, "tab": "write"})[page.frame.restored]

    with pytest.raises(RequestError, match="expected"):
        page.write.restore({**link, "settings": settings})


def test_another_model_is_chosen(page):
    given = opened(page, {"text": "the film", "model": "Foreign", "tab": "write"})

    assert given[page.frame.bundle] == "Foreign"
    assert given[page.frame.facts]["title"] == "Foreign"
    restored = page.write.restore(given[page.frame.restored])
    assert restored[page.write.form.text]["value"] == "the film"


@pytest.mark.parametrize(
    ("fragment", "sentence"),
    [
        (None, "The link is of type NoneType; expected what stands after #"),
        ({}, "The link names no model"),
        ([1], "The link is of type list"),
        ("x", "The link begins 'x', and holds what is no name with a value"),
        ("text=%ff&model=Tiny", "and holds what is no name with a value"),
        ("text=a&text=b", "The link says text twice; expected it once."),
        ("__proto__=a", "There is no '__proto__' in a link; it has text, text_pair, model"),
        ("text=" + "a" * MOST_CHARACTERS, "The link has more than 2,000 characters"),
        ({"model": TITLE}, "There is no text yet"),
        ({**LINK, "text": "\x00"}, "which cannot be seen"),
        (
            {"text": "a"},
            "The link names no model; expected model=… with one of: Tiny random model, Foreign.",
        ),
        ({**LINK, "model": "<img src=x>"}, "There is no bundle '<img src=x>'"),
        ({"text": "a", "model": "Foreign"}, "Foreign does not classify"),
        ({**LINK, "tab": "evil"}, 'tab is \'evil\'; expected "classify" or "write".'),
        ({**LINK, "view": "source"}, "view is 'source'; expected \"maps\""),
        ({**LINK, "layer": "99"}, "There is no layer 99; this model has layers 1 to 2"),
        ({**LINK, "layer": "9" * 900}, "There is no layer '999"),
        ({**LINK, "layer": "-1"}, "There is no layer '-1'"),
        ({**LINK, "head": "__class__"}, "There is no head '__class__'"),
        ({**LINK, "words": "maybe"}, "words is 'maybe'; expected true or false."),
        ({**LINK, "looks_at": "me"}, "looks_at is 'me'; expected \"self\"."),
        ({**LINK, "direction": "up"}, 'direction is \'up\'; expected "from" or "to".'),
        (
            {**LINK, "beams": "3"},
            "The link says beams, which is a setting of a text",
        ),
        ({**LINK, "tab": "write", "beams": "3.5"}, "beams is 3.5; expected a whole number"),
        ({**LINK, "tab": "write", "beams": "9" * 300}, "beams is '999"),
        ({**LINK, "tab": "write", "top_p": "nan"}, "top_p is 'nan'; expected a number"),
        ({**LINK, "tab": "write", "temperature": "1e9"}, "temperature is '1e9'"),
        ({**LINK, "tab": "write", "strategy": "<img>"}, "strategy is '<img>'; expected one of"),
        ({**LINK, "chosen": "1.5"}, "chosen is '1.5'; expected a token's place, from 0."),
        ({**LINK, "without": "1.2.3"}, "There is no head [1, 2, 3]"),
        ({**LINK, "without": "9.9"}, "There is no layer 9"),
        ({**LINK, "without": "-"}, "There is no head ['']"),
        (
            {**LINK, "tab": "write", "looks_at": "written", "by_norms": "true"},
            "no norms for its self-attention",
        ),
    ],
)
def test_a_bad_link_is_answered_by_a_sentence(page, fragment, sentence):
    with pytest.raises(RequestError) as refused:
        opened(page, fragment)

    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("link", [None, 3, [], {}, {"title": 7}, {"title": "x", "tab": "write"}])
def test_what_a_forger_says_of_a_link_is_checked_again(page, link):
    with pytest.raises(RequestError, match="There is no bundle"):
        page.write.restore(link)


@pytest.mark.parametrize("data", [None, "text=a", [1], {"fragment": 7}, {"fragment": "text=a"}])
def test_a_forged_link_gets_a_sentence(forge, capfd, data):
    success, output = forge("link", "restore", [TITLE], data)

    assert not success
    assert "The link" in output["error"] or "There is no bundle" in output["error"]
    assert capfd.readouterr().err == ""
