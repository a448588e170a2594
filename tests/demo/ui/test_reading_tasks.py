"""The reading tab and the endpoints for every task of a model that reads."""

import json
import re
import shutil
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

import app
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.tokens import own_words
from explorer.ui.models import PageModels
from explorer.ui.panels.words import SMALLEST_FLIP
from explorer.ui.payloads import looks
from explorer.ui.reading_tab import ANALYSES
from explorer.ui.tasks.known import ask, promise

TEXTS = {
    "tag": ("Not bad at all, the story is great!", ""),
    "answer": ("Was it good?", "The music was dull, the film is good."),
    "fill": ("The film is [MASK] and the [MASK] is great!", ""),
    "embed": ("The film is good.", "The story is great!"),
}
EVERYWHERE = {"attention", "head_types", "rollout", "health"}
EXPLAINS = {"occlusion", "pairs", "smallest_flip", "trust", "head_effects", "pruning", "compare"}


def titled(task):
    return f"Tiny {task}"


@pytest.fixture(scope="module")
def models(task_models, model):
    return PageModels([model, *task_models.values()])


@pytest.fixture(scope="module")
def page(models, page_of):
    return page_of(models)


@pytest.fixture(scope="module")
def api(models, endpoints_of):
    return endpoints_of(models)


def sent(**data):
    return gr.EventData(None, data)


@pytest.mark.parametrize("task", TEXTS)
def test_a_page_of_one_task_has_its_endpoint_and_what_makes_sense(task_bundles, task):
    found = app.build_app([task_bundles[task]]).fns.values()

    names = {one.api_name for one in found if one.api_visibility == "public"}
    senseless = {"smallest_flip"} if task == "embed" else set()
    assert names == EVERYWHERE | {task} | EXPLAINS - senseless


@pytest.mark.parametrize("task", TEXTS)
def test_the_tab_is_called_as_its_task_calls_things(page, task, task_bundles):
    begun = page.reading.begin(titled(task))

    tab = page.reading
    labels = begun[tab.text]["label"], begun[tab.text_pair]["label"]
    assert begun[tab.text]["value"] == task_bundles[task].examples[0].text
    assert labels == ({"answer": ("Question", "Context")}.get(task, ("Text", labels[1])))
    assert begun[tab.second].visible == (task in ("answer", "embed"))
    assert begun[tab.second].open == (task in ("answer", "embed"))
    assert begun[tab.answer]["bars"]
    assert begun[tab.viewer.maps]["rollout"] is None
    shown = {one.analysis.name for one in tab.panels if begun[one.block]["visible"]}
    assert ("smallest_flip" in shown) == (task != "embed")
    json.dumps(begun[tab.viewer.maps], allow_nan=False)


def test_a_classifiers_names_come_back(page):
    begun = page.reading.begin("Tiny random model")

    tab = page.reading
    assert begun[tab.text]["label"] == "Text"
    assert (begun[tab.second].label, begun[tab.second].visible) == ("Add a second text", True)
    assert begun[tab.viewer.maps]["rollout"]
    assert "pieces" not in begun[tab.answer]


def read(page, task):
    return page.reading.read(titled(task), *TEXTS[task], None)


def test_the_pieces_make_up_the_text_and_entities_have_their_words(page, api):
    answer = read(page, "tag")[page.reading.answer]

    assert "".join(piece["text"] for piece in answer["pieces"]) == TEXTS["tag"][0]
    named = api.tag(TEXTS["tag"][0], bundle=titled("tag"))["entities"]
    assert [mark["label"] for mark in answer["marks"]] == [one["label"] for one in named]
    marked = [
        "".join(piece["text"] for piece in answer["pieces"] if piece["mark"] == number)
        for number in range(len(named))
    ]
    assert marked == [one["text"] for one in named]
    assert answer["heading"].startswith("The label for “")


def test_labels_may_have_hyphens_of_their_own(task_bundles, tmp_path, page_of):
    folder = tmp_path / "bundle"
    shutil.copytree(task_bundles["tag"].folder, folder)
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    labels = ["NN", "-LRB-", "-RRB-", "FIRST-NAME", "b-loc"]
    (folder / "bundle.json").write_text(json.dumps({**manifest, "labels": labels}), "utf-8")
    page = page_of(PageModels([EncoderModel(open_bundle(folder))]))

    answer = read(page, "tag")[page.reading.answer]

    assert {mark["label"] for mark in answer["marks"]} <= set(labels)
    assert len(answer["marks"]) == 10


@pytest.mark.parametrize(("task", "many"), [("tag", 10), ("fill", 2)])
def test_another_word_or_mask_is_asked_about(page, task, many):
    tab = page.reading
    first = read(page, task)[tab.shown]
    chosen = tab.choose_place(sent(place=many), first)

    assert chosen[tab.shown] == {**first, "place": many}
    assert chosen[tab.answer]["chosen"] == many
    (piece,) = [one for one in chosen[tab.answer]["pieces"] if one.get("place") == many]
    assert chosen[tab.viewer.maps]["first"] == piece["token"]
    for place in (0, many + 1, "1", True, 1.5):
        with pytest.raises(RequestError, match=r"There is no (word|mask)"):
            tab.choose_place(sent(place=place), first)


def test_what_is_asked_about_stays_for_the_same_text_and_heads(page):
    tab = page.reading
    shown = tab.choose_place(sent(place=3), read(page, "tag")[tab.shown])[tab.shown]

    ablated = tab.ablate(sent(without=[[1, 1]]), shown)[tab.shown]
    again = tab.read(titled("tag"), *TEXTS["tag"], shown)[tab.shown]
    other = tab.read(titled("tag"), "the film", "", shown)[tab.shown]

    assert (ablated["place"], ablated["without"]) == (3, [[1, 1]])
    assert again["place"] == 3
    assert other["place"] <= 2


@pytest.mark.parametrize(("task", "texts", "sentence"), [
    ("fill", ("The film is good.", ""), r"There is no mask in this text\. Write \[MASK\] where"),
    ("answer", ("Was it good?", ""), r"There is no context to find the answer in\."),
    ("answer", ("film " * 40, "good"), r"No word of the context was read|^$"),
    ("embed", ("The film.", ""), r"There is one text alone\. Write a second one"),
])  # fmt: skip
def test_a_text_that_cannot_be_asked_about_is_shown_and_said_so(page, task, texts, sentence):
    tab = page.reading
    given = tab.read(titled(task), *texts, None)

    if given[tab.answer]:
        return  # a word of the context was read after all
    assert re.search(sentence, given[tab.notice]["lines"][-1])
    assert given[tab.viewer.maps]["layers"] == [1, 2]
    with pytest.raises(RequestError, match=sentence):
        tab._ask(given[tab.shown])


@pytest.mark.parametrize("task", TEXTS)
@pytest.mark.parametrize("name", sorted(EXPLAINS - {"compare"}))
def test_every_analysis_names_what_it_explains(api, task, name):
    if (task, name) == ("embed", "smallest_flip"):
        return
    given = getattr(api, name)(*TEXTS[task], bundle=titled(task))

    about = {
        "tag": "for “", "answer": "as the answer", "fill": "at mask 1", "embed": "of the two texts"
    }  # fmt: skip
    assert given["about"].startswith(about[task])
    json.dumps(given, allow_nan=False)


@pytest.mark.parametrize("task", TEXTS)
def test_every_panel_runs(page, models, task):
    asked = page.reading._ask(read(page, task)[page.reading.shown])
    labels = asked.model.bundle.labels
    options = {
        "label": labels[0], "rather_than": "", "way": "masked", "measured": "once",
        "text": TEXTS[task][0], "model": titled(task),
    }  # fmt: skip

    for analysis in (one for group in ANALYSES for one in group.analyses):
        if analysis.makes_sense(asked.model.bundle):
            refreshed = analysis.refresh_options(asked)
            found = run_to_end(analysis.run(type(asked)(**{**vars(asked), "options": options})))
            json.dumps(found, allow_nan=False)
            if "label" in refreshed:
                assert refreshed["label"]["choices"] == list(labels)
                assert refreshed["label"]["visible"] == (task != "embed")
    assert SMALLEST_FLIP.makes_sense(asked.model.bundle) == (task != "embed")


def test_a_program_names_a_word_a_label_and_another(api):
    title = titled("tag")
    given = api.occlusion(TEXTS["tag"][0], label="O", rather_than="I-LOC", place=2, bundle=title)

    assert (given["label"], given["rather_than"], given["about"]) == ("O", "I-LOC", "for “bad”")
    for place in (0, 99, "2"):
        with pytest.raises(RequestError, match=r"There is no word .*; this text has words 1 to 10"):
            api.occlusion(TEXTS["tag"][0], place=place, bundle=title)


def test_a_program_asks_for_a_word_that_is_none_of_the_likeliest(api, task_models):
    listed = [one["text"] for one in api.fill(TEXTS["fill"][0])["masks"][1]["words"]]
    word = next(one for one in ("film", "story", "music", "dull") if one not in listed)

    given = api.head_effects(TEXTS["fill"][0], label=word, place=2, bundle=titled("fill"))

    assert (given["label"], given["about"]) == (word, "at mask 2")
    with pytest.raises(RequestError, match="There is no class 'zzzz'"):
        api.head_effects(TEXTS["fill"][0], label="zzzz", bundle=titled("fill"))


def test_a_program_asks_about_an_answer_by_all_of_its_text(api):
    title, question, long = titled("answer"), "Was it good?", "x" * 120

    for context, named in ((long, f"{long[:59]}…"), ("so\n  good", "so good")):
        spans = [one["answer"] for one in api.answer(question, context, bundle=title)["spans"]]
        assert context in spans
        given = api.occlusion(question, context, label=context, bundle=title)
        assert given["label"] == named


def test_a_place_is_refused_where_the_whole_text_is_asked_about(api):
    with pytest.raises(RequestError, match=r"place is 1, and Tiny random model is asked about the"):
        api.occlusion("the film", place=1, bundle="Tiny random model")


def test_the_answers_of_programs(api):
    tagged = api.tag(TEXTS["tag"][0])
    answered = api.answer(*TEXTS["answer"])
    filled = api.fill(TEXTS["fill"][0])
    embedded = api.embed(*TEXTS["embed"])

    for word in tagged["words"]:
        shares = word["probabilities"]
        assert word["label"] == max(shares, key=shares.get)
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
    best = answered["spans"][0]
    assert TEXTS["answer"][1][best["start"] : best["end"]] == best["answer"]
    assert answered["answer"] == (
        None if answered["no_answer"] > best["probability"] else best["answer"]
    )
    assert [len(mask["words"]) for mask in filled["masks"]] == [10, 10]
    assert filled["mask"] == "[MASK]"
    one, other = np.array(embedded["vectors"])
    assert one @ other == pytest.approx(embedded["cosine"], abs=1e-4)
    assert api.embed("the film")["cosine"] is None


@pytest.mark.parametrize(("ask_api", "sentence"), [
    (lambda api: api.tag("good", bundle="Tiny fill"), "Tiny fill does not tag: it has no labels"),
    (lambda api: api.answer("a", "b", bundle="Tiny tag"), "Tiny tag does not answer questions"),
    (lambda api: api.answer("good", ""), "There is no context to find the answer in"),
    (lambda api: api.fill("good", bundle="Tiny tag"), "Tiny tag does not fill masks"),
    (lambda api: api.fill("good"), "There is no mask in this text"),
    (lambda api: api.embed("good", bundle="Tiny tag"), "Tiny tag does not embed texts"),
    (lambda api: api.tag(""), "There is no text yet"),
    (lambda api: api.tag("good", without=[[9, 1]]), "There is no layer 9"),
    (lambda api: api.classify("good", bundle="Tiny tag"), "Tiny tag does not classify"),
    (lambda api: api.compare("good", "bad", bundle="Tiny tag", other_bundle="Tiny random model"),
     "Tiny tag and Tiny random model do not have the same task"),
])  # fmt: skip
def test_what_an_endpoint_cannot_do_it_says(api, ask_api, sentence):
    with pytest.raises(RequestError, match=sentence):
        ask_api(api)


def test_a_comparison_asks_about_the_same_word(api, models):
    given = api.compare("the film is great", "so the film is great", place=4, bundle=titled("tag"))

    ones = [
        models.read(titled("tag"), text, "")
        for text in ("the film is great", "so the film is great")
    ]
    expected = [ask(*one, place) for one, place in zip(ones, (4, 5), strict=True)]
    for told, answered in zip(given["probabilities"], expected, strict=True):
        np.testing.assert_allclose(list(told.values()), answered.reading.probabilities, atol=1e-6)
    gone = api.compare("the film is great", "it was", place=4, bundle=titled("tag"))
    assert len(gone["probabilities"]) == 2


def test_a_link_to_another_model_calls_its_texts_as_its_task_does(page):
    question, context = TEXTS["answer"]
    fragment = f"text={question}&text_pair={context}&model={titled('answer')}"

    given = page.reading.restore(sent(fragment=fragment), "Tiny random model")

    boxes = given[page.reading.text], given[page.reading.text_pair]
    assert [(box["label"], box["value"]) for box in boxes] == [
        ("Question", question), ("Context", context),
    ]  # fmt: skip


def test_the_mark_of_what_goes_on_with_a_word_is_explained(page):
    for text in (TEXTS["fill"][0], "[MASK]", "un [MASK] able", "the [MASK] was good"):
        answer = page.reading.read(titled("fill"), text, "", None)[page.reading.answer]
        marked = any(bar["label"].startswith("##") for bar in answer["bars"])
        assert ("## : goes on with the word before it." in answer["told"]) == marked


def test_words_from_which_an_answer_is_read_are_named(models):
    def named(task):
        return looks(ask(*models.read(titled(task), *TEXTS[task])).reading)

    assert named("fill") == "[MASK]"
    assert named("embed") == "all tokens on average"
    _, reading = models.read(titled("tag"), "it was unbelievable and good", "")
    pieces = next(word.places for word in own_words(reading.tokens) if len(word.places) > 1)
    assert looks(replace(reading, read_from=pieces[:1])) == "unbelievable"
    assert looks(replace(reading, read_from=(0, pieces[1]))) == "[CLS] and unbelievable on average"


def test_a_link_restores_what_is_asked_about(page):
    link = {"text": TEXTS["tag"][0], "model": titled("tag"), "place": "4"}
    fragment = "&".join(f"{name}={value}" for name, value in link.items())

    given = page.reading.restore(sent(fragment=fragment), "Tiny random model")

    assert given[page.reading.shown]["place"] == 4
    assert given[page.reading.viewer.maps]["of"]["place"] == 4
    assert given[page.reading.text]["value"] == TEXTS["tag"][0]
    with pytest.raises(RequestError, match="place is 'x'; expected the number of a word or mask"):
        page.reading.restore(sent(fragment=fragment.replace("=4", "=x")), "")


@pytest.mark.parametrize("task", TEXTS)
def test_a_text_is_kept_with_its_answer(page, task):
    shown = read(page, task)[page.reading.shown]

    kept = page.reading._text_of(shown)

    assert kept.answers["answer"]["bars"]
    assert [text for text in kept.texts.values() if text] == [one for one in TEXTS[task] if one]


def test_what_the_page_promises_is_what_its_models_do(task_bundles, bundle):
    for task, found in task_bundles.items():
        assert promise([found]).endswith(", and see what every attention head attends to."), task
    assert "a label for each word" in promise([task_bundles["tag"]])
    assert "answer or watch it write" in promise([bundle, *task_bundles.values()])


def test_a_report_is_refused_in_words(task_bundles, tmp_path, capsys):
    import report

    table = tmp_path / "texts.csv"
    table.write_text("text\ngood\n", encoding="utf-8")
    folder = str(task_bundles["tag"].folder)

    code = report.main([str(table), "--out", str(tmp_path / "out"), "--bundle", folder])

    assert code == 2
    assert "Tiny tag does not classify, so there is nothing to report" in capsys.readouterr().err


def test_a_bundle_that_pools_otherwise_is_opened(task_bundles, copy_of_tiny):
    folder = task_bundles["embed"].folder
    content = json.loads((folder / "bundle.json").read_text("utf-8"))
    content |= {"pooling": {"mode": "cls", "normalize": False}}
    other = copy_of_tiny(**content)

    model = EncoderModel(open_bundle(other))

    reading = ask(model, model.read(*TEXTS["embed"])).reading
    tokens = reading.tokens
    assert [tokens[place].piece for place in reading.read_from] == ["[CLS]", "[CLS]"]
