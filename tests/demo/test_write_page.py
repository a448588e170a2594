"""The Write tab in a real browser."""

import time

import pytest

from explorer.decoding.graph import DecoderGraph


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


@pytest.mark.parametrize("leaves", [False, True], ids=["stop", "page closed"])
def test_a_reader_who_stops_or_leaves_ends_the_work(open_page, url, monkeypatch, leaves):
    runs = []
    run = DecoderGraph.run

    def slowly(*given):
        runs.append(1)
        time.sleep(0.25)
        return run(*given)

    monkeypatch.setattr(DecoderGraph, "run", slowly)
    with open_page(url) as page:
        page.get_by_role("tab", name="Write").click()
        page.get_by_text("How it is written").click()
        page.locator("#set_repetition_penalty input").fill("5")
        page.locator("#source textarea").fill("a bright story")
        page.locator("#write").click()
        page.locator("#written .target-chips .chip").first.wait_for()
        if not leaves:
            page.locator("#stop:enabled").click()
            page.locator("#write_svg:enabled").wait_for()
            assert "not ended" in page.locator("#written .hint").first.inner_text()
    time.sleep(1)
    after = len(runs)
    time.sleep(1)

    assert 0 < len(runs) == after < 20


@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1280)])
def test_nothing_stands_beyond_the_edge_and_axe_finds_nothing_serious(
    open_page, url, theme, width, skip_for_want
):
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        skip_for_want("needs axe: pip install axe-playwright-python")
    with open_page(url, theme=theme, width=width) as page:
        page.get_by_role("tab", name="Write").click()
        write(page, "the music was dull but the film is not bad at all " + "unbad" * 10)
        page.get_by_text("How it is written").click()
        page.wait_for_timeout(400)  # colours that are still fading in have no contrast yet

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        parts = page.locator("main .block:visible, .tile:visible, .chip:visible, .bar:visible")
        edges = parts.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
        assert max(edges) <= width
        found = Axe().run(page).response["violations"]
        serious = [
            (one["id"], [node["html"][:200] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []
