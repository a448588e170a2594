"""The panels in a real browser: a cost before, a result after, nothing of the text before."""

import pytest

PANELS = {
    "compare": ("Classify", "Compare", "Side by side"),
    "source_reliance": ("Write", "Source", "What the source did"),
}


def open_panel(page, name):
    task, tab, _ = PANELS[name]
    page.get_by_role("tab", name=task, exact=True).click()
    ready = "#map_view .type" if task == "Classify" else "#write_map_view .type"
    page.locator(ready).first.wait_for(state="attached")
    section = page.locator("#classify_tab" if task == "Classify" else "#write_tab")
    section.get_by_role("tab", name=tab, exact=True).click()
    page.locator(f"#{name}_cost", has_text="Reads ").wait_for()


def run(page, name):
    page.locator(f"#{name}_start").click()
    page.locator(f"#{name}_result h2", has_text=PANELS[name][2]).wait_for()


@pytest.fixture(scope="module")
def page(open_page, url):
    """Opened once for all tests; its texts may be any."""
    with open_page(url) as page:
        yield page


def test_a_panel_tells_its_cost_and_shows_the_words_that_a_written_token_needs(page):
    name = "source_reliance"
    open_panel(page, name)
    assert page.locator(f"#{name}_result h2").count() == 0

    run(page, name)

    page.locator(f"#{name}_stop:disabled").wait_for()
    assert page.locator(f"#{name}_cost .cost").inner_text().startswith("Reads ")
    chips = page.locator("#source_reliance_result .target-chips .chip")
    chips.nth(1).click()
    assert chips.nth(1).get_attribute("aria-pressed") == "true"
    words = page.locator("#source_reliance_result .word-chips .chip").count()
    assert words == page.locator("#source_reliance_result .effects th[scope=col]").count() > 0


def test_a_comparison_opens_with_a_changed_sentence_compared_at_once(page):
    open_panel(page, "compare")
    page.locator("#compare_result .side").nth(1).wait_for()

    changed = page.locator("#compare_text textarea").input_value()
    assert changed != page.locator("#text textarea").input_value()
    assert page.locator("#compare_result .changed").count() > 0

    page.locator("#text textarea").fill("the film was never dull")
    page.locator("#text textarea").press("Enter")
    page.locator("#compare_result .side", has_text="never").first.wait_for()
    assert page.locator("#compare_text textarea").input_value() != changed


def test_another_text_takes_the_result_away(page):
    open_panel(page, "compare")
    page.locator("#compare_result h2").wait_for()
    page.locator("#maps_tab-button").click()

    page.locator("#text textarea").fill("good")
    page.locator("#text textarea").press("Enter")

    page.locator("#compare_result h2").wait_for(state="detached")
    assert page.locator("#compare_text textarea").input_value() == "good"


def test_two_texts_stand_side_by_side_and_a_head_can_be_chosen(page):
    open_panel(page, "compare")
    page.locator("#compare_text textarea").fill("not good at all")
    run(page, "compare")
    page.locator("#compare_result .side", has_text="all").first.wait_for()

    assert page.locator("#compare_result .side").count() == 2
    assert page.locator("#compare_result .changed").count() > 0
    second = page.locator("#compare_result button.moved-head").nth(1)
    old = page.locator("#compare_result .maps").inner_text()
    second.click()
    assert second.get_attribute("aria-pressed") == "true"
    assert page.locator("#compare_result .maps").inner_text() != old


def test_what_cannot_be_done_is_said_beside_the_button(page):
    open_panel(page, "compare")
    page.locator("#compare_text textarea").fill(" ")
    page.locator("#compare_start").click()

    page.locator("#compare_cost .error", has_text="There is no text yet.").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_panels_fit_a_phone_and_axe_finds_nothing_serious(open_page, url, theme, serious_faults):
    with open_page(url, theme=theme, width=360) as page:
        for name in PANELS:
            open_panel(page, name)
            run(page, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            wide = page.locator(f"#{name}_result .scroll-box").first
            assert wide.locator(".cut").count() == 1
            assert wide.get_by_text("More columns to the right: scroll.").is_visible()
            assert serious_faults(page, f"#{name}_panel") == []
