"""The handlers of the Write tab, called as gradio calls them."""

import numpy as np
import pytest

from explorer.inference.decoder import DecoderSession
from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import Settings
from explorer.maps.view import first_cross_head, first_step
from explorer.ui.models import Screen, WriteScreen
from explorer.ui.write_events import NO_NOTICE, SETTINGS, WriteEvents, WriteMapEvents

TITLE, TEXT = "Tiny random model", "the film is good"
VIEW = ("source", 2, "mean", True, True, False, False)


@pytest.fixture
def screen(model):
    return WriteScreen(Screen([model]))


def asked(shown=None, text=TEXT, spoiled=None, **changes):
    settings = {name: getattr(Settings(), name) for name in SETTINGS} | changes
    return TITLE, text, spoiled, *settings.values(), shown, *VIEW


def test_the_text_grows_and_the_first_one_brings_its_best_view(screen, monkeypatch):
    monkeypatch.setattr("explorer.ui.write_events._PAUSE", 0)  # show every token

    began, *grown = WriteEvents(screen).write(*asked())

    assert began[3]["interactive"] is True
    shown = grown[-1][0]
    assert [len(one[2]["tokens"]) for one in grown[:-1]] == list(range(1, len(shown["ids"]) + 1))
    assert all(one[2]["busy"] for one in grown)
    generation = screen.follow(TITLE, TEXT, shown["ids"])[1]
    layer, head = first_cross_head(generation)
    assert grown[-1][-2:] == (layer + 1, head + 1)
    assert grown[-1][2]["name"] == f"Cross-attention, layer {layer + 1}, head {head + 1}"
    assert grown[-1][2]["first"] == first_step(generation)


def test_a_later_text_leaves_the_view_that_was_chosen(screen):
    old = {"bundle": TITLE, "text": TEXT, "ids": [5, 3]}

    *_, last = WriteEvents(screen).write(*asked(old))

    assert last[2]["name"] == "Cross-attention, layer 2, mean over heads"
    assert all(value.get("__type__") == "update" and len(value) == 1 for value in last[-2:])


def test_a_growing_text_is_kept_once_and_not_run_again(screen, monkeypatch):
    monkeypatch.setattr("explorer.ui.write_events._PAUSE", 0)
    *_, last = WriteEvents(screen).write(*asked())
    cache = screen.screen.cache
    assert len(cache._readings) == 2, "the source and the text"

    monkeypatch.setattr(DecoderSession, "run", lambda *_: pytest.fail("it ran again"))
    stop, *_ = WriteMapEvents(screen).finish(last[0], *VIEW)

    assert stop["interactive"] is False


def test_a_text_that_was_stopped_is_kept_as_far_as_it_came(screen, monkeypatch):
    monkeypatch.setattr("explorer.ui.write_events._PAUSE", 0)
    growing = WriteEvents(screen).write(*asked())
    next(growing)
    shown = [next(growing)[0] for _ in range(3)][-1]

    growing.close()

    assert len(shown["ids"]) == 3
    monkeypatch.setattr(DecoderSession, "run", lambda *_: pytest.fail("it ran again"))
    values = WriteMapEvents(screen).finish(shown, *VIEW)
    assert values[3]["state"].startswith("3 tokens, not ended")
    assert not values[3]["busy"]


def test_opening_the_tab_again_changes_nothing(screen):
    events = WriteEvents(screen)
    first = events.open(TITLE, "", None, None, *VIEW)

    again = events.open(TITLE, "another text", None, first[0], *VIEW)

    assert first[0]["ids"]
    assert all(value.get("__type__") == "update" and len(value) == 1 for value in again)


def test_for_a_model_that_does_not_write_nothing_of_the_tab_runs(copy_of_tiny, model):
    from explorer.bundle.bundle import open_bundle

    second = EncoderModel(open_bundle(copy_of_tiny(title="Second", tasks=["classify"])))
    screen = WriteScreen(Screen([model, second]))
    events = WriteEvents(screen)

    changed = events.change("Second")
    opened = [events.open(title, TEXT, None, None, *VIEW) for title in ("Second", None)]

    assert changed[5:8] == (None, NO_NOTICE, None)
    assert changed[8]["selected"] == "classify"
    nothing = [*changed[:5], *opened[0], *opened[1]]
    assert all(value.get("__type__") == "update" and len(value) == 1 for value in nothing)
    assert not screen.screen.cache._readings


def test_a_model_without_examples_waits_for_a_text(copy_of_tiny):
    from explorer.bundle.bundle import open_bundle

    model = EncoderModel(open_bundle(copy_of_tiny(examples=[])))
    events = WriteEvents(WriteScreen(Screen([model])))

    source, _, mark, examples, _ = events.begin(TITLE)
    opened = events.open(TITLE, "", None, None, *VIEW)

    assert (source["value"], mark, examples) == ("", {}, [])
    assert (opened[2].value, opened[3].value) == (2, "mean")
    assert all(value == opened[0] for value in opened[4:])


def test_another_map_brings_a_new_picture_of_all_heads_and_another_head_does_not(screen):
    *_, last = WriteEvents(screen).write(*asked())
    maps = WriteMapEvents(screen)

    drawn = maps.draw(last[0], *VIEW)[0]
    redrawn = maps.redraw(last[0], "written", *VIEW[1:])[0]

    assert "value" not in drawn
    assert redrawn["value"]["picture"].startswith("data:image/png")
    assert redrawn["chosen"] == [2, "mean"]


def test_the_candidates_are_those_of_the_step(screen):
    *_, last = WriteEvents(screen).write(*asked())
    generation = screen.follow(TITLE, TEXT, last[0]["ids"])[1]

    told = [step for word in last[2]["tokens"] for step in word["steps"]]
    for said, step in zip(told, generation.steps, strict=True):
        shares = [one["share"] for one in said["candidates"]]
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == 10
        assert [one["chosen"] for one in said["candidates"]].count(True) == 1
        np.testing.assert_allclose(shares[0], step.probability)  # greedy takes the likeliest


@pytest.mark.parametrize("words", [True, False])
def test_a_word_brings_the_steps_of_all_its_pieces(screen, words):
    generator = screen.generator(TITLE)
    ids, _ = generator.target_ids("a unbelievable film", 24)
    shown = {"bundle": TITLE, "text": TEXT, "ids": ids}
    view = (*VIEW[:4], words, False, False)

    written = WriteMapEvents(screen).redraw(shown, *view)[2]

    steps = [[step["text"] for step in one["steps"]] for one in written["tokens"]]
    generation = screen.follow(TITLE, TEXT, ids)[1]
    assert [text for pieces in steps for text in pieces] == [t.label for t in generation.tokens]
    assert [len(pieces) for pieces in steps] == (
        [1, len(ids) - 3, 1, 1] if words else [1] * len(ids)
    )
    assert written["unit"] == ("word" if words else "token")


CLEAN = "The story is bright, and the music never dull"


def test_what_was_spoiled_is_marked_and_the_repair_is_graded(screen):
    events = WriteEvents(screen)

    text, spoiled, mark = events.spoil(TITLE, CLEAN, None)
    *_, last = events.write(*asked(text=text, spoiled=spoiled))
    finished = WriteMapEvents(screen).finish(last[0], *VIEW)[3]

    assert "".join(piece["text"] for piece in mark["pieces"]) == CLEAN
    corruptions = [piece for piece in mark["pieces"] if "kind" in piece]
    assert len(corruptions) == 2
    assert last[2]["repair"] is None, "it was still growing"
    assert finished["repair"]["sentence"].startswith("0 of 2 spoiled places mended"), "random model"
    graded = [piece for piece in finished["repair"]["pieces"] if "kind" in piece]
    assert graded == [{**piece, "mended": False} for piece in corruptions]


def test_a_text_that_was_written_over_has_no_grade(screen):
    events = WriteEvents(screen)
    text, spoiled, _ = events.spoil(TITLE, CLEAN, None)

    for own, remembered in ((f"{text} indeed", spoiled), (text, None), (text, {"text": text})):
        *_, last = events.write(*asked(text=own, spoiled=remembered))
        assert "spoiled" not in last[0]
        assert WriteMapEvents(screen).finish(last[0], *VIEW)[3]["repair"] is None


def test_the_offered_sentences_of_a_restorer_are_graded_from_the_first_on(screen, model):
    source, spoiled, mark, _, _ = WriteEvents(screen).begin(TITLE)

    opened = WriteEvents(screen).open(TITLE, "", None, None, *VIEW)

    assert opened[0]["spoiled"] == spoiled
    assert spoiled["clean"] == model.bundle.examples[0].text
    assert spoiled["text"] == source["value"] != spoiled["clean"]
    assert mark["pieces"]
    assert "mended" in opened[6]["repair"]["sentence"]


def test_a_text_that_cannot_be_spoiled_says_so(screen):
    text, _, mark = WriteEvents(screen).spoil(TITLE, "1 2 3!", None)

    assert text == "1 2 3!"
    assert mark["sentence"].startswith("Nothing was spoiled")
