"""Files in the browser, under node: a map's have the numbers and names of Python's; the page's own
are kept by page."""

import base64
import csv
import io
from hashlib import sha256
from xml.etree import ElementTree

import numpy as np
import pytest

from explorer.drawing import arrays_of, kept_map
from explorer.maps.view import attention_map

TEXT = "Not bad at all, the -story, is <great>!"
STATES = [
    {"layer": 2, "head": 1, "words": True, "special_tokens": True, "by_norms": False},
    {"layer": 1, "head": 2, "words": False, "special_tokens": False, "by_norms": True},
    {"layer": "mean", "head": "max", "words": True, "special_tokens": False, "by_norms": False},
]
ALL = {"looks_at": "self", "log_scale": False, "direction": "from", "chosen": None}


@pytest.fixture(scope="module")
def files(ask_page):
    """The files of each state, by their kinds."""
    kinds = ["csv", "npz", "svg"]
    asked = (
        {"ask": "files", "text": TEXT, "state": {**ALL, **one}, "kinds": kinds} for one in STATES
    )
    return [dict(zip(kinds, found, strict=True)) for found in ask_page(*asked)]


def counted(choice):
    return choice - 1 if isinstance(choice, int) else choice


@pytest.mark.parametrize("at", range(len(STATES)))
def test_a_file_has_the_numbers_and_names_of_python_s(files, float_model, at):
    state = {**STATES[at]}
    layer, head = (counted(state.pop(name)) for name in ("layer", "head"))
    view = attention_map(float_model.read(TEXT), layer, head, **state)
    content = {kind: base64.b64decode(file["content"]) for kind, file in files[at].items()}

    wanted = kept_map(view, "csv")
    assert (files[at]["csv"]["name"], files[at]["csv"]["type"]) == (wanted["name"], wanted["type"])
    said, own = (
        list(csv.reader(io.StringIO(one.decode("utf-8-sig"), newline="")))
        for one in (content["csv"], base64.b64decode(wanted["content"]))
    )
    assert said[0] == own[0]
    assert [row[0] for row in said] == [row[0] for row in own]
    numbers = [np.array([row[1:] for row in one[1:]], float) for one in (said, own)]
    np.testing.assert_allclose(*numbers, atol=1e-5)
    with np.load(io.BytesIO(content["npz"])) as arrays:
        for name, value in arrays_of(view).items():
            assert arrays[name].shape == np.shape(value)
            assert arrays[name].dtype.kind == np.asarray(value).dtype.kind
            if arrays[name].dtype.kind == "f":
                np.testing.assert_allclose(arrays[name], value, atol=1e-5)
            else:
                assert arrays[name].tolist() == np.asarray(value).tolist()
    drawn = ElementTree.fromstring(content["svg"])
    assert len(drawn.findall(".//{*}g/{*}rect")) == view.weights.size
    assert view.name in "".join(drawn.itertext())


def test_two_pages_of_one_host_leave_each_other_s_files(ask_page, demo_folder):
    """Of older versions of its own nothing stays; nothing is kept of a host that gives another
    page.json than its own: a newer one, or a page that tells of trouble."""
    base = "http://host.test/a/"
    own = {"script": str(demo_folder / "static/sw.js"), "address": f"{base}sw.js?2", "base": base}
    others = ["/ 1", "/a/b/ 1", "/b/ 1", "of another program"]

    asked = {"ask": "caches", **own, "version": "2", "kept": [*others, "/a/ 1", "/a/ 2"]}

    found, *wrong = ask_page(
        *({**asked, "listed": one} for one in ('{"version": "2"}', '{"version": "3"}', "<html>"))
    )

    assert found == {"installed": True, "stay": [*others, "/a/ 2"], "opened": "/a/ 2"}
    assert [one["installed"] for one in wrong] == [False, False]


@pytest.mark.parametrize("full", [False, True])
def test_a_file_comes_once_and_without_a_network_what_is_kept_of_it(ask_page, full):
    contents = {"read": "abc", "decoder": "defg"}
    sums = {name: sha256(text.encode()).hexdigest() for name, text in contents.items()}
    steps = [[True, ["read", "read"]], [False, ["read", "decoder"]]]

    (said,) = ask_page(
        {"ask": "store", "sums": sums, "contents": contents, "full": full, "answers": steps}
    )

    first, (again, missing) = said["found"]
    assert first == ["abc", "abc"]
    assert missing[0] is True
    assert "decoder is not kept in this browser, and its host does not answer." in missing[1]
    assert again == "abc" if not full else again[0] is True
    assert said["asked"] == ["read"]
    assert said["kept"] is not full
    assert said["each"] == [not full, False]


def test_of_what_is_kept_no_more_is_told_than_is_so(ask_page):
    """Whoever only writes has the one tab open: its decoder is on its way, or here."""
    nothing, reads, all_ = (
        {"reads": reads, "writes": writes, "newer": False}
        for reads, writes in ((False, False), (True, False), (True, True))
    )
    given = [nothing, reads, all_, {**all_, "newer": True}]

    both, only_reads, only_writes = ask_page(
        *(
            {"ask": "kept", "tasks": tasks, "given": given}
            for tasks in (["classify", "generate"], ["classify"], ["generate"])
        )
    )

    needs, no_network = both[0], both[2]
    assert needs == "It is not kept in this browser: each visit needs a network."
    assert no_network == "It is kept here: a later visit needs no network."
    assert both[1].endswith("To write without one, open the Write tab once before.")
    assert only_reads == [needs, no_network, no_network, both[3]]
    assert only_writes == [needs, "", no_network, both[3]]
