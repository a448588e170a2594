"""Every task of a model that reads, on one page with a bundle of each."""

import pytest


@pytest.fixture(scope="module")
def page(serve, open_page, task_bundles):
    with serve(list(task_bundles.values())) as address, open_page(address) as opened:
        yield opened


@pytest.fixture
def choose(page):
    """Chooses the model of a task, and waits for its answer."""

    def chosen(task, heading):
        page.locator("#bundle input").click()
        page.get_by_role("option", name=f"Tiny {task}").click()
        page.locator("#answer h2", has_text=heading).wait_for()

    return chosen


def test_a_word_is_chosen_and_explained(page):
    marks, words = page.locator("#answer mark"), page.locator("#answer .asked")
    words.nth(6).click()
    page.locator("#answer h2", has_text="“story”").wait_for()
    page.locator("#map_view .own .chip.query", has_text="story").wait_for()
    page.get_by_role("tab", name="Words", exact=True).click()
    page.locator("#occlusion_start").click()
    title = page.locator("#occlusion_result h2")
    title.wait_for()

    assert marks.count()
    assert words.count() == 10
    assert words.nth(6).get_attribute("aria-pressed") == "true"
    assert "for “story”" in title.inner_text()
    assert "is masked, not deleted" in page.locator("#occlusion_result").inner_text()
    page.get_by_role("tab", name="Maps", exact=True).click()


def test_each_task_shows_its_own(page, choose, serious_faults):
    choose("answer", "The likeliest answers")
    assert page.get_by_label("Question").is_visible()
    context = page.get_by_label("Context", exact=True).first
    context.wait_for()
    assert context.input_value()
    choose("fill", "The likeliest words at mask 1 of 2")
    page.locator("#answer .asked").nth(1).click()
    page.locator("#answer h2", has_text="mask 2 of 2").wait_for()
    assert page.locator("#answer .bar").count() == 10
    assert serious_faults(page, "#answer") == []
    choose("embed", "How alike")
    assert page.locator("#answer .bar-value").inner_text().startswith("0.")
    page.get_by_role("tab", name="Words", exact=True).click()
    page.locator("#occlusion_start").wait_for()
    assert not page.locator("#smallest_flip_start").is_visible()
