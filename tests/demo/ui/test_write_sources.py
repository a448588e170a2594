"""What there is to write from, and how a sentence is corrupted again and again."""

import json

import pytest

from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.ui.models import Source, corrupt_again, offered_sources, source_of

CLEAN = "the story is bright and the music never dull"


def test_a_restorer_offers_the_bundles_examples_corrupted(bundle):
    sources = offered_sources(bundle, "[MASK]")

    assert [source.clean for source in sources] == [one.text for one in bundle.examples]
    assert all(source.text != source.clean for source in sources)


def test_examples_of_the_decoder_are_offered_as_they_are(copy_of_tiny, bundle):
    given = [{"text": "the flim is [MASK]"}, {"text": "a  film"}]
    decoder = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["decoder"]

    own = open_bundle(copy_of_tiny(decoder={**decoder, "examples": given}))
    other = open_bundle(copy_of_tiny(decoder={**decoder, "task": "pairs"}))

    assert [source.text for source in offered_sources(own, "[MASK]")] == [
        "the flim is [MASK]", "a  film",
    ]  # fmt: skip
    assert [s.text for s in offered_sources(other, "[MASK]")] == [e.text for e in bundle.examples]


def test_a_model_that_does_not_write_offers_nothing(copy_of_tiny):
    assert offered_sources(open_bundle(copy_of_tiny(tasks=["classify"])), "[MASK]") == []


def test_the_same_sentence_is_corrupted_in_another_way_each_time():
    found = [corrupt_again(CLEAN, None, "[MASK]")]
    for _ in range(5):
        found.append(corrupt_again(found[-1].text, found[-1]._asdict(), "[MASK]"))

    assert {source.clean for source in found} == {CLEAN}
    assert [source.times for source in found] == list(range(6))
    assert len({source.text for source in found}) > 3


def test_another_text_is_corrupted_itself():
    old = corrupt_again(CLEAN, None, "[MASK]")

    new = corrupt_again("a dull film was great", old._asdict(), "[MASK]")

    assert new.clean == "a dull film was great"


@pytest.mark.parametrize(
    "changes",
    [
        {"clean": 3}, {"clean": "a" * 20_000}, {"clean": "half \ud83d"}, {"clean": "another"},
        {"times": 10**100}, {"times": -1}, {"times": None}, {"times": 1}, {"text": "another"},
    ],
)  # fmt: skip
def test_only_what_was_corrupted_here_counts_as_corrupted(changes):
    known = corrupt_again(CLEAN, None, "[MASK]")

    assert source_of(known.text, known._asdict(), "[MASK]") == known
    assert source_of(known.text, {**known._asdict(), **changes}, "[MASK]") is None
    assert source_of(known.text, [known], "[MASK]") is None


@pytest.mark.parametrize("remembered", ["x", [1], {}, {"text": "other", "clean": 3}])
def test_a_forged_memory_of_another_text_is_not_used(remembered):
    assert corrupt_again(CLEAN, remembered, "[MASK]") == corrupt_again(CLEAN, None, "[MASK]")


@pytest.mark.parametrize("times", [None, -1, 10**100, "7", [7], float("nan")])
def test_forged_times_begin_anew(times):
    remembered = {"text": CLEAN, "clean": CLEAN, "times": times}

    assert corrupt_again(CLEAN, remembered, "[MASK]").times == 0


@pytest.mark.parametrize(
    ("clean", "message"),
    [
        (3, "type int"),
        ("a" * 20_000, "20,000 characters"),
        ("half \ud83d", "half of a character"),
        ("", "no text yet"),
    ],
)
def test_a_forged_clean_sentence_gets_a_sentence(clean, message):
    with pytest.raises(RequestError, match=message):
        corrupt_again(CLEAN, Source(CLEAN, clean)._asdict(), "[MASK]")
