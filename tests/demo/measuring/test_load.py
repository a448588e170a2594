"""The load that the benchmark puts on a page: every answer is held against the one given alone."""

import io
import json
import re
from urllib.error import HTTPError

import pytest

import benchmark
from explorer.measuring import load, served
from explorer.measuring.load import (
    Asked,
    Waits,
    afterwards,
    beside_analyses,
    crowd,
    mixed,
    short_requests,
)

BUSY = json.dumps({"detail": "The page is busy: 32 requests wait already."}).encode()


class FakePage:
    """A page that is busy at every third call, and answers with what it is given."""

    def __init__(self):
        self.calls, self.left, self.busy = [], 0, BUSY

    def endpoints(self):
        return ["/classify", "/occlusion", "/pairs"]

    def data(self, endpoint, text, text_pair=""):
        return [text]

    def call(self, endpoint, data):
        self.calls.append((endpoint, *data))
        if len(self.calls) % 3 == 0:
            raise HTTPError("", 503, "busy", {}, io.BytesIO(self.busy))
        return data

    def messages(self, endpoint, data):
        self.left += 1
        return io.BytesIO()


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(load.time, "sleep", lambda _: None)
    return FakePage()


REQUESTS = [Asked("/classify", ["one"], ["one"]), Asked("/occlusion", ["two"], ["another"])]


def test_a_crowd_asks_again_when_busy_and_wrong_answers_are_counted(page, monkeypatch):
    monkeypatch.setattr(load, "READERS", 4)

    waits = crowd(page, REQUESTS)

    assert (len(waits.seconds), waits.wrong, waits.busy) == (6, 6, 5)
    assert len(page.calls) == 12 + 5  # of 17 calls every third was one too many


def test_a_refusal_that_does_not_say_why_ends_it(page):
    page.busy = b'{"detail": null}'

    with pytest.raises((HTTPError, TypeError)):
        crowd(page, REQUESTS)


def test_mixed_traffic_ends_by_itself_and_some_leave(page):
    waits = mixed(page, REQUESTS[:1], ("long", ""), 0.05, seed=0)

    assert waits.seconds
    assert waits.wrong == 0
    assert waits.left == page.left > 0


def test_afterwards_nobody_is_refused(page):
    assert afterwards(page, REQUESTS)[1:] == (1, 0, 0)
    with pytest.raises(HTTPError):
        afterwards(page, REQUESTS)


def test_a_simple_reading_is_asked_for_until_the_analyses_end(page):
    page.call = lambda endpoint, data: data

    waits = beside_analyses(page, REQUESTS[0], ("long", ""))

    assert waits.wrong == 0


def test_short_requests_are_the_beginnings_of_different_texts():
    page = FakePage()
    page.call = lambda endpoint, data: [endpoint, *data]
    texts = [("a b c d e f g h i j", ""), ("a b c d e f g h and more", ""), ("", ""), ("k", "")]

    assert short_requests(page, texts) == [
        Asked(name, [text], [name, text])
        for text in ("a b c d e f g h", "k")
        for name in ("/classify", "/occlusion")
    ]


def test_waits_are_told_by_their_middle_and_their_end():
    told = Waits([float(one) for one in range(1, 102)], 2, busy=5, left=7).describe()

    assert told == (
        "101 of 103 right, p50 51.00 s, p95 96.00 s, at most 101.00 s; "
        "5 times told that the page is busy; 7 left in the middle"
    )
    assert Waits([], 3).describe() == "0 of 3 right"


TEXTS = "not bad at all, the story is great", "a film", "the music was dull but the film is good"


@pytest.mark.skipif(not served.can_measure(), reason="only Linux tells it")
@pytest.mark.parametrize(
    "seconds",
    [pytest.param(120, marks=pytest.mark.load), pytest.param(1200, marks=pytest.mark.slow)],
)
def test_a_served_page_answers_a_crowd_as_it_answers_one_and_its_memory_is_flat(
    demo_folder, tmp_path, capsys, seconds
):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("\n".join(json.dumps({"text": one}) for one in TEXTS), "utf-8")

    arguments = ["--texts", str(texts), "--only", "load", "--seconds", str(seconds)]
    assert benchmark.main(arguments) == 0

    shown = capsys.readouterr().out
    assert f"{load.READERS} readers, 3 requests each: 300 of 300 right, p50 " in shown
    assert re.search(r"/classify beside three analyses at \d+ tokens: (\d+) of \1 right", shown)
    traffic = re.search(rf"24 readers for {seconds} s: (\d+) of \1 right.* (\d+) left in", shown)
    assert int(traffic[2]) > 64  # more than there are places in a line, many times
    assert re.search(r"afterwards, alone: (\d+) of \1 right", shown)
    held, peaks = zip(*re.findall(r"; (\d+) MB then, (\d+) MB at the peak", shown), strict=True)
    few, _, warm, late, rest = map(int, held)
    assert late - warm < 60
    assert rest - few < 60
    assert int(peaks[-1]) < 600
