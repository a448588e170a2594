"""The handlers of the Write tab, called as gradio calls them."""

from dataclasses import fields

import gradio as gr
import numpy as np
import pytest

from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.maps.view import first_step, first_written_head
from explorer.ui.models import PageModels
from explorer.ui.write_tab import _NO_NOTICE
from explorer.writing.decoder import DecoderSession
from explorer.writing.settings import Settings

TITLE, TEXT = "Tiny random model", "the film is good"


@pytest.fixture
def models(model):
    return PageModels([model])


@pytest.fixture
def tab(models, page_of):
    return page_of(models).write


def asked(shown=None, text=TEXT, corrupted=None, **changes):
    """What the tab sends to have a text written."""
    settings = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
    source = {"title": TITLE, "text": text, "corrupted": corrupted}
    return {**source, **settings, **changes, "shown": shown}


def opened(tab, text="", shown=None, title=TITLE, is_open=True):
    return tab.open(title, is_open, text, None, shown=shown)


def test_the_text_grows_and_the_first_one_brings_its_best_view(tab, models, monkeypatch):
    monkeypatch.setattr("explorer.ui.write_tab._PAUSE", 0)  # show every token

    began, *grown = tab.write(**asked())

    assert began[tab.form.stop]["interactive"] is True
    shown, written = grown[-1][tab.shown], grown[-1][tab.written]
    lengths = [len(one[tab.written]["tokens"]) for one in grown[:-1]]
    assert lengths == [len(one[tab.viewer.maps]["sides"][0]["tokens"]) for one in grown[:-1]]
    assert lengths == list(range(1, len(shown["ids"]) + 1))
    assert all(one[tab.written]["busy"] for one in grown)
    generation = models.follow(TITLE, TEXT, shown["ids"])[1]
    layer, head = first_written_head(generation)
    assert grown[-1][tab.viewer.maps]["begins"] == {"layer": layer + 1, "head": head + 1}
    assert "begins" not in grown[0][tab.viewer.maps]
    assert written["first"] == first_step(generation)


def test_a_later_text_leaves_the_view_that_was_chosen(tab):
    old = {"bundle": TITLE, "text": TEXT, "ids": [5, 3]}

    *_, last = tab.write(**asked(old))

    assert "begins" not in last[tab.viewer.maps]


def test_controls_out_of_sight_are_not_checked(tab):
    *_, last = tab.write(**asked(strategy="beam", temperature=99999, max_tokens=2))
    *_, refused = tab.write(**asked(strategy="sample", temperature=99999))

    assert last[tab.written]["tokens"]
    assert "Temperature is 99999" in refused[tab.notice]["lines"][0]


def test_a_growing_text_is_kept_once_and_not_run_again(tab, models, monkeypatch):
    monkeypatch.setattr("explorer.ui.write_tab._PAUSE", 0)
    *_, last = tab.write(**asked())
    assert len(models.cache._readings) == 2, "the source and the text"

    monkeypatch.setattr(DecoderSession, "run", lambda *_: pytest.fail("it ran again"))
    finished = tab.finish(shown=last[tab.shown])

    assert finished[tab.form.stop]["interactive"] is False


def test_a_text_that_was_stopped_is_kept_as_far_as_it_came(tab, monkeypatch):
    monkeypatch.setattr("explorer.ui.write_tab._PAUSE", 0)
    growing = tab.write(**asked())
    next(growing)
    shown = [next(growing)[tab.shown] for _ in range(3)][-1]

    growing.close()

    assert len(shown["ids"]) == 3
    monkeypatch.setattr(DecoderSession, "run", lambda *_: pytest.fail("it ran again"))
    written = tab.finish(shown=shown)[tab.written]
    assert written["state"].startswith("3 tokens, unfinished")
    assert not written["busy"]


def test_what_is_said_of_a_text_goes_with_it(tab):
    *_, last = tab.write(**asked(text="film " * 40))
    assert "were left out" in last[tab.notice]["lines"][0]

    link = {"tab": "write", "title": TITLE, "text": TEXT}
    for after in (tab.change(TITLE), tab.restore(link), next(tab.write(**asked()))):
        assert after[tab.notice] == _NO_NOTICE


def test_opening_the_tab_again_changes_nothing(tab):
    first = opened(tab)

    again = opened(tab, "another text", first[tab.shown])

    assert first[tab.shown]["ids"]
    assert again == {tab.shown: gr.skip()}


def test_a_model_that_is_not_there_writes_nothing(tab):
    with pytest.raises(RequestError, match="There is no bundle 'Third'"):
        opened(tab, TEXT, title="Third")


def test_for_a_model_that_does_not_write_nothing_of_the_tab_runs(copy_of_tiny, model, page_of):
    second = EncoderModel(open_bundle(copy_of_tiny(title="Second", tasks=["classify"])))
    models = PageModels([model, second])
    tab = page_of(models).write

    changed = tab.change("Second")

    assert changed[tab.shown] is changed[tab.written] is None
    assert changed[tab.notice] == _NO_NOTICE
    assert changed[tab._tabs]["selected"] == "classify"
    assert changed[tab.form.text] == gr.skip()
    for case in ({"title": "Second"}, {"is_open": False}):
        assert opened(tab, TEXT, **case) == {tab.shown: gr.skip()}
    assert not models.cache._readings


def test_a_model_without_examples_waits_for_a_text(copy_of_tiny, page_of):
    tab = page_of(PageModels([EncoderModel(open_bundle(copy_of_tiny(examples=[])))])).write

    begun, offered = tab.begin(TITLE), opened(tab)

    assert (begun[tab.form.text]["value"], begun[tab.form.mark], begun[tab.form.examples]) == (
        "",
        {},
        [],
    )
    assert offered == {tab.shown: gr.skip()}


def test_a_page_that_is_opened_leaves_what_a_reader_already_writes(models, page_of):
    page = page_of(models)
    reading, form = page.reading, page.write.form
    for tab, boxes in (
        (reading, [reading.text, reading.text_pair, reading.second]),
        (page.write, [form.text, form.corrupted, form.mark]),
    ):
        begun = tab.begin(TITLE)

        assert tab.begin_page(TITLE) == {part: begun[part] for part in begun if part not in boxes}
        for box in boxes:
            given = begun[box]
            if isinstance(given, gr.Accordion):
                assert (box.open, box.label) == (given.open, given.label)
            elif isinstance(given, dict) and "__type__" in given:
                assert (box.value, box.label) == (given["value"], given["label"])
            else:
                assert box.value == given


def test_both_things_that_it_attends_to_come_along_once(tab, models, unpacked):
    *_, last = tab.write(**asked())
    maps = tab.finish(shown=last[tab.shown])[tab.viewer.maps]
    generation = models.follow(TITLE, TEXT, last[tab.shown]["ids"])[1]

    source, itself, read = maps["attentions"]
    assert [one["looks_at"] for one in maps["attentions"]] == ["source", "written", "self"]
    wanted = generation.cross_weights, generation.self_weights, generation.read.weights
    for given, weights in zip(maps["attentions"], wanted, strict=True):
        found = unpacked(given["weights"], weights.shape)
        np.testing.assert_allclose(found, weights, atol=0.004)
    assert (source["has_norms"], itself["has_norms"]) == (True, False)
    assert (source["given"], itself["given"]) == (0, 1)
    assert (read["queries"], read["keys"], read["has_norms"]) == (1, 1, True)
    assert (len(read["layers"]), read["heads"]) == generation.read.weights.shape[:2]
    names = [[token["text"] for token in side["tokens"]] for side in maps["sides"]]
    tokens = generation.tokens, generation.source.tokens, generation.before
    assert names == [[token.name for token in side] for side in tokens]


def test_the_candidates_are_those_of_the_step(tab, models):
    *_, last = tab.write(**asked())
    generation = models.follow(TITLE, TEXT, last[tab.shown]["ids"])[1]

    told = [token["step"] for token in last[tab.written]["tokens"]]
    for said, step in zip(told, generation.steps, strict=True):
        shares = [one["share"] for one in said["candidates"]]
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == 10
        assert [one["chosen"] for one in said["candidates"]].count(True) == 1
        np.testing.assert_allclose(shares[0], step.probability)  # greedy takes the likeliest


CLEAN = "The story is bright, and the music never dull"


def test_what_was_corrupted_is_marked_and_the_restoration_is_graded(tab):
    given = tab.corrupt(TITLE, CLEAN, None)
    *_, last = tab.write(**asked(text=given[tab.form.text], corrupted=given[tab.form.corrupted]))
    finished = tab.finish(shown=last[tab.shown])[tab.written]

    mark = given[tab.form.mark]
    assert "".join(piece["text"] for piece in mark["pieces"]) == CLEAN
    slips = [piece for piece in mark["pieces"] if "kind" in piece]
    assert len(slips) == 2
    assert last[tab.written]["repair"] is None, "it was still growing"
    sentence = finished["repair"]["sentence"]
    assert sentence.startswith("0 of 2 places corrupted here restored"), "random model"
    graded = [piece for piece in finished["repair"]["pieces"] if "kind" in piece]
    assert graded == [{**piece, "restored": False} for piece in slips]


def test_a_text_that_was_written_over_has_no_grade(tab):
    given = tab.corrupt(TITLE, CLEAN, None)
    text, corrupted = given[tab.form.text], given[tab.form.corrupted]

    for own, remembered in ((f"{text} indeed", corrupted), (text, None), (text, {"text": text})):
        *_, last = tab.write(**asked(text=own, corrupted=remembered))
        shown = last[tab.shown]
        assert "corrupted" not in shown
        assert tab.finish(shown=shown)[tab.written]["repair"] is None


def test_the_offered_sentences_of_a_restorer_are_graded_from_the_first_on(tab, model):
    begun, first = tab.begin(TITLE), opened(tab)

    corrupted = begun[tab.form.corrupted]
    assert first[tab.shown]["corrupted"] == corrupted
    assert corrupted["clean"] == model.bundle.examples[0].text
    assert corrupted["text"] == begun[tab.form.text]["value"] != corrupted["clean"]
    assert begun[tab.form.mark]["pieces"]
    assert "restored" in first[tab.written]["repair"]["sentence"]


def test_no_text_is_answered_alike_by_what_writes_and_what_corrupts(tab):
    fault = {"error": True, "lines": ["There is no text yet. Write a sentence."]}

    assert tab.corrupt(TITLE, " ", None) == {tab.notice: fault}
    assert next(tab.write(**asked(text=" ")))[tab.notice] == fault


def test_a_text_that_cannot_be_corrupted_says_so(tab):
    given = tab.corrupt(TITLE, "1 2 3!", None)

    assert given[tab.form.text] == "1 2 3!"
    assert given[tab.form.mark]["sentence"].startswith("Nothing was corrupted")
