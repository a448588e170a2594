"""Heads that are ablated, in a real browser: by a tile, a cell, a curve; and put back."""

import re

import pytest

FIRST = "Not bad at all, the story is great!"


@pytest.fixture(scope="module")
def shared_page(open_page, url):
    with open_page(url) as page:
        yield page


@pytest.fixture
def page(shared_page):
    """The page with its first text, all heads and no result; opened once for all tests."""
    begin_again(shared_page)
    yield shared_page
    assert shared_page.troubles == []


def begin_again(page):
    page.locator("#classify_tab-button").click()
    page.locator("#maps_tab-button").click()
    if page.locator("#ablated p").count():
        page.get_by_role("button", name="Put all heads back").click()
        page.locator("#ablated p").wait_for(state="detached")
    if page.locator("#head_effects_result h2, #pruning_result h2").count():
        page.locator("#text textarea").fill("good")  # another text takes results away
        page.locator("#text textarea").press("Enter")
        page.locator("#head_effects_result h2, #pruning_result h2").wait_for(state="detached")
        page.locator("#examples .example").first.click()
        page.locator("#map_view .own .chip", has_text="story").wait_for()


def open_heads(page):
    page.locator("#classify_tab").get_by_role("tab", name="Heads", exact=True).click()
    page.locator("#head_effects_cost", has_text="Reads ").wait_for()


def measure(page):
    open_heads(page)
    page.locator("#head_effects_start").click()
    page.locator("#head_effects_result .cell").first.wait_for()


def answer_of(page, reading):
    """Waits until the answer is that of a reading."""
    share = f"{reading.probabilities.max():.1%}"
    page.locator("#answer .bar-value", has_text=share).first.wait_for()


def test_the_head_of_the_map_is_left_out_and_all_are_put_back(page, model):
    assert page.locator("#ablated p").count() == 0
    page.get_by_role("button", name=re.compile("^Layer 2, head 1")).first.click()

    page.get_by_role("button", name="Ablate layer 2, head 1", exact=True).click()

    line = page.locator("#ablated p")
    line.wait_for()
    assert line.inner_text().startswith("1 head is ablated (layer 2: 1).")
    answer_of(page, model.read(FIRST, ablated=((1, 0),)))
    assert page.locator("#map_view .tile.out").count() == 1
    page.get_by_role("button", name="Put back layer 2, head 1", exact=True).wait_for()
    page.get_by_role("button", name="Put all heads back").click()
    line.wait_for(state="detached")
    answer_of(page, model.read(FIRST))
    assert page.locator("#map_view .tile.out").count() == 0


def test_a_cell_leaves_its_head_out_by_keyboard_and_the_grid_stays(page, model):
    measure(page)
    cells = page.locator("#head_effects_result .cell")
    assert cells.count() == 2 * 3
    name = cells.nth(4).get_attribute("aria-label")
    assert re.match(r"Layer 2, head 2: [+−]\d+\.\d\d log-odds \([+−]\d+\.\d points\)", name)

    cells.first.focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)

    page.locator("#ablated p", has_text="layer 2: 2").wait_for()
    answer_of(page, model.read(FIRST, ablated=((1, 1),)))
    assert cells.nth(4).get_attribute("aria-pressed") == "true"
    assert "Measured with all heads in." in page.locator("#head_effects_result .stale").inner_text()
    page.locator("#head_effects_cost", has_text="Reads 6 changed texts").wait_for()
    cells.nth(5).click()  # the whole layer
    page.locator("#ablated p", has_text="layer 2: all").wait_for()


def test_of_quick_clicks_none_is_lost(page):
    measure(page)
    cells = page.locator("#head_effects_result .cell")

    page.evaluate(
        "() => [0, 1, 3].forEach(index =>"
        "  document.querySelectorAll('#head_effects_result .cell')[index].click())"
    )

    page.locator("#ablated p", has_text="3 heads are ablated (layer 1: all").wait_for()
    pressed = [cell.get_attribute("aria-pressed") for cell in cells.all()]
    assert pressed == ["true", "true", "true", "true", "false", "false"]


def test_heads_stay_out_of_the_next_text(page, model):
    measure(page)
    page.locator("#head_effects_result .cell").first.click()
    page.locator("#ablated p", has_text="layer 1: 1").wait_for()

    page.locator("#text textarea").fill("the film was dull")
    page.locator("#text textarea").press("Enter")

    answer_of(page, model.read("the film was dull", ablated=((0, 0),)))
    assert page.locator("#ablated p").inner_text().startswith("1 head is ablated (layer 1: 1).")
    page.locator("#head_effects_result .cell").first.wait_for(state="detached")


def test_the_curve_is_walked_and_its_heads_are_left_out(page):
    open_heads(page)
    page.locator("#pruning_start").click()
    slider = page.locator("#pruning_result input[type=range]")
    slider.wait_for()
    assert page.locator("#pruning_result .summary").inner_text().startswith("The answer stays ")
    assert page.locator("#pruning_result svg polyline").count() == 1

    slider.focus()
    page.keyboard.press("Home")
    point = page.locator("#pruning_result .point")
    assert point.inner_text().startswith("0 of 4 heads gone: ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert point.inner_text().startswith("2 of 4 heads gone, the last of them layer ")
    page.get_by_role("button", name="Ablate these 2 heads").click()

    page.locator("#ablated p", has_text="2 heads are ablated").wait_for()
    assert slider.is_visible()
    assert page.locator("#pruning_result tr").count() == 1 + 5


def test_a_decoders_heads_stand_in_two_grids_and_ink_the_tokens(page):
    page.get_by_role("tab", name="Write", exact=True).click()
    page.locator("#write_map_view .type").first.wait_for()
    page.locator("#write_tab").get_by_role("tab", name="Heads", exact=True).click()
    page.locator("#decoder_heads_cost", has_text="Reads ").wait_for()
    page.locator("#decoder_heads_start").click()
    grids = page.locator("#decoder_heads_result .head-grid")
    grids.nth(1).wait_for()

    grids.nth(1).locator(".cell").nth(3).click()

    assert grids.nth(1).locator(".cell").nth(3).get_attribute("aria-pressed") == "true"
    told = page.locator("#decoder_heads_result .told").inner_text()
    assert told.startswith("Without layer 2, head 2 (self-attention)")
    written = page.locator("#written .target-chips .chip").count()
    assert page.locator("#decoder_heads_result .target-chips .chip").count() == written


@pytest.mark.parametrize(
    ("theme", "width"), [("light", 360), pytest.param("dark", 1280, marks=pytest.mark.slow)]
)
def test_nothing_is_cut_off_and_axe_finds_nothing_serious(
    open_page, url, theme, width, serious_faults
):
    with open_page(url, theme=theme, width=width, height=740) as page:
        measure(page)
        page.locator("#pruning_start").click()
        page.locator("#pruning_result svg").wait_for()
        page.locator("#pruning_result summary").click()
        page.locator("#head_effects_result .cell").first.click()
        page.locator("#ablated p").wait_for()
        page.wait_for_timeout(400)  # colours that are still fading in have no contrast yet

        parts = page.locator("main .block, .cell, .tile, #pruning_result svg, .plain-button")
        edges = parts.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
        assert max(edges) <= width
        assert serious_faults(page) == []
