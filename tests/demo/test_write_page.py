"""The Write tab in a real browser."""

import pytest


@pytest.fixture
def page(open_page, url):
    with open_page(url) as page:
        page.get_by_role("tab", name="Write").click()
        yield page


def write(page, text="the film is good"):
    page.locator("#source textarea").fill(text)
    page.locator("#write").click()
    page.locator("#write_svg:enabled").wait_for()


def test_a_text_is_written_and_its_tokens_are_chosen(page):
    write(page)
    chips = page.locator("#written .target-chips .chip")
    old = page.locator("#written .chance").inner_text()

    chips.first.click()

    assert page.locator("#written .bar").count() == 10
    assert page.locator("#written .chance").inner_text() != old
    looked = page.locator("#written .looks-at").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#written .looks-at").inner_text() != looked
    assert page.locator("#written .key-chips .chip").count() == 6


def test_another_head_and_another_map_change_the_picture(page):
    write(page)
    image = page.locator("#write_map img")
    for act in (
        lambda: page.locator("#write_heads .tile[aria-pressed=false]").first.click(),
        lambda: page.get_by_label("itself (self-attention)").click(),
    ):
        old = image.get_attribute("src")
        act()
        page.wait_for_function(
            "old => document.querySelector('#write_map img').src !== old", arg=old
        )
        page.locator("#write_svg:enabled").wait_for()
    assert "self-attention" in image.get_attribute("alt")


def test_a_sentence_is_spoiled(page):
    page.locator("#source textarea").fill("the story is bright and the music great")
    page.locator("#corrupt").click()
    page.wait_for_function(
        "() => !document.querySelector('#source textarea').value.startsWith("
        "'the story is bright and the music great')"
    )


def test_a_setting_out_of_bounds_gets_a_sentence(page):
    page.get_by_text("How it is written").click()
    page.locator("#set_max_tokens input").fill("100000")
    page.locator("#write").click()

    page.locator("#write_notice .error").wait_for()

    assert "whole number from 1 to 128" in page.locator("#write_notice").inner_text()
