"""The load that the benchmark puts on a page: every answer is held against the one given alone."""

import re
from urllib.error import HTTPError

import pytest

import benchmark
from explorer.measuring import served
from explorer.measuring.served import Asked, Waits, beside_analyses, crowd, mixed, short_requests


class FakePage:
    """A page that is busy at every third call, and answers with what it is given."""

    def __init__(self):
        self.calls = []

    def endpoints(self):
        return ["/classify", "/occlusion", "/pairs"]

    def data(self, endpoint, text, text_pair=""):
        return [text]

    def call(self, endpoint, data):
        self.calls.append((endpoint, *data))
        if len(self.calls) % 3 == 0:
            raise HTTPError("", 503, "busy", {}, None)
        return data


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(served.time, "sleep", lambda _: None)
    return FakePage()


REQUESTS = [Asked("/classify", ["one"], ["one"]), Asked("/occlusion", ["two"], ["another"])]


def test_a_crowd_asks_again_when_busy_and_wrong_answers_are_counted(page, monkeypatch):
    monkeypatch.setattr(served, "READERS", 4)

    waits = crowd(page, REQUESTS)

    assert (len(waits.seconds), waits.wrong) == (6, 6)
    assert len(page.calls) == 12 + 5  # of 17 calls every third was one too many


def test_mixed_traffic_ends_by_itself(page, monkeypatch):
    monkeypatch.setattr(served, "MIXED_SECONDS", 0.05)

    waits = mixed(page, REQUESTS[:1], seed=0)

    assert waits.seconds
    assert waits.wrong == 0


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
    told = Waits([float(one) for one in range(1, 102)], 2).describe()

    assert told == "101 of 103 right, p50 51.00 s, p95 96.00 s, at most 101.00 s"
    assert Waits([], 3).describe() == "0 of 3 right"


@pytest.mark.slow
@pytest.mark.skipif(not served.can_measure(), reason="only Linux tells it")
def test_a_served_page_answers_a_crowd_as_it_answers_one(
    tiny_folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(served, "READERS", 5)
    monkeypatch.setattr(served, "MIXED_SECONDS", 1.0)
    texts = tmp_path / "texts.jsonl"
    texts.write_text(
        '{"text": "not bad at all, the story is great"}\n{"text": "a film"}\n', "utf-8"
    )

    arguments = ["--bundle", str(tiny_folder), "--texts", str(texts), "--only", "load"]
    assert benchmark.main(arguments) == 0

    shown = capsys.readouterr().out
    assert "5 readers, 3 requests each: 15 of 15 right, p50 " in shown
    assert re.search(r"/classify beside three analyses at 32 tokens: (\d+) of \1 right", shown)
    assert re.search(r"24 readers for 1 s: (\d+) of \1 right", shown)
