"""The page in a real browser: what a reader does, and what must never happen."""

import base64
import re

import pytest

from explorer.drawing import map_geometry
from explorer.inference.tokens import group_words
from explorer.maps.view import attention_map

FIRST = "Not bad at all, the story is great!"
SWITCHES = {"words": True, "special": True, "norms": False}
"""As they stand when a page is opened."""


@pytest.fixture(scope="module")
def shared_page(open_page, url):
    with open_page(url) as page:
        yield page


@pytest.fixture
def page(shared_page):
    """The page with its first text, at layer 1 and head 1, by words; opened once for all tests."""
    begin_again(shared_page)
    yield shared_page
    assert shared_page.troubles == []


def begin_again(page):
    for name, on in SWITCHES.items():
        switch = page.locator(f"#{name} input")
        if switch.is_checked() != on:
            switch.click()
    pair = page.locator("#tokens .segment")
    if page.locator("#text textarea").input_value() != FIRST or pair.count():
        page.locator("#examples .example").first.click()
        pair.first.wait_for(state="detached")
        page.wait_for_function("() => document.querySelectorAll('#tokens .chip').length === 12")
    if [page.locator(f"#{name} input").input_value() for name in ("layer", "head")] != ["1", "1"]:
        tile(page, "Layer 1, head 1").click()
    page.locator("#tokens .hint", has_text=re.compile("^10 words · Layer 1, head 1 ·")).wait_for()
    page.locator("#tokens .chip:disabled").first.wait_for(state="detached")
    page.wait_for_function("() => /layer 1, head 1/.test(document.querySelector('#map img').alt)")


def tile(page, name):
    return page.locator(f"#heads .tile[aria-label^='{name}']")


def picture(page):
    """The bytes of the map that is shown."""
    kind, _, content = address(page).partition(",")
    assert kind == "data:image/png;base64"
    return base64.b64decode(content)


def wait_for_another(page, before):
    """Waits until the map's picture is not the one whose address was `before`."""
    page.wait_for_function(
        "before => document.querySelector('#map img').src !== before", arg=before
    )


def address(page):
    return page.locator("#map img").get_attribute("src")


def read(page, text):
    before = page.locator("#tokens .chips").inner_text()
    page.locator("#text textarea").fill(text)
    page.locator("#text textarea").press("Enter")
    page.wait_for_function(
        "before => document.querySelector('#tokens .chips').innerText !== before", arg=before
    )


def chips(page):
    return page.locator("#tokens .chip").evaluate_all(
        "chips => chips.map(chip => chip.querySelector('bdi').textContent)"
    )


def test_the_first_screen_shows_a_computed_example(page, model):
    reading = model.read(FIRST)
    likeliest = model.bundle.labels[reading.probabilities.argmax()]

    assert page.locator("h1").inner_text() == "Attention Explorer"
    assert page.locator("#text textarea").input_value() == FIRST
    assert page.locator("#answer .bar-label").first.inner_text() == likeliest
    assert page.locator("#answer .bar-value").first.inner_text() == (
        f"{reading.probabilities.max():.1%}"
    )
    assert chips(page) == [word.text for word in group_words(reading.tokens)]
    assert page.locator("#heads .tile").count() == 2 * 3
    assert picture(page).startswith(b"\x89PNG")
    assert (
        "8-bit weights (maps differ by 1.6% from float32's)" in page.locator("#facts").inner_text()
    )
    assert "not why the class was chosen" in page.locator("#caution").inner_text()


def test_a_typed_sentence_changes_answer_tokens_and_picture(page):
    before, old = picture(page), address(page)

    read(page, "the film was dull")
    wait_for_another(page, old)

    assert chips(page) == ["[CLS]", "the", "film", "was", "dull", "[SEP]"]
    assert picture(page) != before


def test_a_head_is_chosen_with_the_mouse_and_the_controls_follow(page):
    before, old = picture(page), address(page)

    tile(page, "Layer 2, head 2").click()
    wait_for_another(page, old)

    assert picture(page) != before
    assert page.get_by_label("Layer", exact=True).input_value() == "2"
    assert page.get_by_label("Head", exact=True).input_value() == "2"
    assert "layer 2, head 2" in page.locator("#map img").get_attribute("alt")
    assert "Layer 2, head 2" in page.locator("#tokens .hint").inner_text()


def test_the_controls_choose_a_head_with_the_keyboard_and_the_overview_follows(page):
    old = address(page)
    head = page.get_by_label("Head", exact=True)

    head.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("old => document.querySelector('#map img').src !== old", arg=old)

    pressed = page.locator("#heads .tile[aria-pressed=true]")
    assert pressed.count() == 1
    assert pressed.get_attribute("aria-label").split(":")[0] == "Layer 1, head 2"


def test_the_overview_is_walked_with_arrow_keys(page):
    tile(page, "Layer 1, head 1").focus()
    old = address(page)

    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    wait_for_another(page, old)

    chosen = page.locator("#heads .tile[aria-pressed=true]").get_attribute("aria-label")
    assert chosen == "Layer 2, mean over heads"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == chosen
    assert page.get_by_label("Head", exact=True).input_value() == "mean"


def test_a_chosen_token_says_where_it_looks(page, model):
    view = attention_map(model.read(FIRST), 0, 0, words=True)
    weights, tokens = view.weights, view.queries.tokens

    page.locator("#tokens .chip").nth(2).click()

    line = page.locator("#tokens .looks-at").inner_text()
    best = int(weights[2].argmax())
    share = f"{weights[2, best]:.0%}".replace("%", " %")
    assert line.startswith("“bad” attends to ")
    assert re.search(rf"attends to \W*{re.escape(tokens[best].label)}\W* {share}", line)
    page.keyboard.press("ArrowRight")
    assert page.locator("#tokens .looks-at").inner_text().startswith("“at” attends to ")
    page.keyboard.press("Home")
    assert page.locator("#tokens .looks-at").inner_text().startswith("[CLS] attends to ")


def test_a_click_on_a_row_of_the_map_follows_its_token(page, model):
    labels = [word.text for word in group_words(model.read(FIRST).tokens)]
    box = map_geometry(labels, labels)
    image = page.locator("#map img")
    scale = image.bounding_box()["width"] / box.width

    for row in (0, 4, len(labels) - 1):
        x = box.left + box.map_width / 2
        y = box.top + box.map_height * (row + 0.5) / len(labels)
        image.click(position={"x": scale * x, "y": scale * y})
        page.wait_for_function(
            "row => document.querySelectorAll('.chip')[row].classList.contains('query')", arg=row
        )


def test_special_tokens_are_hidden_and_the_removed_share_is_said(page):
    old = address(page)

    page.get_by_label("Show special tokens").click()
    wait_for_another(page, old)

    assert page.locator("#tokens .chip:disabled").count() == 2
    said = page.locator("#notes").inner_text()
    assert re.search(r"\[CLS\] and \[SEP\] are hidden\. They had drawn \d+% of a row's", said)
    assert "scaled back to 100 %" in said


def test_an_example_is_chosen_with_both_its_texts(page):
    page.locator("#examples .example").nth(1).click()
    page.locator("#tokens .segment").first.wait_for()

    assert page.locator("#text textarea").input_value().startswith("The music was dull")
    assert page.locator("#text_pair textarea").input_value() == "Was it good?"
    assert page.locator("#tokens .segment").all_inner_texts() == ["Text A", "Text B"]


def test_a_second_text_that_is_typed_is_read_with_the_first(page):
    second = page.locator("#text_pair textarea")
    if not second.is_visible():
        page.get_by_text("Add a second text").click()
    second.click()
    second.press_sequentially("was it good", delay=30)

    second.press("Enter")
    page.locator("#tokens .segment").first.wait_for()

    assert chips(page)[-5:] == ["[SEP]", "was", "it", "good", "[SEP]"]


def test_the_picture_can_be_kept_as_a_file(page):
    old = address(page)
    tile(page, "Layer 2, mean over heads").click()
    wait_for_another(page, old)

    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        with page.expect_download() as download:
            page.locator(f"#{kind}").click()

        assert download.value.suggested_filename == f"attention-layer2-mean.{kind}"
        assert download.value.path().read_bytes().startswith(start)


def test_another_model_brings_its_own_text_and_answer(open_page, url):
    with open_page(url) as page:
        chooser = page.get_by_label("Model", exact=True)
        chooser.click()
        page.get_by_role("option", name="Second").click()
        page.wait_for_function(
            "() => /each class by itself/.test(document.querySelector('#answer').innerText)"
        )

        assert page.locator("#facts strong").inner_text() == "Second"


def test_truncation_is_seen_in_words_and_among_the_tokens(page):
    read(page, "film " * 100)

    assert "32 tokens at most, and this text has 102: 70 were left out" in (
        page.locator("#notice").inner_text()
    )
    assert "70 more tokens were not read" in page.locator("#tokens .left-out").inner_text()


def test_a_text_that_cannot_be_read_gets_a_sentence_and_changes_nothing(page):
    before = address(page)

    for text, sentence in (
        ("", "There is no text yet"),
        ("\u200b\u200b", "none of them can be seen"),
        ("   ", "There is no text yet"),
        ("a" * 10_001, "has 10,001 characters; at most 10,000"),
    ):
        page.locator("#text textarea").fill(text)
        page.locator("#text textarea").press("Enter")
        page.locator("#notice .error", has_text=sentence).first.wait_for()
        assert address(page) == before

    read(page, "good")
    assert page.locator("#notice .error").count() == 0


def test_hostile_texts_are_shown_and_run_nothing(page, hostile):
    for text in hostile:
        read(page, text)
        page.locator("#tokens .chip").nth(1).click()
        shown = "".join(chips(page)[1:-1])
        plain = re.sub(r"\s|\u202e|\u200d", "", text)
        assert re.sub(r"\u200d", "", shown) == plain or plain.startswith(shown)

    assert page.locator("img[src='x']").count() == 0
    assert page.locator(".widget script").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_stands_beyond_the_right_edge_and_axe_finds_nothing_serious(
    open_page, url, theme, serious_faults
):
    with open_page(url, theme=theme) as page:
        for text in ("the music was dull but the film is good", "Ωμ " + "film " * 100):
            read(page, text)
            assert serious_faults(page) == []

        read(page, "unbad" * 30 + " film " * 20)
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 740})
            page.locator("#map img").scroll_into_view_if_needed()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            # What is cut off at the edge does not scroll, and would be missed above.
            parts = page.locator("main, main .block, .tile, .chip, .bar, .example")
            edges = parts.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
            assert max(edges) <= width


def test_a_dark_page_shows_a_dark_picture_and_keeps_a_light_one(page, open_page, url):
    old = address(page)
    tile(page, "Layer 2, head 1").click()
    wait_for_another(page, old)
    with open_page(url, theme="dark") as dark:
        tile(dark, "Layer 2, head 1").click()
        dark.wait_for_function(
            "() => /layer 2, head 1/.test(document.querySelector('#map img').alt)"
        )
        assert picture(dark) != picture(page)

        with dark.expect_download() as download:
            dark.locator("#png").click()

        assert download.value.path().read_bytes() == picture(page)


def test_types_of_heads_are_counted_and_stand_out_when_chosen(page):
    types = page.locator("#heads .type")
    name = types.first.get_attribute("data-type")

    types.first.click()

    chosen = page.locator("#heads .tile:not(.aside)")
    assert chosen.count() == int(types.first.locator("b").inner_text())
    assert {tile.get_attribute("data-type") for tile in chosen.all()} == {name}
    types.first.click()
    assert page.locator("#heads .tile.aside").count() == 0


def test_pieces_norms_and_maxima_are_one_control_away(page):
    for control, said in (("Whole words", "12 tokens"), ("Weight by value norms", "norm-weighted")):
        page.get_by_label(control).click()
        # The picture may stay the same: each word of this text is one token.
        page.locator("#tokens .hint", has_text=said).wait_for()
    old = address(page)
    page.get_by_label("Layer", exact=True).click()
    page.get_by_role("option", name="max", exact=True).click()
    wait_for_another(page, old)

    assert "more than 100 %" in page.locator("#notes").inner_text()
    assert "add up to more than 100 %" in page.locator("#tokens .looks-at").inner_text()
    assert page.locator("#heads .tile[tabindex='0']").count() == 1
    assert "Rollout through 2 layers" in page.locator("#rollout").inner_text()
