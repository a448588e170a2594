"""The page in a real browser: what a reader does, and what must never happen."""

import csv
import io
import json
import re

import numpy as np
import pytest

from explorer.inference.tokens import group_words
from explorer.maps.head_types import head_types
from explorer.maps.view import attention_map, encoder_maps

FIRST = "Not bad at all, the story is great!"
SWITCHES = {"words": True, "special_tokens": True, "by_norms": False, "log_scale": False}
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
    pair = page.locator("#map_view .segment")
    if page.locator("#text textarea").input_value() != FIRST or pair.count():
        page.locator("#examples .example").first.click()
        pair.first.wait_for(state="detached")
        page.wait_for_function(
            "() => document.querySelectorAll('#map_view .own .chip').length >= 12"
        )
    for name, on in SWITCHES.items():
        if page.locator(f"#map_view input.{name}").is_checked() != on:
            page.locator(f"#map_view input.{name}").click()
    page.get_by_role("button", name="attends to", exact=True).click()
    tile(page, "Layer 1, head 1").click()
    page.locator("#map_view .hint", has_text=re.compile("^10 words · Layer 1, head 1 ·")).wait_for()
    page.locator("#map_view .tile[title*=entropy]").first.wait_for()


def tile(page, name):
    return page.locator(f"#map_view .tile[aria-label^='{name}']")


def picture(page):
    return page.locator("#map_view canvas.map").evaluate("canvas => canvas.toDataURL()")


def middle(page, row, column):
    """Of a cell, from the map's corner."""
    box = page.locator("#map_view .map-box")
    left, top, side = (float(box.get_attribute(f"data-{of}")) for of in ("left", "top", "cell"))
    return left + side * (column + 0.5), top + side * (row + 0.5)


def colour(page, x, y):
    """Of the large map, at a point of it."""
    return page.locator("#map_view canvas.map").evaluate(
        """(canvas, [x, y]) => {
          const fine = canvas.width / canvas.clientWidth;
          const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
          pen.drawImage(canvas, -Math.floor(fine * x), -Math.floor(fine * y));
          return [...pen.getImageData(0, 0, 1, 1).data];
        }""",
        [x, y],
    )


def looks_at(page):
    return page.locator("#map_view .looks-at").inner_text()


def said(page):
    """What a reader of the screen heard last."""
    return page.locator("#map_view .live").inner_text()


def cell(page):
    return page.locator("#map_view .cell-line").inner_text()


def read(page, text):
    before = page.locator("#map_view .own").inner_text()
    page.locator("#text textarea").fill(text)
    page.locator("#text textarea").press("Enter")
    page.wait_for_function(
        "before => document.querySelector('#map_view .own').innerText !== before", arg=before
    )


def chips(page):
    return page.locator("#map_view .own .chip").evaluate_all(
        "chips => chips.map(chip => chip.querySelector('bdi').textContent)"
    )


def is_share(text, share):
    """Whether a share is written so, as far as maps of 8 bits can tell."""
    number = re.search(r"<?(\d+(?:\.\d)?)%", text)
    return abs(float(number[1]) / 100 - share) < 0.007


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
    assert page.locator("#map_view .tile").count() == 2 * 3
    assert page.locator("#map_view .map-card h2").inner_text() == "Layer 1, head 1"
    assert (
        "8-bit weights (maps differ by 1.6% from float32's)" in page.locator("#facts").inner_text()
    )
    assert "not why the model answers so" in page.locator("#map_view .caution").inner_text()


def test_a_typed_sentence_changes_answer_tokens_and_picture(page):
    before = picture(page)

    read(page, "the film was dull")

    assert chips(page) == ["[CLS]", "the", "film", "was", "dull", "[SEP]"]
    assert picture(page) != before


def test_the_map_has_most_ink_where_most_attention_is(page, model):
    weights = attention_map(model.read(FIRST), 1, 1, words=True).weights
    tile(page, "Layer 2, head 2").click()

    ink = {
        (row, column): sum(colour(page, *middle(page, row, column))[:3])
        for row, column in np.ndindex(weights.shape)
    }

    assert min(ink, key=ink.get) == np.unravel_index(weights.argmax(), weights.shape)
    assert max(ink, key=ink.get) == np.unravel_index(weights.argmin(), weights.shape)


def test_a_head_is_chosen_with_the_mouse_and_the_controls_follow_without_the_server(page):
    before, asked = picture(page), []
    page.on("request", lambda request: asked.append(request.url))

    tile(page, "Layer 2, head 2").click()

    assert picture(page) != before
    assert page.get_by_label("Layer", exact=True).input_value() == "2"
    assert page.get_by_label("Head", exact=True).input_value() == "2"
    assert (
        page.locator("#map_view .map-box")
        .get_attribute("aria-label")
        .startswith("Map of Layer 2, head 2: 12 by 12 words, each row is a word that attends")
    )
    assert "Layer 2, head 2" in page.locator("#map_view .hint").first.inner_text()
    assert said(page).startswith("Map of Layer 2, head 2")
    page.get_by_label("Whole words").click()
    page.get_by_label("Show special tokens").click()
    page.get_by_label("Weight by value norms").click()
    page.get_by_label("Log scale").click()
    page.get_by_role("button", name="is attended to by").click()
    page.wait_for_timeout(300)  # for what would be asked
    assert asked == []


def test_the_controls_choose_a_head_with_the_keyboard_and_the_overview_follows(page):
    page.get_by_label("Head", exact=True).select_option("2")

    pressed = page.locator("#map_view .tile[aria-pressed=true]")
    assert pressed.count() == 1
    assert pressed.get_attribute("aria-label").split(":")[0] == "Layer 1, head 2"


def test_the_overview_is_walked_with_arrow_keys(page):
    tile(page, "Layer 1, head 1").focus()

    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)

    chosen = page.locator("#map_view .tile[aria-pressed=true]").get_attribute("aria-label")
    assert chosen == "Layer 2, mean over heads"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == chosen
    assert page.get_by_label("Head", exact=True).input_value() == "mean"


def test_a_chosen_token_says_where_it_looks_and_what_looks_at_it(page, model):
    view = attention_map(model.read(FIRST), 0, 0, words=True)
    weights, tokens = view.weights, view.queries.tokens

    page.locator("#map_view .own .chip").nth(2).click()

    best = int(weights[2].argmax())
    assert looks_at(page).startswith(f"“bad” attends to {quoted(tokens[best])} ")
    assert is_share(looks_at(page), weights[2, best])
    assert said(page).startswith("“bad” attends to ")
    page.keyboard.press("ArrowRight")
    assert looks_at(page).startswith("“at” attends to ")
    page.keyboard.press("Home")
    assert looks_at(page).startswith("[CLS] attends to ")
    page.get_by_role("button", name="is attended to by").click()
    best = int(weights[:, 0].argmax())
    assert looks_at(page).startswith(f"[CLS] is attended to by {quoted(tokens[best])} ")
    assert is_share(looks_at(page), weights[best, 0])


def quoted(token):
    return token.label if token.special else f"“{token.label}”"


def test_the_map_is_read_by_pointing_and_a_click_follows_the_row(page, model):
    view = attention_map(model.read(FIRST), 0, 0, words=True)
    box = page.locator("#map_view .map-box")
    for row, column in ((0, 3), (4, 11), (11, 0)):
        x, y = middle(page, row, column)
        box.hover(position={"x": x, "y": y})
        names = [quoted(view.queries.tokens[place]) for place in (row, column)]
        page.locator("#map_view .cell-line", has_text=f"{' to '.join(names)}: ").wait_for()
        assert is_share(cell(page), view.weights[row, column])
        assert page.locator("#map_view .tip").inner_text().startswith(" → ".join(names))

        box.click(position={"x": x, "y": y})

        assert page.locator("#map_view .own .chip").nth(row).get_attribute("aria-pressed") == "true"
    box.hover(position={"x": 2, "y": 2})
    page.locator("#map_view .tip").wait_for(state="hidden")


def test_the_map_is_walked_and_changed_with_the_keyboard_and_says_so(page, model):
    view = attention_map(model.read(FIRST), 0, 0, words=True)
    page.locator("#map_view .own .chip").nth(2).click()
    page.locator("#map_view .map-box").focus()

    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)

    names = [quoted(view.queries.tokens[place]) for place in (3, 1)]
    assert said(page) == cell(page)
    assert said(page).startswith(f"{' to '.join(names)}: ")
    assert is_share(said(page), view.weights[3, 1])
    page.keyboard.press("Enter")
    assert looks_at(page).startswith("“at” attends to ")
    for key, name in (("h", "Layer 1, head 2"), ("l", "Layer 2, head 2"), ("H", "Layer 2, head 1")):
        page.keyboard.press(key)
        assert page.locator("#map_view .map-card h2").inner_text() == name
        assert said(page).startswith(f"Map of {name}")


def test_the_strongest_pairs_stand_in_a_table(page, model):
    weights = attention_map(model.read(FIRST), 1, 0, words=True).weights
    page.get_by_text("The strongest pairs as a table").click()

    tile(page, "Layer 2, head 1").click()

    rows = page.locator("#map_view .pairs tbody tr")
    assert rows.count() == 20
    strongest = np.sort(weights.ravel())[::-1][:20]
    told = rows.locator("td:last-child").all_inner_texts()
    assert all(map(is_share, told, strongest))
    page.get_by_text("The strongest pairs as a table").click()


def test_special_tokens_are_hidden_and_the_removed_share_is_said(page, model):
    before = picture(page)
    removed = attention_map(model.read(FIRST), 0, 0, words=True, special_tokens=False).removed

    page.get_by_label("Show special tokens").click()

    assert picture(page) != before
    assert page.locator("#map_view .own .chip:disabled").count() == 2
    assert (
        f"[CLS] and [SEP] are hidden. They had drawn {round(100 * removed.mean())}% of a row's"
        in page.locator("#map_view .notes").inner_text()
    )
    assert "scaled back to 100%" in page.locator("#map_view .notes").inner_text()
    assert "went to hidden special tokens" in page.locator("#map_view .rollout-card").inner_text()


def test_types_of_heads_are_those_of_the_program_s_answer(page, model):
    for words in (True, False):
        maps = encoder_maps(model.read(FIRST), words=words)
        for layer in range(2):
            for head, found in enumerate(head_types(maps.of_layer(layer), maps.measure), 1):
                name = f"Layer {layer + 1}, head {head}: {found.name}"
                assert tile(page, name).count() == 1
                assert f"entropy {found.entropy:.2f}" in tile(page, name).get_attribute("title")
        page.get_by_label("Whole words").click()
        page.locator("#map_view .hint", has_text="12 tokens").or_(
            page.locator("#map_view .hint", has_text="10 words")
        ).first.wait_for()
        page.wait_for_timeout(200)


def test_an_example_is_chosen_with_both_its_texts(page):
    page.locator("#examples .example").nth(1).click()
    page.locator("#map_view .segment").first.wait_for()

    assert page.locator("#text textarea").input_value().startswith("The music was dull")
    assert page.locator("#text_pair textarea").input_value() == "Was it good?"
    assert page.locator("#map_view .segment").all_inner_texts() == ["Text A", "Text B"]


def test_a_second_text_that_is_typed_is_read_with_the_first(page):
    second = page.locator("#text_pair textarea")
    if not second.is_visible():
        page.get_by_text("Add a second text").click()
    second.click()
    second.press_sequentially("was it good", delay=30)

    second.press("Enter")
    page.locator("#map_view .segment").first.wait_for()

    assert chips(page)[-5:] == ["[SEP]", "was", "it", "good", "[SEP]"]


def test_the_map_can_be_kept_as_a_file_of_each_kind(page, model):
    tile(page, "Layer 2, mean over heads").click()
    page.get_by_label("Show special tokens").click()
    view = attention_map(model.read(FIRST), 1, "mean", words=True, special_tokens=False)
    names = [token.label for token in view.queries.tokens]

    kept = {kind: keep(page, kind) for kind in ("png", "svg", "csv", "npz")}

    assert kept["png"].startswith(b"\x89PNG")
    assert kept["svg"].startswith(b"<?xml")
    table = list(csv.reader(kept["csv"].decode("utf-8-sig").splitlines()))
    assert table[0] == ["", *names]
    assert [row[0] for row in table[1:]] == names
    np.testing.assert_allclose(np.array([row[1:] for row in table[1:]], float), view.weights)
    arrays = np.load(io.BytesIO(kept["npz"]))
    np.testing.assert_array_equal(arrays["weights"], view.weights)
    assert arrays["queries"].tolist() == arrays["keys"].tolist() == names
    assert (arrays["layer"], arrays["head"]) == (2, "mean")
    assert not arrays["special_tokens"]


def keep(page, kind):
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {kind.upper()}", exact=True).click()
    assert download.value.suggested_filename == f"attention-layer2-mean.{kind}"
    return download.value.path().read_bytes()


def test_another_model_brings_its_own_text_and_answer(open_page, url):
    with open_page(url) as page:
        chooser = page.get_by_label("Model", exact=True)
        chooser.click()
        page.get_by_role("option", name="Second").click()
        page.wait_for_function(
            "() => /each class by itself/.test(document.querySelector('#answer').innerText)"
        )

        assert page.locator("#facts strong").inner_text() == "Second"

        page.locator("#text textarea").fill("it was great")
        page.locator("#text textarea").press("Enter")
        page.wait_for_function(
            "document.querySelector('#map_view').onScreen?.of.text === 'it was great'"
        )
        # Gradio sends a list's `input` whenever the focus leaves it.
        asked = []
        page.on("request", lambda request: asked.append(request.post_data or ""))
        chooser.focus()
        page.keyboard.press("Tab")
        page.wait_for_timeout(500)
        begun_by = [json.loads(body).get("trigger_id") for body in asked if body]
        chooser_id = page.evaluate(
            "gradio_config.components.find((one) => one.props.label === 'Model').id"
        )
        assert chooser_id not in begun_by, "nothing was chosen"


def test_truncation_is_seen_in_words_and_among_the_tokens(page):
    read(page, "film " * 100)

    assert "32 tokens at most, and this text has 102: 70 were left out" in (
        page.locator("#notice").inner_text()
    )
    assert "70 more tokens were not read" in page.locator("#map_view .left-out").inner_text()


def test_a_text_that_cannot_be_read_gets_a_sentence_and_changes_nothing(page):
    before = picture(page)

    for text, sentence in (
        ("", "There is no text yet"),
        ("\u200b\u200b", "none of them can be seen"),
        ("   ", "There is no text yet"),
        ("a" * 10_001, "has 10,001 characters; at most 10,000"),
    ):
        page.locator("#text textarea").fill(text)
        page.locator("#text textarea").press("Enter")
        page.locator("#notice .error", has_text=sentence).first.wait_for()
        assert picture(page) == before

    read(page, "good")
    assert page.locator("#notice .error").count() == 0


def test_hostile_texts_are_shown_and_run_nothing(page, hostile):
    for text in hostile:
        read(page, text)
        page.locator("#map_view .own .chip").nth(1).click()
        shown = "".join(chips(page)[1:-1])
        plain = re.sub(r"\s|\u202e|\u200d", "", text)
        assert re.sub(r"\u200d", "", shown) == plain or plain.startswith(shown)

    assert page.locator("img[src='x']").count() == 0
    assert page.locator(".widget script").count() == 0


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
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
            page.locator("#map_view .map-box").scroll_into_view_if_needed()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            # What is cut off at the edge does not scroll, and would be missed above.
            parts = page.locator("main, main .block, .tile, .chip, .bar, .example, canvas")
            edges = parts.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
            assert max(edges) <= width


def test_a_dark_page_has_dark_maps_and_keeps_a_light_one(page, open_page, url):
    tile(page, "Layer 2, mean over heads").click()
    light = colour(page, *middle(page, 0, 0))
    with open_page(url, theme="dark") as dark:
        tile(dark, "Layer 2, mean over heads").click()
        weights = [sum(colour(dark, *middle(dark, row, row))[:3]) for row in range(12)]
        assert min(weights) < 250 < sum(light[:3]) + 250
        assert picture(dark) != picture(page)
        background = dark.evaluate(
            "getComputedStyle(document.querySelector('.map-card')).backgroundColor"
        )
        assert max(map(int, re.findall(r"\d+", background)[:3])) < 60

        assert keep(dark, "png") == keep(page, "png")


def test_maps_follow_a_page_that_turns_dark(page):
    before = picture(page)

    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_function(
        "before => document.querySelector('#map_view canvas.map').toDataURL() !== before",
        arg=before,
    )

    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_function(
        "before => document.querySelector('#map_view canvas.map').toDataURL() === before",
        arg=before,
    )


def test_types_of_heads_are_counted_and_stand_out_when_chosen(page):
    types = page.locator("#map_view .type")
    name = types.first.get_attribute("data-type")

    types.first.click()

    chosen = page.locator("#map_view .tile:not(.aside)")
    assert chosen.count() == int(types.first.locator("b").inner_text())
    assert {tile.get_attribute("data-type") for tile in chosen.all()} == {name}
    types.first.click()
    assert page.locator("#map_view .tile.aside").count() == 0


def test_pieces_norms_and_maxima_are_one_control_away(page):
    for control, told in (("Whole words", "12 tokens"), ("Weight by value norms", "norm-weighted")):
        page.get_by_label(control).click()
        assert told in page.locator("#map_view .hint").first.inner_text()
    before = picture(page)
    page.get_by_label("Layer", exact=True).select_option("max")

    assert picture(page) != before
    assert "more than 100%" in page.locator("#map_view .notes").inner_text()
    assert "add up to more than 100%" in looks_at(page)
    assert page.locator("#map_view .tile[tabindex='0']").count() == 1
    assert "Rollout through 2 layers" in page.locator("#map_view .rollout-card").inner_text()


def test_a_log_scale_shows_what_the_other_leaves_white(page):
    tile(page, "Layer 2, head 1").click()
    before = sum(colour(page, *middle(page, row, 5))[0] for row in range(12))

    page.get_by_label("Log scale").click()

    assert sum(colour(page, *middle(page, row, 5))[0] for row in range(12)) < before
    assert page.locator("#map_view .scale-marks span").first.inner_text().startswith("≤ ")
