"""What mattered, in a real browser: words, pairs, a flip, and trust, on the screen and by axe."""

import pytest

from explorer.inference.tokens import own_words

HEADINGS = {
    "occlusion": "What each word did for",
    "pairs": "Two words together, for",
    "smallest_flip": "hold the answer",
    "trust": "Rankings of words against chance",
}


def open_words(page):
    page.locator("#classify_tab").get_by_role("tab", name="Words", exact=True).click()
    page.locator("#occlusion_cost", has_text="Reads ").wait_for()


def run(page, name):
    page.locator(f"#{name}_start").click()
    page.locator(f"#{name}_result h2", has_text=HEADINGS[name]).wait_for()
    page.locator(f"#{name}_stop:disabled").wait_for()


@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_on_a_phone_every_result_is_there_and_axe_finds_nothing_serious(
    open_page, url, theme, model, serious_faults
):
    with open_page(url, theme=theme, width=360) as page:
        text = page.locator("#text textarea").input_value()
        open_words(page)
        for name in HEADINGS:
            run(page, name)

        words = [word.text for word in own_words(model.read(text).tokens)]
        chips = page.locator("#occlusion_result .chips .chip")
        assert chips.locator("bdi").all_inner_texts() == words
        assert chips.locator(".points").count() == len(words)
        assert page.locator("#pairs_result th[scope=col]").count() == len(words)
        assert page.locator("#smallest_flip_result .chip").count() == len(words)
        assert page.locator("#trust_result .method").count() == 4
        assert page.locator("#trust_result .by-chance").count() == 2 * 4 * 20
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert serious_faults(page, "#mattered_tab") == []


def test_another_class_turns_the_signs_and_another_text_takes_results_away(open_page, url, model):
    labels = model.bundle.labels
    with open_page(url) as page:
        open_words(page)
        run(page, "occlusion")
        first = page.locator("#occlusion_result .points").all_inner_texts()

        page.locator("#occlusion_label input").click()
        chosen = page.locator("#occlusion_label input").input_value()
        other = next(label for label in labels if label != chosen)
        page.get_by_role("option", name=other).click()
        page.locator("#occlusion_start").click()
        page.locator("#occlusion_result h2", has_text=f"for {other}").wait_for()
        assert page.locator("#occlusion_result .points").all_inner_texts() != first

        page.locator("#text textarea").fill("good")
        page.locator("#text textarea").press("Enter")
        page.locator("#occlusion_result h2").wait_for(state="detached")
        page.locator("#trust_start").click()
        page.locator("#trust_cost .error", has_text="fewer than two words").wait_for()
