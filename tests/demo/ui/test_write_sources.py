"""What there is to write from, and how a sentence is corrupted again and again."""

import json

import pytest

from app import DEFAULT_BUNDLE
from explorer.analyses.noise import Repair, corruptions_between
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.ui import payloads, wording
from explorer.ui.sources.offered import (
    Source,
    corrupt_again,
    is_known_clean,
    offered_sources,
    source_of,
)

CLEAN = "the story is bright and the music never dull"


def test_a_restorer_offers_the_bundles_examples_corrupted(model, bundle):
    sources = offered_sources(model)

    assert [source.clean for source in sources] == [one.text for one in bundle.examples]
    assert all(source.text != source.clean for source in sources)


def test_examples_of_the_decoder_are_offered_as_they_are(copy_of_tiny, bundle):
    given = [{"text": "the flim is [MASK]"}, {"text": "a  film"}]
    decoder = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["decoder"]

    own = EncoderModel(open_bundle(copy_of_tiny(decoder={**decoder, "examples": given})))
    other = EncoderModel(open_bundle(copy_of_tiny(decoder={**decoder, "task": "pairs"})))

    assert [source.text for source in offered_sources(own)] == [
        "the flim is [MASK]", "a  film",
    ]  # fmt: skip
    assert [s.text for s in offered_sources(other)] == [e.text for e in bundle.examples]


def test_a_model_that_does_not_write_offers_nothing(copy_of_tiny):
    assert offered_sources(EncoderModel(open_bundle(copy_of_tiny(tasks=["classify"])))) == []


def test_the_same_sentence_is_corrupted_in_another_way_each_time(model):
    found = [corrupt_again(CLEAN, None, model)]
    for _ in range(5):
        found.append(corrupt_again(found[-1].text, found[-1]._asdict(), model))

    assert {source.clean for source in found} == {CLEAN}
    assert [source.times for source in found] == list(range(6))
    assert len({source.text for source in found}) > 3


def test_another_text_is_corrupted_itself(model):
    old = corrupt_again(CLEAN, None, model)

    new = corrupt_again("a dull film was great", old._asdict(), model)

    assert new.clean == "a dull film was great"


@pytest.mark.parametrize(
    "changes",
    [
        {"clean": 3}, {"clean": "a" * 20_000}, {"clean": "half \ud83d"}, {"clean": "another"},
        {"times": 10**100}, {"times": -1}, {"times": None}, {"times": 1}, {"text": "another"},
    ],
)  # fmt: skip
def test_only_what_was_corrupted_here_counts_as_corrupted(model, changes):
    known = corrupt_again(CLEAN, None, model)

    assert source_of(known.text, known._asdict(), model) == known
    assert source_of(known.text, {**known._asdict(), **changes}, model) is None
    assert source_of(known.text, [known], model) is None


@pytest.mark.parametrize("remembered", ["x", [1], {}, {"text": "other", "clean": 3}])
def test_a_forged_memory_of_another_text_is_not_used(model, remembered):
    assert corrupt_again(CLEAN, remembered, model) == corrupt_again(CLEAN, None, model)


@pytest.mark.parametrize("times", [None, -1, 10**100, "7", [7], float("nan")])
def test_forged_times_begin_anew(model, times):
    remembered = {"text": CLEAN, "clean": CLEAN, "times": times}

    assert corrupt_again(CLEAN, remembered, model).times == 0


@pytest.mark.parametrize(
    ("clean", "message"),
    [
        (3, "type int"),
        ("a" * 20_000, "20,000 characters"),
        ("half \ud83d", "half of a character"),
        ("", "no text yet"),
    ],
)
def test_a_forged_clean_sentence_gets_a_sentence(model, clean, message):
    with pytest.raises(RequestError, match=message):
        corrupt_again(CLEAN, Source(CLEAN, clean)._asdict(), model)


NOISY, OWN = "Not bda at all, story the great!", "Not bad at all, the story is great!"


@pytest.fixture(scope="module")
def restorer(copy_of_tiny, bundle):
    """A bundle that says of one corrupted source what it was before, and of the other not."""
    decoder = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["decoder"]
    given = [{"text": NOISY, "clean": OWN}, {"text": "the flim is [MASK]"}]
    return EncoderModel(open_bundle(copy_of_tiny(decoder={**decoder, "examples": given})))


def test_an_offered_source_knows_the_clean_sentence_that_the_bundle_gives(restorer):
    first, second = offered_sources(restorer)

    assert first == Source(NOISY, OWN, None)
    assert second == Source("the flim is [MASK]", "the flim is [MASK]")
    assert source_of(NOISY, None, restorer) == first
    assert source_of(second.text, second._asdict(), restorer) is None
    marked = payloads.mark(first, restorer)
    assert "before it was corrupted" in marked["sentence"]
    kinds = [(piece["text"], piece.get("kind")) for piece in marked["pieces"]]
    assert [one for one in kinds if one[1]] == [
        ("bad", "mistyped"), ("the story", "swapped"), ("is", "dropped"),
    ]  # fmt: skip
    assert "".join(text for text, _ in kinds) == OWN
    assert payloads.mark(second, restorer) == {}


@pytest.mark.parametrize("remembered", [None, Source(NOISY, OWN, None)._asdict()])
def test_what_is_corrupted_already_is_not_corrupted_as_if_it_were_clean(restorer, remembered):
    again = corrupt_again(NOISY, remembered, restorer)

    assert again == corrupt_again(OWN, None, restorer)
    assert again.text not in (NOISY, OWN)
    assert is_known_clean(again.clean, restorer)
    assert "before it was corrupted" in payloads.mark(again, restorer)["sentence"]


def test_of_a_readers_own_text_nothing_is_said_but_what_was_done_to_it_here(restorer):
    source = corrupt_again("the flim is bright and never dull", None, restorer)
    found = Repair((True, False), 3, 5, 1)

    assert not is_known_clean(source.clean, restorer)
    assert "as it stood" in payloads.mark(source, restorer)["sentence"]
    assert wording.graded(found, known_clean=False) == "1 of 2 places corrupted here restored."


def test_the_packaged_examples_are_told_apart_word_by_word():
    """Each has two slips at most, and its clean sentence says which."""
    manifest = DEFAULT_BUNDLE / "bundle.json"
    examples = json.loads(manifest.read_text("utf-8"))["decoder"]["examples"]
    kinds = [
        [one.kind for one in corruptions_between(each["clean"], each["text"], "[MASK]")]
        for each in examples
    ]

    assert kinds == [
        ["swapped"], ["masked", "mistyped"], ["mistyped"], ["mistyped", "masked"], ["dropped"],
        ["mistyped", "mistyped"],
    ]  # fmt: skip
