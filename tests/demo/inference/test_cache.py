"""Readings are kept within a bound of memory, the longest unused dropped first."""

import pytest

from explorer.inference.reading_cache import ReadingCache
from explorer.ui import models
from explorer.ui.models import PageModels


class CountingModel:
    """A model that counts how often it runs."""

    def __init__(self, model):
        self.bundle = model.bundle
        self._model = model
        self.texts = []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def read_encoded(self, encoded, ablated=()):
        self.texts.append(encoded.text)
        return self._model.read_encoded(encoded, ablated)


@pytest.fixture
def counting(model):
    return CountingModel(model)


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


def test_a_reading_larger_than_the_bound_is_not_kept_and_nothing_goes_for_its_sake(counting):
    cache = ReadingCache(max_bytes=counting.read("film").bytes)
    counting.texts.clear()

    cache.read(counting, "film")
    assert cache.read(counting, "a film").tokens
    cache.read(counting, "a film")
    cache.read(counting, "film")

    assert counting.texts == ["film", "a film", "a film"]


def test_a_page_keeps_the_longest_text_that_its_models_read(model, monkeypatch):
    monkeypatch.setattr(models, "LEAST_BYTES", 0)
    page, longest = PageModels([model]), "film " * 100

    read = page.read(model.bundle.title, longest, "")[1]

    assert page.read(model.bundle.title, longest, "")[1] is read
    assert model.reading_bytes(len(read.tokens)) == read.bytes


def test_room_is_made_before_a_long_text_is_read(counting, model, monkeypatch):
    longer = "one good film, not a bad one"
    cache = ReadingCache(max_bytes=model.read(longer).bytes)
    cache.read(counting, "one film")
    kept = []
    monkeypatch.setattr(
        counting,
        "read_encoded",
        lambda *given: kept.append(cache._bytes) or model.read_encoded(*given),
    )

    cache.read(counting, longer)

    assert kept == [0]
