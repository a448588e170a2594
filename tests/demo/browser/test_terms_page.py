"""What the page's words mean: a note wherever one stands, and a list of all of them."""

import pytest

TEXT = "the entropy of log-odds, rollout and occlusion"


@pytest.fixture(scope="module")
def shared_page(open_page, url):
    with open_page(url, ready="#glossary summary") as page:
        page.locator("#map_view .term", has_text="value norms").wait_for()
        yield page


@pytest.fixture
def page(shared_page):
    """The page without a note; opened once for all tests."""
    shared_page.mouse.move(5, 5)
    shared_page.evaluate("document.activeElement.blur()")
    shared_page.locator(".term-note").wait_for(state="hidden")
    yield shared_page
    assert shared_page.troubles == []


@pytest.mark.parametrize("how", ["hover", "focus", "click"])
def test_a_word_has_its_note_one_hover_focus_or_tap_away(page, how):
    note, word = page.locator(".term-note"), page.locator("#facts .term").first
    getattr(word, how)()
    note.wait_for()

    assert word.get_attribute("aria-describedby") == note.get_attribute("id")
    name = word.get_attribute("data-term")
    assert note.inner_text().startswith(f"{name}: ")
    page.keyboard.press("Escape")
    note.wait_for(state="hidden")
    assert word.get_attribute("aria-describedby") is None


def test_a_note_leads_to_its_source_and_waits_for_the_pointer(page):
    page.locator("#map_view .term", has_text="value norms").hover()
    source = page.locator(".term-note a")
    assert source.get_attribute("href") == "https://aclanthology.org/2020.emnlp-main.574/"
    source.hover()
    page.wait_for_timeout(400)
    assert source.is_visible()
    page.mouse.move(5, 5)
    page.locator(".term-note").wait_for(state="hidden")


def test_every_word_is_explained_in_one_table(page):
    page.locator("#glossary summary").click()
    listed = page.locator("#glossary dt").all_inner_texts()

    assert listed == page.evaluate("window.attentionTerms.names")
    wanted = {
        "entropy", "rollout", "norm weighting", "faithfulness", "comprehensiveness", "sufficiency",
        "map error", "log-odds",
    }  # fmt: skip
    assert wanted <= set(listed)
    for link in page.locator("#glossary a").all():
        assert link.get_attribute("href").startswith("https://")


def test_sentences_of_results_have_notes_and_readers_texts_have_none(page):
    page.locator("#text textarea").fill(TEXT)
    page.locator("#text textarea").press("Enter")
    page.locator("#map_view .chip", has_text="rollout").first.wait_for()
    page.locator("#mattered_tab-button").click()
    page.locator("#occlusion_start").click()
    page.locator("#occlusion_result .hint .term").first.wait_for()

    words = page.locator("#occlusion_result .term").all_inner_texts()
    assert "log-odds" in words
    assert len(words) == len(set(words)), "the first of each"
    assert page.locator(":is(bdi, button, a, .chip, textarea) .term").count() == 0
    assert page.locator("#mattered_tab .look-for .term", has_text="log-odds").count() == 1
