"""The Write tab in a real browser: what a reader does, and what must never happen."""

import re
import time
from base64 import b64decode
from io import BytesIO
from threading import Event
from types import SimpleNamespace

import pytest
from matplotlib.image import imread

from explorer.drawing import axis_labels, map_geometry
from explorer.inference.decoder import DecoderSession
from explorer.inference.generator import TextGenerator
from explorer.inference.logits import Settings
from explorer.maps.maps import place_of
from explorer.maps.view import first_cross_head, first_step, generation_map
from explorer.ui.models import offered_sources

LAYER_HEAD = ("layer", "head")
OUTER_TABS = "[role=tab]:not([role=tabpanel] *)"
"""Not those within a tab, which are for its analyses."""


@pytest.fixture(scope="module")
def shared_page(open_page, url):
    with open_page(url) as page:
        open_tab(page)
        yield page


@pytest.fixture
def page(shared_page):
    """The tab, settled; opened once for all tests. Its text and its map may be any."""
    yield shared_page
    settled(shared_page)
    assert shared_page.troubles == []


@pytest.fixture
def fresh_page(open_page, url):
    with open_page(url) as page:
        open_tab(page)
        yield page


@pytest.fixture(scope="module")
def first(model):
    """What the tab shows when it is opened: the first example, corrupted, and written greedily."""
    source = offered_sources(model)[0]
    *_, generation = TextGenerator(model).write(model.read(source.text), Settings())
    return generation


def open_tab(page):
    page.get_by_role("tab", name="Write").click()
    settled(page)


def settled(page):
    """Waits until a text stands there, with its map."""
    page.locator("#written .done:not(.busy)").wait_for()
    page.locator("#write_map img").wait_for(state="attached")
    page.locator("#stop:disabled").wait_for()


def write(page, text):
    page.evaluate("document.querySelector('#written .target-chips').firstChild.dataset.old = ''")
    page.locator("#source textarea").fill(text)
    page.locator("#source textarea").press("Enter")
    page.wait_for_function(
        "() => document.querySelector('#write_notice .error')"
        " || !document.querySelector('#written [data-old]')"
    )
    settled(page)


def act_and_wait(page, act):
    """Does something that draws another map, and waits for it."""
    image = page.locator("#write_map img")
    old = image.get_attribute("src")
    act()
    page.wait_for_function("old => document.querySelector('#write_map img').src !== old", arg=old)


def words(page, strip):
    return page.locator(f"#written .{strip} .chip bdi").evaluate_all(
        "all => all.map(one => one.textContent)"
    )


def looked(page):
    return page.locator("#written .looks-at").inner_text()


def test_the_tab_opens_on_a_text_whose_tokens_are_chosen_by_mouse_and_keyboard(fresh_page, first):
    page = fresh_page
    layer, head = first_cross_head(first)
    view = generation_map(first, "source", layer, head, words=True)
    names = [token.label for token in view.keys.whole]
    chips = page.locator("#written .target-chips .chip")

    assert page.locator("#source textarea").input_value() == first.source.text
    assert page.locator("#written .output").inner_text() == first.text
    assert words(page, "target-chips") == [
        token.text or token.piece for token in view.queries.whole
    ]
    assert words(page, "key-chips") == [t.text or t.piece for t in view.keys.whole]
    pressed = page.locator("#write_heads .tile[aria-pressed=true]").get_attribute("aria-label")
    assert pressed.startswith(f"Layer {layer + 1}, head {head + 1}: ")
    place = place_of(view.queries, first_step(first))
    assert chips.nth(place).get_attribute("aria-pressed") == "true"

    chips.first.click()
    for place, key in ((0, "ArrowRight"), (1, "End"), (len(view.queries.whole) - 1, "Home")):
        best = int(view.weights[place].argmax())
        assert re.search(rf"attends to \W*{re.escape(names[best])}\W* \d", looked(page))
        assert chips.nth(place).evaluate("chip => chip === document.activeElement")
        page.keyboard.press(key)
    step, bars = first.steps[0], page.locator("#written .bar")
    assert bars.count() == 10
    assert bars.locator("bdi").all_inner_texts() == [t.label for t in first.candidates[0]]
    likeliest = f"{step.candidates[0][1]:.0%}".replace("%", " %")
    assert bars.locator(".bar-value").first.inner_text() == likeliest
    assert f"{step.entropy:.1f} bits" in page.locator("#written .chance").inner_text()


def test_another_text_and_every_map_of_it(page, model):
    write(page, "a bright story")
    *_, generation = TextGenerator(model).write(model.read("a bright story"), Settings())
    assert page.locator("#written .output").inner_text() == generation.text
    assert "ended by itself" in page.locator("#written .hint").first.inner_text()

    act_and_wait(page, lambda: page.locator("#write_heads .tile").nth(5).click())
    assert "layer 2, mean over heads" in page.locator("#write_map img").get_attribute("alt")
    act_and_wait(page, lambda: page.get_by_label("itself (self-attention)").click())
    act_and_wait(page, lambda: page.locator("#write_special input").click())
    assert "Special tokens are hidden" in page.locator("#write_notes").inner_text()
    assert words(page, "key-chips")[0] == "[CLS]"

    view = generation_map(generation, "written", 1, "mean", words=True, special_tokens=False)
    box = map_geometry(axis_labels(view.queries), axis_labels(view.keys))
    image = page.locator("#write_map img")
    scale = image.bounding_box()["width"] / box.width
    y = box.top + box.map_height * 2.5 / len(view.queries.tokens)
    image.click(position={"x": scale * (box.left + 0.1), "y": scale * y})
    row = int(view.queries.indexes[2])
    page.locator(f"#written .target-chips .chip:nth-child({row + 1}).query").wait_for()

    with page.expect_download() as download:
        page.locator("#write_png").click()
    assert download.value.suggested_filename == "self-attention-layer2-mean.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")

    act_and_wait(page, lambda: page.get_by_label("the source (cross-attention)").click())
    act_and_wait(page, lambda: page.locator("#write_special input").click())


def test_a_sentence_is_corrupted_in_one_way_after_another_and_an_example_is_written(page):
    source = page.locator("#source textarea")
    clean = "the story is bright and the music great"
    source.fill(clean)
    found = [clean]
    for _ in range(3):
        page.locator("#corrupt").click()
        page.wait_for_function(
            "old => document.querySelector('#source textarea').value !== old", arg=found[-1]
        )
        found.append(source.input_value())
    assert len(set(found)) > 2
    assert all(len(set(clean.split()) - set(text.split())) <= 2 for text in found)
    marked = page.locator("#corrupted .clean")
    assert page.locator("#corrupted .slip").count() > 0
    kinds = page.locator("#corrupted small").all_inner_texts()
    assert all(slip in clean for slip in marked.locator("bdi").all_inner_texts())

    source.press("Enter")
    page.locator("#written .repair .slip").first.wait_for()
    settled(page)
    assert "corrupted here restored" in page.locator("#written .repair").inner_text()
    assert page.locator("#written .slip small").all_inner_texts() == [
        f"✗ {kind}, not restored"
        for kind in kinds  # by a random model
    ]
    source.press_sequentially("!")
    marked.wait_for(state="detached")

    page.locator("#write_examples .example").nth(1).click()
    page.wait_for_function("() => /dull/.test(document.querySelector('.key-chips').innerText)")
    settled(page)


def test_settings_show_by_strategy_and_what_is_out_of_bounds_gets_a_sentence(fresh_page, model):
    page = fresh_page
    assert not page.locator("#set_temperature").is_visible()
    page.get_by_label("Decoding strategy").click()
    page.get_by_role("option", name="Sampling").click()
    page.locator("#set_temperature input").fill("3")
    page.locator("#set_seed input").fill("5")
    write(page, "the film is good")
    sampled = Settings(strategy="sample", temperature=3.0, seed=5)
    *_, generation = TextGenerator(model).write(model.read("the film is good"), sampled)
    assert page.locator("#written .output").inner_text() == generation.text

    page.locator("#set_temperature input").fill("100")
    page.locator("#write").click()
    page.locator("#write_notice .error").first.wait_for()

    said = page.locator("#write_notice").inner_text()
    assert "Temperature is 100; expected a number from 0.05 to 5.0" in said
    assert "What stands below was written before" in said
    page.locator("#stop:disabled").wait_for()


@pytest.fixture
def decoding(monkeypatch):
    """The decoder's runs, from now on: the third waits for `may_go_on`, later ones are slow."""
    decoding = SimpleNamespace(runs=0, may_go_on=Event())
    run = DecoderSession.run

    def held(*given):
        decoding.runs += 1
        if decoding.runs > 2:
            decoding.may_go_on.wait(600)
            time.sleep(0.5)
        return run(*given)

    monkeypatch.setattr(DecoderSession, "run", held)
    yield decoding
    decoding.may_go_on.set()


@pytest.mark.parametrize("leaves", [False, True], ids=["stop", "page closed"])
def test_a_reader_who_stops_or_leaves_ends_the_work_and_the_next_one_knew(
    fresh_page, open_page, url, decoding, leaves, when_it_rests
):
    page = fresh_page
    page.locator("#source textarea").fill("not bad at all")  # 24 tokens, if nobody stops it
    page.locator("#write").dblclick()
    page.locator("#written .busy").wait_for()
    if leaves:
        page.close()
        decoding.may_go_on.set()
    else:
        gives_up_waiting(open_page, url)
        page.locator("#stop:enabled").click()
        decoding.may_go_on.set()
        settled(page)
        assert "unfinished" in page.locator("#written .hint").first.inner_text()

    assert 2 < when_it_rests(lambda: decoding.runs) < 24


def gives_up_waiting(open_page, url):
    """A second reader, whose request waits for the first one's, is told so and stops."""
    with open_page(url, ready="#text") as page:
        page.get_by_role("tab", name="Write").click()
        page.locator("#source textarea").fill("the film is good")
        page.locator("#write").click()
        page.locator("#source .progress-text", has_text="queue: ").wait_for()
        page.locator("#stop:enabled").click()
        page.locator("#stop:disabled").wait_for()


def test_hostile_texts_are_read_and_run_nothing(page, hostile):
    for text in hostile:
        page.locator("#source textarea").fill(text)
        page.locator("#source textarea").press("Enter")
        plain = re.sub(r"\s|\u202e|\u200d", "", text)
        page.wait_for_function(
            "start => [...document.querySelectorAll('.key-chips bdi')]"
            ".map((one) => one.textContent).join('').startsWith(`[CLS]${start}`)",
            arg=plain[:4],
        )
        shown = re.sub(r"\u200d", "", "".join(words(page, "key-chips")[1:-1]))
        assert shown == plain or plain.startswith(shown)
    settled(page)

    assert "32 tokens at most, and this text has 2,002: 1,970 were left out of what the dec" in (
        page.locator("#write_notice").inner_text()
    )
    assert page.locator("img[src='x']").count() == 0
    assert page.locator(".widget script").count() == 0


def choose_model(page, title, tabs):
    """Chooses another model, and waits until the page has its tabs."""
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=title).click()
    page.wait_for_function(
        "([selector, tabs]) => [...document.querySelectorAll(selector)]"
        ".filter((tab) => tab.checkVisibility()).map((tab) => tab.innerText).join() === tabs",
        arg=[OUTER_TABS, ",".join(tabs)],
    )


def test_a_page_shows_the_tabs_that_its_model_has_and_its_words_run_nothing(open_page, url):
    with open_page(url) as page:  # the tab was never open
        choose_model(page, "Second", ["Classify"])
        page.locator("#answer .bar").first.wait_for()

        choose_model(page, "Foreign", ["Write"])
        settled(page)
        assert page.locator("#write_heads .tile").count() == 3 * 5
        assert not page.locator("#corrupt").is_visible()
        # Some of this model's words are hostile.
        for piece in ("<img src=x onerror=alert(1)>", "${alert(1)}", "{{7*7}}", "\\u`"):
            assert piece in page.locator("#written .output").inner_text()
            page.locator("#written .target-chips .chip", has_text=piece).first.click()
        assert page.locator("img[src='x']").count() == 0

        choose_model(page, "Second", ["Classify"])
        choose_model(page, "Tiny random model", ["Classify", "Write"])
        open_tab(page)
        assert page.locator("#corrupt").is_visible()
        assert page.locator(".toast-body").count() == 0


@pytest.mark.parametrize(
    ("theme", "width"), [("dark", 360), pytest.param("light", 1280, marks=pytest.mark.slow)]
)
def test_the_tab_fits_and_axe_finds_nothing_serious(
    open_page, serve, foreign, bundle, theme, width, serious_faults
):
    writes = [foreign, bundle] if width == 360 else [bundle]  # the first only writes
    with (
        serve(writes) as address,
        open_page(address, theme=theme, width=width, ready="#facts strong") as page,
    ):
        if width == 360:
            settled(page)  # it opens on the one tab that it has
            assert page.locator(f"{OUTER_TABS}:visible").all_inner_texts() == ["Write"]
            drawn = page.locator("#write_map img").get_attribute("src").split(",")[1]
            assert imread(BytesIO(b64decode(drawn)))[0, 0, :3].max() < 0.5, "on dark paper"
            layer, head = (page.locator(f"#write_{one} input").input_value() for one in LAYER_HEAD)
            pressed = page.locator("#write_heads .tile[aria-pressed=true]")
            assert pressed.get_attribute("aria-label").startswith(f"Layer {layer}, head {head}: ")
        else:
            open_tab(page)
        page.get_by_label("Decoding strategy").click()
        page.get_by_role("option", name="Sampling").click()
        page.get_by_text("Length and repetition").click()
        write(page, "the music was dull but the film is not bad at all " + "unbad" * 10)
        page.wait_for_timeout(400)  # colours that are still fading in have no contrast yet

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        parts = page.locator("main .block:visible, .tile:visible, .chip:visible, .bar:visible")
        edges = parts.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
        assert max(edges) <= width
        assert serious_faults(page) == []
