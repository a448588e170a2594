"""A text as a page of its own: what stands in the file. How it works is tried in a browser."""

import base64
import json
import re
import zlib

import gradio as gr
import pytest

from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.ui import map_viewer
from explorer.ui.models import PageModels

TITLE = "Tiny random model"
ASKED = {
    "kind": "page", "layer": 2, "head": 1, "special_tokens": True, "words": True,
    "by_norms": False, "looks_at": "self", "log_scale": True, "direction": "to", "chosen": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def tab(model, page_of):
    return page_of(PageModels([model])).reading


def kept(tab, text="the film is good", without=(), **asked):
    shown = {"bundle": TITLE, "text": text, "text_pair": "", "without": list(without)}
    event = gr.EventData(None, {**ASKED, **asked})
    (file,) = tab.viewer.keep(event, shown).values()
    return file


def data_of(file):
    packed = re.search(r'class="packed-data">(.*)</script>', file["text"])[1]
    return json.loads(zlib.decompress(base64.b85decode(packed.replace(".", "<"))))


def test_the_same_text_makes_the_same_file(tab):
    file = kept(tab)

    assert file == kept(tab)
    assert re.fullmatch(r"attention-[0-9a-f]{1,8}\.html", file["name"])
    assert file["type"] == "text/html"


def test_it_has_the_state_that_is_on_screen_and_nothing_else_that_was_sent(tab):
    data = data_of(kept(tab, evil="<script>", without=[[1, 2]]))

    assert data["state"] == {name: value for name, value in ASKED.items() if name != "kind"}
    assert data["above"]["notice"]["lines"] == ["Read with these heads ablated: layer 1, head 2."]
    assert data["below"]["about"][-1] == "Random weights, made for tests: no rights reserved."


def test_what_a_reader_wrote_is_data_alone(tab, hostile):
    for text in hostile[:-1]:
        file = kept(tab, text)["text"]

        assert data_of({"text": file})["texts"] == [{"name": "Text", "text": text}]
        body = file.partition("<body")[2]
        assert body.count("<script") == body.count("</script") == 4
        assert "<!--" not in body
        assert "<img" not in body


def test_its_policy_lets_nothing_be_fetched(tab):
    head = kept(tab)["text"].partition("<body")[0]

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', head)[1]
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_of_a_long_text_it_has_what_fits(tab, monkeypatch):
    text = " ".join(["film"] * 40)
    monkeypatch.setattr(map_viewer, "MOST_TOKENS", 20)

    data = data_of(kept(tab, text))
    assert [next(iter(part.keys() - {"reading", "looks_at"})) for part in data["parts"]] == [
        "maps", "small", "maps",
    ]  # fmt: skip
    assert data["parts"][0]["maps"][0]["layer"] == 2
    assert "more than 20 tokens" in data["above"]["notice"]["lines"][-1]
    room = len(json.dumps(data["parts"][0])) + 10
    monkeypatch.setattr(map_viewer, "MESSAGE", room)
    assert len(data_of(kept(tab, text))["parts"]) == 1


def test_it_is_as_large_as_the_card_says(demo_folder, page_of):
    card = " ".join((demo_folder / "README.md").read_text("utf-8").split())
    said = re.search(
        r"network: (\S+) MB at (\d+) tokens, (\S+) MB at (\d+), (\S+) MB at (\d+)\.", card
    )
    model = EncoderModel(open_bundle(demo_folder / "bundles" / "reviews"))
    models = PageModels([model])
    tab = page_of(models).reading
    words = " ".join(example.text for example in model.bundle.examples).split()

    for size, count in zip(said.groups()[::2], said.groups()[1::2], strict=True):
        texts = (" ".join(words[:length]) for length in range(1, len(words)))
        text = next(one for one in texts if len(model.read(one).tokens) >= int(count))
        shown = {"bundle": model.bundle.title, "text": text, "text_pair": "", "without": []}
        (file,) = tab.viewer.keep(gr.EventData(None, ASKED), shown).values()
        assert len(file["text"].encode()) / 1e6 == pytest.approx(float(size), abs=0.006)
