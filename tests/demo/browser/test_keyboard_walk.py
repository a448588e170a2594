"""Every feature of the page by the keyboard alone: nothing is clicked, and no script gives anything
the focus. What the keys do not come to, or where a reader does not see that they came, is a fault
of the page; so is a focus that is lost."""

import csv
import io
import re
import time
from pathlib import Path

import pytest

from explorer.writing.decoder import DecoderSession

pytestmark = pytest.mark.slow

ANALYSES = {
    "mattered": ("occlusion", "pairs", "smallest_flip", "trust"),
    "which_heads": ("head_effects", "pruning"),
    "compare": ("compare",),
}
MAP, WRITTEN_MAP = "#map_view", "#write_map_view"

# A ring around what has the focus, or around the box that a reader takes for it.
RING = """() => {
  const here = document.activeElement;
  return [here, here.closest("label, .wrap") ?? here].some((node) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(node);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  });
}"""


class Keyboard:
    """A reader without a mouse, on a page that is open."""

    def __init__(self, page):
        self.page = page

    def here(self, selector):
        return self.page.evaluate("selector => document.activeElement.matches(selector)", selector)

    def to(self, selector, key="Tab"):
        """Goes on until something of this kind has the focus, and is seen to have it."""
        for _ in range(250):
            self.page.keyboard.press(key)
            if self.here(selector):
                assert self.page.evaluate(RING), f"nothing shows that {selector} has the focus"
                return self
        raise AssertionError(f"{key} does not come to {selector}")

    def press(self, *keys):
        """Keys for what has the focus, which it does not lose."""
        for key in keys:
            self.page.keyboard.press(key)
        self.page.wait_for_function("document.activeElement !== document.body")

    def use(self, selector, key="Enter"):
        self.to(selector).press(key)

    def write(self, selector, text):
        self.to(selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, selector, name):
        """An entry of one of gradio's lists, by the arrows."""
        self.to(f"{selector} input")
        active = self.page.locator(".options .active")
        while name not in (before := active.inner_text()):
            self.page.keyboard.press("ArrowDown")
            self.page.wait_for_function(
                "old => document.querySelector('.options .active').innerText !== old", arg=before
            )
        self.press("Enter")
        self.page.locator(".options").wait_for(state="detached")
        assert self.page.locator(f"{selector} input").input_value().startswith(name)
        assert self.here(f"{selector} input")

    def open(self, tab):
        self.use(f"#{tab}_tab-button")
        self.page.locator(f"#{tab}_tab").wait_for(state="visible")

    def save(self, selector):
        """A file that a button saves."""
        with self.page.expect_download() as download:
            self.use(selector)
        return Path(download.value.path()).read_bytes()


@pytest.fixture
def page(open_page, url):
    with open_page(url) as page:
        yield page


@pytest.fixture
def keys(page):
    return Keyboard(page)


def reads(page, text, second=""):
    """Waits until these texts are read and their maps stand there."""
    page.wait_for_function(
        """texts => {
          const of = document.querySelector("#map_view").onScreen?.of;
          return of?.text === texts[0] && of.text_pair === texts[1];
        }""",
        arg=[text, second],
    )


def on_screen(page, viewer=MAP):
    return page.locator(viewer).evaluate("block => block.onScreen.state")


def table_of(file):
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))


def test_an_example_a_text_and_a_pair_are_read(page, keys, model):
    second = model.bundle.examples[1]
    keys.to("#examples .example").use("#examples .example")
    reads(page, second.text, second.text_pair)

    keys.write("#text textarea", "the film is not bad")
    keys.use("#text .submit-button")
    reads(page, "the film is not bad", second.text_pair)

    if not page.locator("#text_pair").is_visible():
        keys.use(".label-wrap")
    keys.write("#text_pair textarea", "a dull story")
    keys.press("Enter")
    reads(page, "the film is not bad", "a dull story")
    share = model.read("the film is not bad", "a dull story").probabilities.max()
    page.locator("#answer .bar.first", has_text=f"{share:.1%}").wait_for()
    page.locator(f"{MAP} .segment", has_text="Text B").wait_for()


def test_all_of_the_maps_is_walked(page, keys):
    keys.use(f"{MAP} [data-direction=to]")
    keys.to(f"{MAP} .own .chip").press("Home", "ArrowRight", "ArrowRight")
    assert page.locator(f"{MAP} .looks-at").inner_text().startswith("“bad” is attended to by ")
    keys.to(f"{MAP} .tile").press("ArrowUp", "ArrowRight", "Enter")
    assert page.locator(f"{MAP} .map-card h2").inner_text() == "Layer 1, head 2"
    keys.use(f"{MAP} .type")
    assert page.locator(f"{MAP} .type[aria-pressed=true]").count() == 1
    keys.to(f"{MAP} select.layer").press("ArrowDown")
    keys.to(f"{MAP} select.head").press("Home")
    assert page.locator(f"{MAP} .map-card h2").inner_text() == "Layer 2, mean over heads"
    for name in ("words", "special_tokens", "by_norms", "log_scale"):
        keys.use(f"{MAP} input.{name}", "Space")

    keys.to(f"{MAP} .map-box").press("ArrowDown", "ArrowRight")
    assert re.search(r" to .*%", page.locator(f"{MAP} .live").inner_text())
    keys.press("Enter", "h", "Shift+L")
    state = on_screen(page)
    assert {**state, "chosen": None} == {
        "layer": 1, "head": 1, "direction": "to", "words": False, "special_tokens": False,
        "by_norms": True, "log_scale": True, "looks_at": "self", "chosen": None,
    }  # fmt: skip
    keys.use(f"{MAP} .pairs summary")
    page.locator(f"{MAP} .pairs tr").nth(5).wait_for()


def test_every_file_is_kept(keys):
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "csv": b"\xef\xbb\xbf", "npz": b"PK"}
    for kind, start in {**starts, "page": b"<!doctype html>"}.items():
        assert keys.save(f"{MAP} button.{kind}").startswith(start)


def test_heads_are_left_out_and_put_back(page, keys, model):
    text = model.bundle.examples[0].text
    both = [model.read(text, ablated=heads).probabilities.max() for heads in ((), ((1, 0),))]
    answer = page.locator("#answer .bar.first")

    keys.use(f"{MAP} .leave")
    page.locator("#ablated .notice", has_text="1 head is ablated (layer 2: 1)").wait_for()
    answer.filter(has_text=f"{both[1]:.1%}").wait_for()
    keys.to("#ablated button", "Shift+Tab").press("Enter")
    answer.filter(has_text=f"{both[0]:.1%}").wait_for()
    assert keys.here("[role=tab]"), "the notice is gone, and what follows it has the focus"

    keys.open("which_heads")
    keys.use("#head_effects_start")
    page.locator("#head_effects_result .cell").first.wait_for()
    keys.to("#head_effects_result .cell").press("ArrowRight", "Enter")
    page.locator("#ablated .notice", has_text="layer 1: 2").wait_for()


@pytest.mark.parametrize("tab", ANALYSES)
def test_every_analysis_is_run_and_its_table_kept(page, keys, tab):
    keys.open(tab)
    if tab == "compare":
        keys.write("#compare_text textarea", "a dull film")
    for name in ANALYSES[tab]:
        keys.use(f"#{name}_start")
        page.locator(f"#{name}_result .save-table").wait_for()
        head, *rows = table_of(keys.save(f"#{name}_result .save-table"))
        assert rows
        assert {len(row) for row in rows} == {len(head)}


def test_it_is_asked_why_one_class_rather_than_another(page, keys):
    keys.open("mattered")
    keys.choose("#occlusion_label", "negative")
    keys.choose("#occlusion_rather_than", "neutral")
    keys.to("#occlusion_way input").use("#occlusion_way input", "Space")
    keys.use("#occlusion_start")
    result = page.locator("#occlusion_result", has_text="negative rather than neutral")
    result.wait_for()
    assert page.locator("#occlusion_way input:checked").get_attribute("value") == "masked"


def test_a_text_is_corrupted_and_written_with_settings_and_a_link_holds_them(page, keys):
    keys.open("write")
    keys.write("#source textarea", "the film is good and the story is bright")
    keys.use("#corrupt")
    page.locator("#corrupted .slip").first.wait_for()
    keys.choose("#strategy", "Sampling")
    keys.to("#set_seed input").press("ArrowUp")
    keys.to("#write", "Shift+Tab").press("Enter")
    page.locator("#written .repair .slip").first.wait_for()

    keys.use("#link button")
    page.locator("#link .hint", has_text="Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert {"tab=write", "strategy=sample", "seed=1"} <= set(link.partition("#")[2].split("&"))


def test_what_was_written_is_walked_and_both_its_analyses_run(page, keys):
    keys.open("write")
    page.locator("#written .done:not(.busy)").wait_for()
    page.locator(f"{WRITTEN_MAP} .type").first.wait_for()
    page.evaluate("document.querySelector('#written .target-chips').firstChild.dataset.old = ''")
    keys.use("#write_examples .example")
    page.locator("#written [data-old]").wait_for(state="detached")
    page.locator("#written .done:not(.busy)").wait_for()
    keys.to("#written .chip").press("Home", "ArrowRight")
    second = page.locator("#written .target-chips .chip").nth(1)
    assert second.get_attribute("aria-pressed") == "true"
    assert page.locator("#written .bar").count() == 10
    keys.to(f"{WRITTEN_MAP} .attentions input").press("ArrowDown")
    assert on_screen(page, WRITTEN_MAP)["looks_at"] == "written"
    for tab, name in (("source", "source_reliance"), ("write_which_heads", "decoder_heads")):
        keys.open(tab)
        keys.use(f"#{name}_start")
        page.locator(f"#{name}_result .save-table").wait_for()
        assert len(table_of(keys.save(f"#{name}_result .save-table"))) > 1


def test_writing_is_stopped_and_the_focus_goes_back_to_what_began_it(page, keys, monkeypatch):
    keys.open("write")
    page.locator("#written .done:not(.busy)").wait_for()
    run = DecoderSession.run
    monkeypatch.setattr(DecoderSession, "run", lambda *given: (time.sleep(0.2), run(*given))[1])

    keys.write("#source textarea", "not bad at all")
    keys.use("#write")
    page.locator("#written .busy").wait_for()
    keys.use("#stop")
    page.locator("#written .hint", has_text="unfinished").wait_for()
    page.wait_for_function("document.activeElement.id === 'write'")


def test_the_tour_is_taken_and_left(page, keys):
    keys.use("#tour button")
    for number in range(1, 6):
        page.locator(".tour-card h2", has_text=f"{number} of 5").wait_for()
        page.wait_for_function(
            "!['', '…'].includes(document.querySelector('.tour-card .found').textContent)"
        )
        keys.press("Enter")
    assert page.locator(".tour-card").count() == 0
    assert keys.here("#tour button")

    keys.press("Enter")
    keys.to(".tour-buttons button:last-child").press("Enter")
    assert keys.here("#tour button")


def test_words_are_explained_where_they_stand_and_in_one_table(page, keys):
    keys.to("#facts .term")
    note = page.locator(".term-note")
    assert note.inner_text().startswith("8-bit weights: ")
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "term-note"
    keys.press("Escape")
    assert not note.is_visible()

    keys.use("#glossary summary")
    assert page.locator("#glossary dt", has_text="faithfulness").is_visible()
    keys.to("#glossary a")


def test_another_model_is_chosen_and_one_that_is_not_stays_as_it_was(page, keys):
    keys.write("#text textarea", "a text of my own")
    keys.to("#bundle input", "Shift+Tab")
    page.keyboard.press("Tab")
    page.locator(".options").wait_for(state="detached")
    assert page.locator("#text textarea").input_value() == "a text of my own"

    keys.choose("#bundle", "Second")
    page.locator("#facts strong", has_text="Second").wait_for()
    assert keys.here("#bundle input")
    page.keyboard.press("Tab")
    page.wait_for_timeout(300)  # for a list that opens late
    assert page.locator(".options").count() == 0
