"""A stranger's bundle on a page: what it calls things is text, and fetches nothing."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from explorer.bundle import open_bundle


@pytest.fixture(scope="module")
def listener():
    """A server that somebody else has: its address, and the paths that were asked of it."""
    asked = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listening)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def as_html(address, name):
    return f"<img src={address}/{name}>"


def as_markdown(address, name):
    return f"![i]({address}/{name})"


@pytest.fixture(scope="module")
def strange(copy_of_tiny, relist, listener):
    """The tiny bundle with names that would fetch an image as Markdown or as HTML."""
    address, _ = listener
    both = [
        as_html(address, name) + as_markdown(address, name)
        for name in ("title", "licence", "label", "example", "source")
    ]
    title, licence, label, example, source = both
    tiny = json.loads((copy_of_tiny() / "bundle.json").read_text("utf-8"))
    folder = copy_of_tiny(
        title=title,
        licence=licence,
        labels=[label, f"{label}2", f"{label}3"],
        examples=[{"text": f"not bad {example}"}],
        decoder={**tiny["decoder"], "examples": [{"text": f"the film {source}"}]},
    )
    names = {"[CLS]": as_markdown(address, "cls"), "[SEP]": as_html(address, "sep")}
    for part in ("", "decoder"):
        file = folder / part / "tokenizer.json"
        content = file.read_text("utf-8")
        for old, new in names.items():
            content = content.replace(json.dumps(old), json.dumps(new))
        file.write_text(content, encoding="utf-8")
    relist(folder)
    return open_bundle(folder)


def test_no_name_in_it_fetches_anything_wherever_it_is_shown(
    open_page, serve, bundle, strange, listener
):
    address, asked = listener
    with serve([bundle, strange]) as url, open_page(url) as page:
        page.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name=strange.title).click()
        page.locator("#facts strong", has_text=strange.title).wait_for()
        page.locator("#map_view .type").first.wait_for()
        assert strange.licence in page.locator("#about").inner_text()
        page.locator("#examples .example").first.click()
        page.get_by_label("Show special tokens").first.click()
        page.locator("#map_view .notes", has_text="are hidden").wait_for()
        said = page.locator("#map_view .notes").inner_text()
        assert f"{as_markdown(address, 'cls')} and {as_html(address, 'sep')} are hidden" in said

        page.get_by_role("tab", name="Words").click()
        page.locator("#occlusion_start").click()
        page.locator("#occlusion_result .chip").first.wait_for()
        page.get_by_role("tab", name="Write").click()
        page.locator("#written .done:not(.busy)").wait_for()
        page.route("**/queue/join*", lambda route: route.continue_(post_data=_forged(route)))
        page.locator("#corrupt").click()
        toast = page.locator(".toast-body").inner_text()

        assert f"There is no bundle '{as_html(address, 'sent')}" in toast
        assert strange.title in toast
        page.wait_for_timeout(300)  # for what would be fetched
        assert page.locator(f"img[src^='{address}']").count() == 0
    assert asked == []


def _forged(route):
    """What the page sends, as if its sender had named a model that would be an image."""
    sent = route.request.post_data_json
    port = sent["data"][0].split("127.0.0.1:")[1].split("/")[0]
    sent["data"][0] = as_html(f"http://127.0.0.1:{port}", "sent")
    return json.dumps(sent)
