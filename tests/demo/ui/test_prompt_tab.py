"""A page whose model goes on from a prompt: its Write tab, and its endpoints."""

from dataclasses import replace

import numpy as np
import pytest

from bundle_format.schema import Example
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.ui import payloads, wording
from explorer.ui.models import MapControls, PageModels
from explorer.ui.panels.generated_text import PROMPT_EFFECTS, SOURCE_ATTRIBUTION
from explorer.writing.settings import Settings

TEXT, TITLE = "the film was", "Prompts"


@pytest.fixture(scope="module")
def models(prompts):
    return PageModels([prompts])


@pytest.fixture(scope="module")
def tab(models, page_of):
    return page_of(models).write


@pytest.fixture(scope="module")
def api(models, endpoints_of):
    return endpoints_of(models)


@pytest.fixture(scope="module")
def opened(tab):
    return tab.open(TITLE, True, TEXT, None, None)


def test_it_is_called_a_prompt_and_has_a_switch_for_its_template(tab):
    begun = tab.begin(TITLE)

    assert (begun[tab.form.text]["label"], begun[tab.form.text]["value"]) == ("Prompt", TEXT)
    assert begun[tab.settings["chat"]]["visible"]
    assert not begun[tab.form.corrupt]["visible"]


def test_each_model_of_a_page_has_the_panels_that_are_its_own(prompts, foreign, page_of):
    tab = page_of(PageModels([EncoderModel(foreign), prompts])).write

    for title, there in (("Prompts", [False, True, True]), ("Foreign", [True, False, True])):
        changed = tab.change(title)

        assert [changed[panel.block]["visible"] for panel in tab.panels] == there


def test_the_task_that_stands_before_a_source_is_the_one_that_is_chosen(foreign, page_of):
    prefixes = ("do: ", "do: it: ", "summarize: ")
    decoder = replace(foreign.decoder, prefixes=prefixes, examples=(Example(text="do: it: now"),))
    tab = page_of(PageModels([EncoderModel(replace(foreign, decoder=decoder))])).write

    offered = tab.begin("Foreign")[tab.form.prefix]

    assert offered["choices"] == [("None", ""), *((one.strip(), one) for one in prefixes)]
    assert (offered["value"], offered["visible"]) == ("do: it: ", True)


def test_the_page_has_its_parts_and_no_others(prompts):
    assert payloads.facts(prompts.bundle)["tabs"] == ["write", "prompt"]


def test_it_is_said_of_one_without_a_cache_that_it_reads_all_again(demo_tests):
    bundle = open_bundle(demo_tests / "uncached_bundle")

    assert "4 heads, reads its whole text again for each token" in wording.sizes(bundle)


def test_it_goes_on_and_its_maps_look_at_the_prompt(tab, opened, models):
    said, maps = opened[tab.notice]["lines"], opened[tab.viewer.maps]

    assert "chat template" in said[-1]
    assert [one["looks_at"] for one in maps["attentions"]] == ["written"]
    (itself,) = maps["attentions"]
    assert itself["has_norms"]
    assert itself["given"] == len(models.given(TITLE, TEXT).tokens)
    assert maps["sides"][itself["keys"]]["tokens"][0]["piece"] == "<s>"


def test_it_says_why_a_prompt_does_not_stand_in_its_template(tab, api, models, monkeypatch):
    (model,) = models.by_title.values()
    given = replace(model.read(TEXT, chat=False), untemplated="it fails")
    monkeypatch.setattr(model, "read", lambda text, chat: given)

    said = tab.open(TITLE, True, TEXT, None, None)[tab.notice]["lines"]

    assert any("cannot take this prompt in (it fails), so the model goes on" in one for one in said)
    assert not any("stands in the model's chat template" in one for one in said)
    *_, answer = api.generate(TEXT, max_tokens=2)
    assert answer["chat_template_error"] == "it fails"


def test_a_map_of_it_is_asked_for_and_one_of_a_source_is_refused(models, opened, tab):
    chosen = {
        "shown": opened[tab.shown], "layer": 1, "head": 2, "special_tokens": True, "words": False,
        "by_norms": True,
    }  # fmt: skip
    view = models.select_generation(MapControls(**chosen, looks_at="written")).view
    np.testing.assert_allclose(view.weights.sum(axis=-1), 1, atol=1e-5)

    with pytest.raises(RequestError, match="no source"):
        models.select_generation(MapControls(**chosen, looks_at="source"))


def test_the_template_is_left_out_where_a_reader_says_so(tab, models):
    link = {"title": TITLE, "text": TEXT, "settings": {"chat": False}}
    without = tab.open(TITLE, True, TEXT, None, None, link)

    assert without[tab.shown]["settings"] == {"chat": False}
    assert without[tab.notice]["lines"] == []
    assert without[tab.written]["prompt"] == TEXT
    _, _, generation = models.shown_generation(without[tab.shown])
    assert [token.text for token in generation.given] == TEXT.split()


def test_its_panel_removes_words_of_the_prompt(tab, opened):
    asked = tab._ask(opened[tab.shown])

    drawn = run_to_end(PROMPT_EFFECTS.run(asked))
    assert [one.makes_sense(asked.of.bundle) for one in (PROMPT_EFFECTS, SOURCE_ATTRIBUTION)] == [
        True,
        False,
    ]
    assert (drawn["of"], drawn["words"]) == ("prompt", TEXT.split())


def test_programs_ask_it_all(api, models):
    *_, answer = api.generate(TEXT, chat=False)
    assert answer["text"] == models.written(TITLE, TEXT, Settings(chat=False)).text
    assert answer["chat_template_error"] is None
    found = api.self_attention(TEXT, "the mill", kind="norm_weighted", chat=False)
    assert np.array(found["weights"]).shape == (3, 5)  # the end token has a row
    assert [one["piece"] for one in found["before"]] == [*TEXT.split(), "the", "mill"]
    assert api.prompt_effects(TEXT)["words"] == TEXT.split()
    assert list(api.decoder_head_effects(TEXT)["effects"]) == ["self"]
    assert api.health()["well"]
    for missing in ("attention", "cross_attention", "source_reliance", "classify"):
        assert not hasattr(api, missing)
