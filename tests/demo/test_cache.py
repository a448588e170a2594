"""Readings are kept within a bound of memory, the longest unused dropped first."""

import pytest

from explorer.cache import ReadingCache


class CountingRunner:
    """A runner that counts how often it runs."""

    def __init__(self, runner):
        self.bundle = runner.bundle
        self._runner = runner
        self.texts = []

    def reading_bytes(self, text, text_pair=""):
        return self._runner.reading_bytes(text, text_pair)

    def read(self, text, text_pair="", without=()):
        self.texts.append(text)
        return self._runner.read(text, text_pair, without)


@pytest.fixture
def counting(runner):
    return CountingRunner(runner)


def test_the_same_text_is_run_once(counting):
    cache = ReadingCache()

    first = cache.read(counting, "a film")

    assert cache.read(counting, "a film") is first
    assert cache.read(counting, "a film", "good") is not first
    assert counting.texts == ["a film", "a film"]


def test_the_longest_unused_is_dropped_when_memory_is_full(counting):
    one = counting.read("one film").bytes
    counting.texts.clear()
    cache = ReadingCache(max_bytes=2 * one)

    for text in ("one film", "not film", "one film", "the film", "one film", "not film"):
        cache.read(counting, text)

    # "not" was the longest unused when "the" came.
    assert counting.texts[:2] == ["one film", "not film"]
    assert counting.texts.count("one film") == 1
    assert counting.texts[-1] == "not film"


def test_a_reading_larger_than_the_bound_is_given_but_not_kept(counting):
    cache = ReadingCache(max_bytes=10)

    assert cache.read(counting, "a film").tokens
    cache.read(counting, "a film")

    assert counting.texts == ["a film", "a film"]


def test_room_is_made_before_a_long_text_is_read(counting, runner, monkeypatch):
    cache = ReadingCache(max_bytes=int(1.5 * runner.read("one film").bytes))
    cache.read(counting, "one film")
    kept = []
    monkeypatch.setattr(
        counting, "read", lambda *text: kept.append(cache._bytes) or runner.read(*text)
    )

    cache.read(counting, "one good film, not a bad one")

    assert kept == [0]
