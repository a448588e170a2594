"""Links of the two pages are one: what one of them writes, the other reads, or refuses as well."""

import json
from dataclasses import asdict

import pytest

from explorer.errors import RequestError
from explorer.ui import reading_tab, write_tab
from explorer.ui.checks import COUNTS, LANGUAGES, NUMBERS
from explorer.ui.models import PageModels
from explorer.ui.sharing.link import MOST_CHARACTERS, read_link
from explorer.writing.settings import Settings

VIEWS = {"classify": reading_tab.VIEWS, "write": write_tab.VIEWS}
GOOD = [
    "text=a+b&text_pair=%E5%A5%BD%20%26%20<b>&view=mattered&without=2.1-1.2-1.2&place=3",
    "text=a&layer=2&head=mean&words=false&special_tokens=true&by_norms=true&log_scale=false",
    "text=a&tab=classify&looks_at=self&direction=to&chosen=12&layer=max&head=max&without=",
    "text=100%25+50%&text_pair=%00&place=0",
    "text=%F0%9F%98%8D&tab=write&view=source&looks_at=written&by_norms=false&direction=from",
    "text=a&tab=write&strategy=sample&temperature=0.55&seed=2147483647&top_k=0&top_p=1",
    "text=a&tab=write&strategy=beam&beams=6&max_tokens=5&repetition_penalty=1.20&no_repeat_ngram=2",
    "text=a&tab=write&looks_at=source&by_norms=true&max_tokens=12.0&place=7&without=1.1",
    "text=a&tab=write&looks_at=self&by_norms=true&layer=2&head=2",
]
BAD = [
    "x", "&", "text=a&", "text=%ff", "text=a&text=b", "colour=red", "__proto__=a",
    "text=" + "a" * MOST_CHARACTERS, "text=%00", "text=%20&text_pair=a", "", "text_pair=a",
    "text=a&tab=evil", "text=a&view=source", "text=a&layer=3", "text=a&layer=0", "text=a&layer=01x",
    "text=a&layer=999999999999", "text=a&head=__class__", "text=a&head=1.0", "text=a&words=maybe",
    "text=a&looks_at=source", "text=a&tab=write&looks_at=me", "text=a&direction=up",
    "text=a&chosen=1.5", "text=a&place=x", "text=a&place=", "text=a&without=1.2.3",
    "text=a&without=9.9", "text=a&without=-", "text=a&without=1", "text=a&beams=3",
    "text=a&tab=write&beams=3.5", "text=a&tab=write&beams=7", "text=a&tab=write&top_p=nan",
    "text=a&tab=write&temperature=1e9", "text=a&tab=write&temperature=-1", "text=a&tab=write&seed=",
    "text=a&tab=write&strategy=<img>", "text=a&tab=write&max_tokens=0", "text=a&tab=write&head=x",
    "text=a&tab=write&looks_at=written&by_norms=true",
    "text=a&without=" + "-".join(["1.1"] * 5),
]  # fmt: skip
MODEL = "&model=Tiny+random+model"


@pytest.fixture(scope="module")
def said(ask_page, tiny_folder):
    """What the page in the browser says of each, by the link."""
    bundle = json.loads((tiny_folder / "bundle.json").read_text("utf-8"))
    asked = {"ask": "link", "bundle": {**bundle, "map_layers": [0, 1]}, "canAblate": True}
    links = [*(link + MODEL for link in GOOD), *(link + MODEL for link in BAD)]
    links += ["text=a", "text=a&model=Another", "text=a&model="]
    bounds, *found = ask_page({"ask": "bounds"}, *({**asked, "fragment": one} for one in links))
    return {"bounds": bounds, **dict(zip(links, found, strict=True))}


@pytest.fixture(scope="module")
def models(model):
    return PageModels([model])


@pytest.mark.parametrize("fragment", GOOD)
def test_a_link_is_read_alike_by_both_pages(said, models, fragment):
    link = read_link(fragment + MODEL, models, VIEWS)._asdict()

    del link["title"]
    assert said[fragment + MODEL] == link


def test_a_link_that_is_refused_by_one_page_is_refused_by_the_other(said, models):
    refused = [link for link, one in said.items() if "error" in one]

    assert refused == [*(link + MODEL for link in BAD), *list(said)[-3:]]
    for link in refused:
        with pytest.raises(RequestError):
            read_link(link, models, VIEWS)
        assert len(said[link]["error"]) < 400


def test_settings_and_parts_have_the_same_names_and_bounds(said):
    first = asdict(Settings())
    for name in ("chat", *LANGUAGES):  # nothing goes on from a prompt there, or translates
        del first[name]
    views = {tab: [one for one in parts if one != "prompt"] for tab, parts in VIEWS.items()}
    assert said["bounds"] == {
        "bounds": {name: list(bounds) for name, bounds in {**NUMBERS, **COUNTS}.items()},
        "first": first,
        "views": views,
    }
