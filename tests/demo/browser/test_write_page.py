"""The Write tab in a real browser: what a reader does, and what must never happen."""

import re
import time
from threading import Event
from types import SimpleNamespace

import pytest

from explorer.maps.view import first_step, first_written_head, generation_map
from explorer.ui.sources.offered import offered_sources
from explorer.writing.decoder import DecoderSession
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

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
    page.locator("#write_map_view .type").first.wait_for(state="attached")
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


def words(page, strip):
    """Of a strip of the maps: the generated text's own, or the other."""
    return page.locator(f"#write_map_view .{strip} .chip bdi").evaluate_all(
        "all => all.map(one => one.textContent)"
    )


def looked(page):
    return page.locator("#write_map_view .looks-at").inner_text()


def picture(page):
    return page.locator("#write_map_view canvas.map").evaluate("canvas => canvas.toDataURL()")


def test_the_tab_opens_on_a_text_whose_tokens_are_chosen_by_mouse_and_keyboard(fresh_page, first):
    page = fresh_page
    layer, head = first_written_head(first)
    view = generation_map(first, "source", layer, head, words=True)
    names = [token.label for token in view.keys.whole]
    chips = page.locator("#written .target-chips .chip")

    assert page.locator("#source textarea").input_value() == first.source.text
    assert page.locator("#written .output").inner_text() == first.text
    assert words(page, "own") == [token.text or token.piece for token in view.queries.whole]
    assert words(page, "other") == [t.text or t.piece for t in view.keys.whole]
    pressed = page.locator("#write_map_view .tile[aria-pressed=true]").get_attribute("aria-label")
    assert pressed.startswith(f"Layer {layer + 1}, head {head + 1}: ")
    piece = first_step(first)
    place = next(at for at, one in enumerate(view.queries.words) if piece in one.places)
    row = page.locator("#write_map_view .own .chip")
    for strip in (chips, row):
        assert strip.nth(place).get_attribute("aria-pressed") == "true"

    chips.first.click()
    for place, key in ((0, "ArrowRight"), (1, "End"), (len(view.queries.whole) - 1, "Home")):
        best = int(view.weights[place].argmax())
        assert re.search(rf"attends to \W*{re.escape(names[best])}\W* \d", looked(page))
        assert chips.nth(place).evaluate("chip => chip === document.activeElement")
        assert row.nth(place).get_attribute("aria-pressed") == "true"
        page.keyboard.press(key)
    row.nth(1).click()
    assert chips.nth(1).get_attribute("aria-pressed") == "true"
    said = page.locator("#written .chance").inner_text()
    assert view.queries.tokens[1].text in said
    chips.first.click()
    step, bars = first.steps[0], page.locator("#written .bar")
    assert bars.count() == 10
    assert bars.locator("bdi").all_inner_texts() == [t.label for t in first.candidates[0]]
    likeliest = f"{step.candidates[0][1]:.0%}"
    assert bars.locator(".bar-value").first.inner_text() == likeliest
    assert f"{step.entropy:.1f} bits" in page.locator("#written .chance").inner_text()


def test_another_text_and_every_map_of_it(page, model):
    write(page, "a bright story")
    *_, generation = TextGenerator(model).write(model.read("a bright story"), Settings())
    assert page.locator("#written .output").inner_text() == generation.text
    assert "ended by itself" in page.locator("#written .hint").first.inner_text()

    asked = []
    page.on("request", lambda request: asked.append(request.url))
    view = page.locator("#write_map_view")
    before = picture(page)
    view.locator(".tile").nth(5).click()
    assert picture(page) != before
    assert "Map of Cross-attention, layer 2, mean over heads" in (
        view.locator(".map-box").get_attribute("aria-label")
    )
    view.get_by_label("itself (self-attention)").click()
    assert view.locator("input.by_norms").is_disabled()
    assert words(page, "other")[0] == "[CLS]"
    view.get_by_label("Show special tokens").click()
    assert "Special tokens are hidden" in view.locator(".notes").inner_text()
    hidden = page.locator("#written .target-chips .chip:disabled").count()
    assert hidden == sum(token.special for token in generation.tokens)
    page.wait_for_timeout(300)  # for what would be asked
    assert asked == []

    shown = generation_map(generation, "written", 1, "mean", words=True, special_tokens=False)
    box = view.locator(".map-box")
    left, top, side = (float(box.get_attribute(f"data-{of}")) for of in ("left", "top", "cell"))
    box.click(position={"x": left + side / 2, "y": top + 2.5 * side})
    row = int(shown.queries.indexes[2])
    page.locator(f"#written .target-chips .chip:nth-child({row + 1}).query").wait_for()

    for kind, start in (("PNG", b"\x89PNG"), ("CSV", b"\xef\xbb\xbf")):
        with page.expect_download() as download:
            view.get_by_role("button", name=f"Download {kind}").click()
        name = f"self-attention-layer2-mean.{kind.lower()}"
        assert download.value.suggested_filename == name
        assert download.value.path().read_bytes().startswith(start)

    view.get_by_label("the source (cross-attention)").click()
    view.get_by_label("Show special tokens").click()
    view.get_by_role("button", name="is attended to by").click()
    view.locator(".own .chip").nth(1).click()
    assert looked(page).startswith("“a” is attended to by ")
    view.get_by_role("button", name="attends to", exact=True).click()

    own = page.locator("#written .target-chips [aria-pressed=true]")
    before = own.evaluate("chip => [...chip.parentNode.children].indexOf(chip)")
    view.get_by_label("Source to itself").click()
    assert view.locator(".map-card h2").inner_text().startswith("Encoder, layer ")
    view.locator(".own .chip").last.click()
    assert looked(page).startswith("[SEP] attends to ")
    assert own.evaluate("chip => [...chip.parentNode.children].indexOf(chip)") == before
    view.get_by_label("the source (cross-attention)").click()


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
    source.press("End")
    source.press("Backspace")  # gradio tells of typing apart from deleting and pasting
    marked.wait_for(state="detached")

    page.locator("#write_examples .example").nth(1).click()
    page.locator("#write_map_view .other", has_text="dull").wait_for()
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
    page.locator("#source textarea").press("x")
    page.locator("#write_notice .notice").first.wait_for(state="detached")


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


def test_a_reader_who_stops_or_leaves_ends_the_work_and_the_next_one_knew(
    fresh_page, open_page, url, decoding, when_it_rests
):
    page = fresh_page
    for leaves in (False, True):
        decoding.runs = 0
        decoding.may_go_on.clear()
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
            "start => [...document.querySelectorAll('#write_map_view .other bdi')]"
            ".map((one) => one.textContent).join('').startsWith(`[CLS]${start}`)",
            arg=plain[:4],
        )
        shown = re.sub(r"\u200d", "", "".join(words(page, "other")[1:-1]))
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
        assert page.locator("#write_map_view .tile").count() == 3 * 5
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
            chosen = page.locator("#write_map_view select")
            layer, head = (one.input_value() for one in chosen.all())
            pressed = page.locator("#write_map_view .tile[aria-pressed=true]")
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
