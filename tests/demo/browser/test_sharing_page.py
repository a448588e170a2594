"""What a reader takes along: a link that opens elsewhere, and a text as a page that works from disk
without a network."""

import re
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest

TITLE = "Tiny random model"
SHOWN = "#map_view"


@pytest.fixture
def visit(browser):
    """Opens an address in a page of its own: a context manager. The page keeps nothing in the
    browser, so another reader's differs in no more."""

    @contextmanager
    def opened(address, *, ready=f"{SHOWN} .type", offline=False, width=1280, scheme="light"):
        browser.set_offline(offline)
        page = browser.new_page()
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.set_default_timeout(20_000)
        page.troubles = troubles = []
        page.asked = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda one: page.asked.append(one.url))
        page.goto(address)
        page.locator(ready).first.wait_for(state="attached")
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        yield page
        page.close()
        browser.set_offline(False)

    return opened


def on_screen(page, viewer=SHOWN):
    return page.locator(viewer).evaluate("block => block.onScreen")


def begun(page, heading, viewer=SHOWN):
    page.locator(f"{viewer} .map-card h2", has_text=re.compile(f"^{heading}$")).wait_for(
        state="attached"
    )


def copied(page):
    page.get_by_role("button", name="Copy link").click()
    page.locator("#link .hint", has_text="Link copied").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def test_a_link_shows_another_reader_the_same(visit, url):
    text = "the film & <b>100% #good</b> 好?"
    with visit(url) as page:
        page.get_by_role("button", name="Add a second text").click()
        second = page.locator("#text_pair textarea")
        second.click()  # it waits until the fold is drawn: gradio empties its boxes just before
        second.fill("bad + music")
        page.locator("#text textarea").fill(text)
        page.locator("#text textarea").press("Enter")
        page.locator(f"{SHOWN} .segment").first.wait_for()
        page.locator(f"{SHOWN} .tile[aria-label^='Layer 2, head 2']").click()
        for name in ("words", "special_tokens", "by_norms", "log_scale"):
            page.locator(f"{SHOWN} input.{name}").click()
        page.get_by_role("button", name="is attended to by", exact=True).click()
        page.locator(f"{SHOWN} .own .chip:enabled").nth(2).click()
        link, before = copied(page), on_screen(page)
        heading = page.locator(f"{SHOWN} .map-card h2").inner_text()
        answer = page.locator("#answer").inner_text()
        page.locator("#mattered_tab-button").click()
        words = copied(page)

    assert link.startswith(f"{url}#text=")
    assert "__theme" not in link
    with visit(link) as page:
        begun(page, re.escape(heading))
        assert on_screen(page) == before
        assert page.locator("#text textarea").input_value() == text
        assert page.locator("#text_pair textarea").input_value() == "bad + music"
        assert page.locator("#answer").inner_text() == answer
        for name, on in before["state"].items():
            if isinstance(on, bool):
                assert page.locator(f"{SHOWN} input.{name}").is_checked() == on
        assert not any("text=" in address for address in page.asked), "no server logs the text"
    with visit(words) as page:
        page.locator("#mattered_tab").wait_for(state="visible")


@pytest.mark.slow
def test_a_link_to_a_written_text_has_it_written_again(visit, url):
    with visit(url) as page:
        page.locator("#write_tab-button").click()
        page.locator("#source textarea").fill("the film is good")
        page.locator("#write").click()
        page.locator(".written-widget .output", has_text=re.compile(".")).wait_for()
        page.locator(".written-widget .widget.done:not(.busy)").wait_for()
        page.locator("#write_map_view .tile[aria-label^='Layer 2, head 1']").click()
        begun(page, "Cross-attention, layer 2, head 1", "#write_map_view")
        link, before = copied(page), on_screen(page, "#write_map_view")
        assert "written anew" in page.locator("#link .hint").inner_text()
        text = page.locator(".written-widget .output").inner_text()

    with visit(link) as page:
        begun(page, "Cross-attention, layer 2, head 1", "#write_map_view")
        assert page.locator("#write_tab").is_visible()
        assert page.locator("#source textarea").input_value() == "the film is good"
        assert page.locator(".written-widget .output").inner_text() == text
        assert on_screen(page, "#write_map_view") == before


def test_a_link_opens_in_a_page_that_stands_open_and_chooses_its_model(open_page, url):
    with open_page(url) as page:
        fields = {"text": "bad music", "model": "Second", "layer": 2, "head": "mean"}
        page.evaluate("link => { location.hash = link; }", urlencode(fields))

        begun(page, "Layer 2, mean over heads")
        assert page.locator("#bundle input").input_value() == "Second"
        assert page.locator("#text textarea").input_value() == "bad music"
        page.locator("#facts strong", has_text="Second").wait_for()


def test_a_bad_link_leaves_the_page_as_it_is_and_says_why(visit, url):
    with visit(f"{url}#x") as page:  # the others come to the page that stands open
        for fragment, sentence in {
            "x": "holds what is no name with a value",
            "text=a&model=<img src=x onerror=alert(1)>": "There is no bundle",
            "text=" + 3000 * "a": "more than 2,000 characters",
            "text=a&model=Tiny+random+model&layer=99": "There is no layer 99",
        }.items():
            page.evaluate("link => { location.hash = link; }", fragment)
            page.locator("[data-testid=toast-body]", has_text=sentence).wait_for()

            assert len(page.locator("#text textarea").input_value()) > 1
            assert page.troubles == []


def test_what_cannot_be_copied_or_is_too_long_for_a_link_is_said(open_page, url):
    with open_page(url) as page:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
        page.get_by_role("button", name="Copy link").click()
        field = page.get_by_label("Link", exact=True)
        assert field.input_value().startswith(f"{url}#text=")

        text = "the film is good " * 150
        page.locator("#text textarea").fill(text)
        page.locator("#text textarea").press("Enter")
        page.wait_for_function(
            "text => document.querySelector('#map_view').onScreen?.of.text === text", arg=text
        )
        page.evaluate(
            "() => { window.copies = 0; navigator.clipboard.writeText = () => window.copies++; }"
        )
        page.get_by_role("button", name="Copy link").click()

        said = page.locator("#link .hint", has_text="too long for a link").inner_text()
        assert re.search(r"would have 2,\d\d\d characters", said)
        assert page.evaluate("window.copies") == 0


def kept(page, folder, viewer=SHOWN):
    with page.expect_download() as download:
        page.locator(f"{viewer} button.page").click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


@pytest.fixture(scope="module")
def files(open_page, url, tmp_path_factory):
    """The pages of a text that was read, and of one that was written."""
    folder = tmp_path_factory.mktemp("kept")
    with open_page(url) as page:
        page.locator("#text textarea").fill("the film <b>is</b> good </script>${alert(1)}")
        page.locator("#text textarea").press("Enter")
        page.locator(f"{SHOWN} .own .chip", has_text="script").wait_for()
        page.locator(f"{SHOWN} .tile[aria-label^='Layer 2, head 1']").click()
        page.locator(f"{SHOWN} input.log_scale").click()
        state = on_screen(page)["state"]
        read = kept(page, folder)
        page.locator("#write_tab-button").click()
        page.locator("#write_map_view .type").first.wait_for()
        return {"read": read, "state": state, "written": kept(page, folder, "#write_map_view")}


@pytest.mark.parametrize(
    ("which", "width", "scheme"),
    [
        ("written", 360, "dark"),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (
                ("read", 1280, "light"), ("read", 1280, "dark"), ("read", 360, "light"),
                ("read", 360, "dark"),
                ("written", 1280, "light"), ("written", 1280, "dark"), ("written", 360, "light"),
            )
        ),
    ],
)  # fmt: skip
def test_a_kept_page_works_from_disk_without_a_network(
    visit, files, serious_faults, which, width, scheme
):
    address = files[which].as_uri()
    with visit(
        address, ready=".attention-maps .type", offline=True, width=width, scheme=scheme
    ) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".tile").count() == 2 * 3
        dark = page.locator("body").evaluate("body => getComputedStyle(body).colorScheme")
        assert dark == scheme
        assert "no rights reserved" in page.locator("#about").inner_text()
        box = page.locator(".map-box")
        corner = {
            side: float(box.get_attribute(f"data-{side}")) for side in ("left", "top", "cell")
        }
        half = corner["cell"] / 2
        box.hover(position={"x": corner["left"] + half, "y": corner["top"] + half})
        page.locator(".tip:visible").wait_for()
        assert serious_faults(page) == []
        assert page.troubles == []
        assert [one for one in page.asked if not one.startswith("data:")] == [address]


def test_a_kept_page_begins_as_the_screen_was_and_is_walked_with_the_keyboard(visit, files):
    with visit(files["read"].as_uri(), ready=".attention-maps .type", offline=True) as page:
        assert (
            page.locator(".text").inner_text()
            == "Text: the film <b>is</b> good </script>${alert(1)}"
        )
        assert page.locator(".map-card h2").inner_text() == "Layer 2, head 1"
        assert page.locator("input.log_scale").is_checked() == files["state"]["log_scale"]
        page.locator(".map-box").focus()
        page.keyboard.press("ArrowRight")
        assert "to" in page.locator(".live").inner_text()
        page.keyboard.press("h")
        assert page.locator(".map-card h2").inner_text() == "Layer 2, head 2"
        page.locator("input.words").focus()
        page.keyboard.press("Space")
        assert page.locator(".look-head, .left").first.is_visible()
        assert not page.locator(".keep").count(), "no server, no files"
        assert page.troubles == []


def test_a_kept_text_that_was_written_shows_the_candidates_of_each_word(visit, files):
    with visit(files["written"].as_uri(), ready=".attention-maps .type", offline=True) as page:
        before = page.locator(".chance").inner_text()
        page.locator(".target-chips .chip").nth(2).click()

        assert page.locator(".chance").inner_text() != before
        assert page.locator(".written-widget .bar").count() == 10
        chosen = page.locator(".attention-maps .own .chip.query").inner_text()
        assert chosen == page.locator(".target-chips .chip.query").inner_text()
        assert page.troubles == []
