"""The tour: five steps that move the page's own controls, left at any of them."""

import re

import pytest

STEPS = (
    "What a map is", "A head with a job", "Where attention and effect disagree", "A head left out",
    "A word written, and where it looked",
)  # fmt: skip
FOUND = "!['…', ''].includes(document.querySelector('.tour-card .found').textContent)"


@pytest.fixture(scope="module")
def page(open_page, url):
    with open_page(url, ready="#tour button") as page:
        page.locator("#map_view .tile").first.wait_for()
        yield page


def come_to(page, step):
    """Walks on with the keyboard alone, until a step has shown what it speaks of."""
    page.locator("#tour button").focus()
    for number, title in enumerate(STEPS[: step + 1], 1):
        page.keyboard.press("Enter")
        page.locator(".tour-card h2", has_text=f"{number} of 5: {title}").wait_for()
        page.wait_for_function(FOUND)
        assert page.locator(".tour-card .found").inner_text() != "This has not come yet."


def test_a_keyboard_alone_walks_through_it(page):
    page.locator("#classify_tab-button").click()
    page.locator("#text textarea").fill("a text of the reader's own")
    come_to(page, 2)
    example = page.locator("#examples .example").first.get_attribute("title")
    assert page.locator("#text textarea").input_value() == example
    assert page.locator("#occlusion_result.tour-here").is_visible()

    page.keyboard.press("Enter")
    page.locator("#ablated .notice").wait_for()
    page.wait_for_function(FOUND)
    page.locator(".tour-card button", has_text="Next").press("Enter")
    page.locator("#ablated .notice").wait_for(state="detached")
    page.locator("#written.tour-here").wait_for()
    assert "attends to" in page.locator(".tour-card .found").inner_text()
    assert page.locator("#write_tab-button").get_attribute("aria-selected") == "true"

    page.locator(".tour-card button", has_text="Back").press("Enter")
    page.locator("#ablated .notice").wait_for()
    page.keyboard.press("Escape")
    page.locator("#ablated .notice").wait_for(state="detached")
    page.wait_for_function(
        "text => document.querySelector('#map_view').onScreen?.of.text === text",
        arg="a text of the reader's own",
    )
    assert page.locator("#text textarea").input_value() == "a text of the reader's own"


@pytest.mark.parametrize("step", [0, 1])
def test_it_is_left_at_any_step(page, step):
    come_to(page, step)
    if step:
        page.locator(".tour-card button", has_text="End the tour").click()
    else:
        page.keyboard.press("Escape")

    assert page.locator(".tour-card, .tour-here").count() == 0
    assert page.evaluate("document.activeElement === document.querySelector('#tour button')")


def test_a_model_offers_the_steps_that_it_has(page):
    offered = page.locator("#tour button")
    assert offered.inner_text() == "Take a tour: 5 steps"
    for title, steps in (("Second", ": 4 steps"), ("Foreign", "")):
        page.locator("#bundle input").click()
        page.get_by_role("option", name=title).click()
        page.locator("#tour button", has_text=re.compile(f"^Take a tour{steps}$")).wait_for()
    offered.click()
    page.locator(".tour-card h2", has_text=re.compile("^A word written")).wait_for()
    assert page.locator(".tour-card button").all_inner_texts() == ["Done"]
    page.wait_for_function(FOUND)
    page.locator(".tour-card button", has_text="Done").click()
    assert page.locator(".tour-card").count() == 0


@pytest.mark.parametrize(
    ("theme", "width"), [pytest.param("light", 1280, marks=pytest.mark.slow), ("dark", 360)]
)
def test_its_card_shuts_nobody_out(open_page, url, theme, width, serious_faults):
    with open_page(url, theme=theme, width=width, ready="#tour button") as page:
        page.locator("#map_view .tile").first.wait_for()
        come_to(page, 0)
        page.locator("#map_view .right.tour-here").wait_for()

        assert serious_faults(page, ".tour-card") == []
        card = page.locator(".tour-card").bounding_box()
        assert card["x"] >= 0
        assert card["x"] + card["width"] <= width
