"""A text of too many tokens for all its maps to come along: they are asked for part by part. And
what other scripts of a page may do with the widget."""

import re

import pytest

from explorer.maps.head_types import head_types
from explorer.maps.view import attention_map, encoder_maps
from explorer.ui import map_viewer

TEXT = "the film is unbelievable " * 3


@pytest.fixture
def long_text(monkeypatch):
    """Has every text be a long one."""
    monkeypatch.setattr(map_viewer, "MOST_TOKENS", 4)


@pytest.fixture
def page(long_text, open_page, url):
    with open_page(url) as page:
        page.parts = []
        page.on("request", lambda request: note(page, request))
        page.locator("#text textarea").fill(TEXT)
        page.locator("#text textarea").press("Enter")
        page.locator("#map_view .own .chip", has_text="unbelievable").first.wait_for()
        settled(page)
        yield page


def note(page, request):
    """Remembers which parts were asked for."""
    if "queue/join" in request.url:
        page.parts += re.findall(r'"part":"(\w+)"', request.post_data)


def settled(page):
    """Waits until all is there that is asked for by itself: at last the rest of a layer."""
    while page.parts[-1:] != ["layer"]:
        page.wait_for_timeout(50)
    page.locator("#map_view .map-card:not(.waiting)").wait_for()
    page.wait_for_timeout(300)
    assert page.parts == ["map", "tiles", "layer"]
    page.parts.clear()


def choose(page, layer, head):
    page.locator(f"#map_view .tile[data-layer='{layer}'][data-head='{head}']").click()
    page.locator("#map_view .map-card:not(.waiting)").wait_for()


def strongest(page):
    """The shares in the table of pairs."""
    if not page.locator("#map_view .pairs[open]").count():
        page.get_by_text("The strongest pairs as a table").click()
    told = page.locator("#map_view .pairs td:last-child").all_inner_texts()
    return [float(text.strip("<>%")) / 100 for text in told]


def test_maps_come_when_they_are_asked_for_and_stay(page, model):
    reading = model.read(TEXT.strip())
    for layer, head in ((1, 2), (2, 1), (2, "mean"), ("max", 1)):
        if layer == "max":
            page.get_by_label("Layer", exact=True).select_option("max")
            page.get_by_label("Head", exact=True).select_option("1")
            page.locator("#map_view .map-card:not(.waiting)").wait_for()
        else:
            choose(page, layer, head)
        zero_based = [one - 1 if isinstance(one, int) else one for one in (layer, head)]
        view = attention_map(reading, *zero_based, words=True)
        expected = sorted(view.weights.ravel(), reverse=True)[:20]
        assert strongest(page) == pytest.approx(expected, abs=0.008)
    page.wait_for_timeout(300)
    page.parts.clear()

    choose(page, 2, 2)  # its layer is there
    choose(page, 2, "mean")
    page.wait_for_timeout(300)

    assert page.parts == []


def test_other_switches_bring_other_small_pictures_with_their_types(page, model):
    page.get_by_label("Whole words").click()
    page.locator("#map_view .hint", has_text=" tokens · ").wait_for()
    page.locator("#map_view .tile[title*=entropy]").first.wait_for()
    while "tiles" not in page.parts:
        page.wait_for_timeout(50)
    page.wait_for_timeout(300)

    maps = encoder_maps(model.read(TEXT.strip()))
    for layer in range(2):
        for head, found in enumerate(head_types(maps.of_layer(layer), maps.measure), 1):
            name = f"Layer {layer + 1}, head {head}: {found.name}"
            assert page.locator(f"#map_view .tile[aria-label^='{name}']").count() == 1
    assert page.parts == ["tiles"]


def test_ablated_heads_leave_the_mean_of_a_long_text(page, model):
    choose(page, 2, 1)
    page.get_by_role("button", name="Ablate layer 2, head 1", exact=True).click()
    page.locator("#ablated p").wait_for()
    settled(page)
    choose(page, 2, "mean")

    view = attention_map(model.read(TEXT.strip(), ablated=((1, 0),)), 1, "mean", words=True)
    expected = sorted(view.weights.ravel(), reverse=True)[:20]
    assert strongest(page) == pytest.approx(expected, abs=0.008)


def test_other_scripts_hear_of_the_state_and_set_it(open_page, url):
    with open_page(url) as page:
        page.evaluate(
            "() => document.addEventListener('maps-state', ({ detail }) => (window.heard = detail))"
        )
        wanted = {
            "layer": 2, "head": "max", "words": False, "special_tokens": False, "by_norms": True,
            "log_scale": True, "direction": "to", "chosen": 3, "looks_at": "self",
        }  # fmt: skip
        hostile = {"layer": "<img>", "head": 99, "chosen": 1e9, "words": "yes", "direction": {}}

        for asked, heard in ((wanted, wanted), (hostile, {**wanted, **FIRST})):
            page.evaluate(
                "detail => document.querySelector('#map_view')"
                ".dispatchEvent(new CustomEvent('maps-set', { detail }))",
                asked,
            )
            found = page.evaluate("window.heard")
            assert {**found, "chosen": heard["chosen"]} == heard
        page.locator("#map_view .map-card h2", has_text="Layer 1, head 1").wait_for()


FIRST = {"layer": 1, "head": 1, "words": True, "direction": "from", "chosen": None}
"""What stands where a state says something else than there is."""
