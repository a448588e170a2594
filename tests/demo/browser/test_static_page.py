"""The page in the visitor's browser: what it answers, what it asks for, no host at last."""

from contextlib import ExitStack
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest

import build_space
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from hosting.static_check import serve_files
from hosting.static_kind import _NODE

MAPS = {"looks_at": "self", "layer": "2", "head": "2", "chosen": "5"}
LINK = {"text": "bad film at all, the story", "tab": "write", "max_tokens": "3", **MAPS}
"""To the encoder's own maps of a source, at a token that what is written of it has not."""


@pytest.fixture(scope="module")
def space(tmp_path_factory, tiny_folder, skip_for_want):
    if not (_NODE / "@huggingface/tokenizers").is_dir():
        skip_for_want("needs the packages of node: npm install --prefix export/node")
    folder = tmp_path_factory.mktemp("static") / "space"
    assert build_space.main([str(tiny_folder), "--out", str(folder), "--sdk", "static"]) == 0
    return folder


def test_a_text_is_read_in_the_browser_and_then_without_a_network(space, tiny_folder, browser):
    """Hostile text stays text, another host is never asked, and the numbers are the runner's."""
    model = EncoderModel(open_bundle(tiny_folder))
    text = "Not bad <img src=x onerror=alert(1)> ${alert(1)} at all"
    reading = model.read(text)
    troubles: list[str] = []
    page = browser.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(error.stack))
    page.on("dialog", lambda dialog: (troubles.append("dialog"), dialog.dismiss()))
    with ExitStack() as serving:
        url = serving.enter_context(serve_files(space))
        safe = (url, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(safe) else troubles.append(r.url))
        page.goto(url)
        page.locator("#map_view .type").first.wait_for(state="attached")
        page.locator("#text_field").fill(text)
        page.locator("#text .submit-button").click()
        page.wait_for_function("(text) => document.body.dataset.read === text", arg=text)
        found = page.evaluate(
            "() => (({ weights, logits, ids }) => ({ weights: [...weights], logits, ids }))"
            '(document.querySelector("#map_view").reading)'
        )
        page.goto(f"{url}#{urlencode({**LINK, 'model': model.bundle.title})}")
        page.locator("body[data-written]").wait_for(state="attached")
        written = page.locator("#write_map_view").evaluate("block => block.onScreen.state")
        named = page.locator("#write_map_view .map-card h2").inner_text()
        offered = page.locator("#write_map_view .attentions input").count()
        page.evaluate("navigator.serviceWorker.ready")
    page.goto(f"{url}index.html")  # its other address, and nobody serves it any more
    page.locator("body[data-read]").wait_for(state="attached")

    assert found["ids"] == reading.encoded.ids
    np.testing.assert_allclose(found["logits"], reading.logits, atol=0.05)
    errors = np.abs(np.array(found["weights"]) - reading.weights.ravel())
    assert errors.max() < 0.05
    assert page.locator("#map_view .types .type").count()
    assert {name: str(written[name]) for name in MAPS} == MAPS
    assert (named, offered) == ("Encoder, layer 2, head 2", 3)
    page.close()
    assert troubles == []


def test_what_is_kept_is_told_and_used_without_a_network_until_there_is_a_newer_page(
    space, browser, copy_of_tiny, tmp_path
):
    page = browser.new_page()
    page.set_default_timeout(20_000)
    kept, notice = page.locator("#kept"), page.locator("#write_notice")
    with serve_files(space) as url:
        page.goto(url)
        kept.get_by_text("To write without one, open the Write tab once before.").wait_for()

    page.reload()  # nobody serves it any more
    page.locator("body[data-read]").wait_for(state="attached")
    said = page.locator("#status").inner_text()
    page.locator("#write_tab-button").click()
    notice.get_by_text("The decoder is not kept in this browser, and its host").wait_for()
    page.locator("#source_field").fill("bad film")
    page.locator("#write").click()
    page.locator("#decoder:empty").wait_for(state="attached")
    assert notice.locator(".error").count() == 1
    assert page.locator("#status").inner_text() == said

    with serve_files(space, urlsplit(url).port):
        page.locator("#write").click()  # asks again
        page.locator("body[data-written]").wait_for(state="attached")
        kept.get_by_text("It is kept here: a later visit needs no network.").wait_for()
        assert notice.locator(".error").count() == 0

    page.reload()
    page.locator("body[data-read]").wait_for(state="attached")
    page.locator("#write_tab-button").click()
    page.locator("#source_field").fill("bad film")
    page.locator("#write").click()
    page.locator("body[data-written]").wait_for(state="attached")

    other = [str(copy_of_tiny(title="A newer one")), "--out", str(tmp_path / "space")]
    assert build_space.main([*other, "--sdk", "static"]) == 0
    with serve_files(tmp_path / "space", urlsplit(url).port):
        page.reload()
        kept.get_by_text("A newer version of this page is here: load it again.").wait_for()
        page.reload()
        page.locator("#facts", has_text="A newer one").wait_for()
        assert len(page.evaluate("caches.keys()")) == 1
    page.close()


@pytest.fixture
def faulty(space, browser):
    """A page without a service worker, whose requests a test answers; and its address."""
    with serve_files(space) as url:
        page = browser.new_page()
        page.add_init_script("delete Navigator.prototype.serviceWorker")
        page.set_default_timeout(20_000)
        yield page, url
        page.close()


def missing(route):
    route.fulfill(status=404)


def busy(route):
    route.fulfill(body="<html>Busy</html>", content_type="text/html")


def test_a_script_or_a_list_that_does_not_come_is_told_by_its_name(faulty):
    page, url = faulty
    held = []
    page.route("**/page.json", lambda route: held.append(route))
    page.goto(url, wait_until="commit")
    page.get_by_text("The model is being opened.").wait_for()
    page.route("**/page.json", busy)  # whatever asks from now on
    for route in held:
        busy(route)
    page.locator("#status", has_text="page.json came with what is no JSON").wait_for()
    assert "(it begins “<html>Busy</html>”)" in page.locator("#status").inner_text()

    page.route("**/widgets.js", missing)
    page.goto(url, wait_until="commit")
    page.locator("#status", has_text=f"{url}widgets.js, or a script that it needs, ").wait_for()


def test_files_that_still_come_after_one_failed_tell_nothing_over_it(faulty):
    page, url = faulty
    held = []

    def come():
        with page.expect_response(held[-1].request.url) as coming:
            held[-1].continue_()
        coming.value.finished()
        page.wait_for_timeout(200)

    page.route("**/tiny_bundle/tokenizer.json", missing)
    page.route("**/*.wasm", lambda route: held.append(route))
    page.goto(url)
    status = page.locator("#status")
    status.get_by_text("cannot be had: the server says 404").wait_for()
    come()
    assert "cannot be had: the server says 404" in status.inner_text()

    page.unroute("**/*.wasm")
    page.unroute("**/tiny_bundle/tokenizer.json")
    page.route("**/decoder/tokenizer.json", missing)
    page.route("**/onnx/decoder_*", lambda route: held.append(route))
    page.reload()
    page.locator("body[data-read]").wait_for(state="attached")
    page.locator("#write_tab-button").click()
    page.locator("#write_notice .error", has_text="the server says 404").wait_for()
    come()
    assert page.locator("#decoder").inner_text() == ""
