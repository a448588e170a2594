"""Two readings side by side, against loops over words and pieces; and the text with one word less
that Compare begins with, in any language and spelling."""

import numpy as np
import pytest

from explorer.analyses import compare as changed_word
from explorer.analyses.compare import (
    compare,
    most_moved,
    shared_maps,
    shared_words,
    without_most_seen,
)
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.tokenizing import SourceTokens
from explorer.inference.tokens import group_words, own_words
from explorer.ui.models import PageModels
from explorer.ui.panel import Asked
from explorer.ui.panels.compare import COMPARE, drawn

FIRST, SECOND = "unbelievable music was good", "The Music was not good at all"


@pytest.fixture(scope="module")
def models(model, tiny_folder):
    return PageModels([model])


@pytest.fixture(scope="module")
def readings(model):
    return model.read(FIRST), model.read(SECOND)


def test_the_words_in_common_keep_their_order(readings):
    words = [group_words(reading.tokens) for reading in readings]

    pairs = shared_words(*words)

    texts = [(words[0][i].text, words[1][j].text) for i, j in pairs]
    named = ["[CLS]", "music", "was", "good", "[SEP]"]
    assert texts == [(text, text.replace("music", "Music")) for text in named]


def test_a_heads_move_is_the_distance_between_its_rows(readings):
    found = compare(*readings)
    words = (found.first, found.second)

    for layer, head in np.ndindex(found.moved.shape):
        distances = []
        for pair in found.shared:
            rows = []
            for side in (0, 1):
                weights = readings[side].weights[layer, head].astype(np.float64)
                pieces = words[side][pair[side]].places
                row = [
                    np.mean(
                        [
                            sum(weights[i, j] for j in words[side][other[side]].places)
                            for i in pieces
                        ]
                    )
                    for other in found.shared
                ]
                rows.append([*row, 1 - sum(row)])
            distances.append(0.5 * np.abs(np.subtract(*rows)).sum())
        assert found.moved[layer, head] == pytest.approx(np.mean(distances), abs=1e-5)
    best = most_moved(found.moved, 2)
    assert found.moved[best[0]] == found.moved.max()
    assert found.moved[best[0]] >= found.moved[best[1]]


def test_the_maps_on_the_shared_words_still_sum_to_one(readings):
    found = compare(*readings)
    weights = tuple(reading.weights for reading in readings)

    maps = shared_maps(weights, (found.first, found.second), found.shared)

    count = len(found.shared)
    assert maps.shape == (2, *readings[0].weights.shape[:2], count, count + 1)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)


def test_a_text_beside_itself_does_not_move(readings):
    found = compare(readings[0], readings[0])

    assert found.moved.max() == 0
    assert len(found.shared) == len(found.first)


def test_another_precision_of_the_same_model_moves_a_little(model, readings, tiny_folder):
    float32 = EncoderModel(open_bundle(tiny_folder, "float32"))

    found = compare(readings[0], float32.read(FIRST))

    assert 0 < found.moved.max() < 0.1


def test_models_with_other_heads_are_compared_by_their_answers_alone(model, readings):
    fewer = model.run([model.encode(FIRST)])[0]
    object.__setattr__(fewer, "weights", fewer.weights[:1])

    assert compare(readings[0], fewer).moved is None


def test_the_panel_gives_both_answers_and_the_maps_of_the_heads_that_moved(
    model, models, readings, endpoints_of
):
    asked = Asked(
        of=model, text=readings[0], models=models,
        options={"text": SECOND, "model": model.bundle.title},
    )  # fmt: skip
    given = run_to_end(COMPARE.run(asked))

    assert [answer["bars"][0]["share"] for answer in given["answers"]] == pytest.approx(
        [reading.probabilities.max() for reading in readings], abs=1e-6
    )
    layer, head = given["most_moved"][0]
    one, other = np.array(given["maps"][0])
    assert np.abs(one - other).sum(axis=-1).mean() / 2 == pytest.approx(
        given["moved"][layer - 1][head - 1], abs=1e-3
    )
    assert given["same_model"]
    for told, reading in zip(given["log_odds"], readings, strict=True):
        share = reading.probabilities.astype(np.float64)
        odds = dict(zip(model.bundle.labels, np.log(share / (1 - share)), strict=True))
        assert told == pytest.approx(odds, abs=1e-4)
    answer = endpoints_of(models).compare(FIRST, SECOND)
    assert answer["log_odds"][1] == pytest.approx(given["log_odds"][1], abs=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text": "", "model": "Tiny"}, "There is no text yet."),
        ({"text": "good", "model": "Other"}, "There is no bundle 'Other'"),
        ({"text": ["x"], "model": "Tiny"}, "expected a string"),
    ],
)
def test_what_cannot_be_compared_is_said(model, models, readings, options, sentence):
    if options["model"] == "Tiny":
        options = {**options, "model": model.bundle.title}
    with pytest.raises(RequestError, match=sentence):
        run_to_end(COMPARE.run(Asked(of=model, text=readings[0], models=models, options=options)))


def test_the_panel_begins_with_one_word_less_of_the_shown_text(model, models, readings):
    asked = Asked(of=model, text=readings[0], models=models, options={})

    begins = COMPARE.refresh_options(asked)["text"]["value"]

    words = FIRST.split()
    assert begins in [" ".join(words[:at] + words[at + 1 :]) for at in range(len(words))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FIRST, "Both are the same text, read by the same model: nothing moved."),
        (FIRST.upper(), "The model reads the same tokens from both texts"),
        (f"{FIRST} indeed", ""),
    ],
)
def test_equal_texts_are_said_to_be_equal(model, models, readings, text, said):
    asked = Asked(
        of=model, text=readings[0], models=models,
        options={"text": text, "model": model.bundle.title},
    )  # fmt: skip

    given = run_to_end(COMPARE.run(asked))

    assert given["equal"].startswith(said)
    assert bool(given["equal"]) == bool(said)


def test_one_text_under_two_models_is_not_equal(model, readings, tiny_folder):
    float32 = EncoderModel(open_bundle(tiny_folder, "float32"))

    assert drawn((model, readings[0]), (float32, float32.read(FIRST)))["equal"] == ""


@pytest.fixture
def most_seen(monkeypatch):
    """Has [CLS] look most at the word of that place."""

    def look_at(place, count):
        shares = np.linspace(0.2, 0.1, count, dtype=np.float32)
        shares[place] = 0.9
        monkeypatch.setattr(changed_word, "attention_received", lambda _: shares)

    return look_at


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("the film is good", 0, "film is good"),
        ("The film  is   good.", 3, "The film  is."),
        ("not bad, the story is great!", 1, "not, the story is great!"),
        ("it was great (really)", 4, "it was great ()"),
        ("Une petite café est good", 2, "Une petite est good"),
        ("film film film", 1, "film film"),
    ],
)
def test_the_word_goes_and_the_rest_stays_as_it_was_typed(model, most_seen, text, place, expected):
    reading = model.read(text)
    most_seen(place, len(own_words(reading.tokens)))

    assert without_most_seen(reading) == expected


def test_a_sign_is_no_word_and_a_single_word_stays(model, most_seen):
    reading = model.read("good , film")
    most_seen(1, 3)
    assert without_most_seen(reading) == ", film"

    for text in ("good", "good!", "!?", "好"):
        reading = model.read(text)
        most_seen(0, len(own_words(reading.tokens)))
        assert without_most_seen(reading) == text


def test_only_the_first_text_of_a_pair_is_changed(model, most_seen):
    reading = model.read("the film", "was it good")
    most_seen(4, 5)

    assert without_most_seen(reading) in ("film", "the")


@pytest.mark.parametrize("file", ["byte_level_file", "unigram_file"])
def test_other_tokenizers_words_are_found_in_the_text(request, model, most_seen, file):
    from dataclasses import replace

    from tokenizers import Tokenizer

    text = "the film, 😍 and the story"
    tokenizer = Tokenizer.from_file(str(request.getfixturevalue(file)))
    tokens = SourceTokens(tokenizer).tokens(tokenizer.encode(text), (text, ""))
    words = [word.text for word in own_words(tokens)]
    most_seen(words.index("story"), len(words))

    reading = model.read("a")
    encoded = replace(reading.encoded, text=text, tokens=tokens)
    found = without_most_seen(replace(reading, encoded=encoded))

    assert found == "the film, 😍 and the"
