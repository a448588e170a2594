"""Maps between words, and words out of pieces, against loops over their pieces."""

import numpy as np
import pytest

from explorer.inference.tokens import group_words
from explorer.maps.maps import merge_words, text_axis
from explorer.maps.view import attention_map, generation_map
from explorer.writing.generator import TextGenerator

TEXTS = ("unbelievable music was unbad", "was it?")


def by_loops(weights, rows, columns, *, hidden=()):
    """Sum over key pieces, mean over query pieces, then what is hidden goes."""
    merged = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cells = [weights[q, k] for q in row.places for k in column.places]
            merged[i, j] = sum(map(float, cells)) / len(row.places)
    shown = [
        [place for place, word in enumerate(side) if word not in hidden] for side in (rows, columns)
    ]
    kept = merged[np.ix_(*shown)]
    return kept / kept.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("special_tokens", [True, False])
@pytest.mark.parametrize("head", [1, "mean"])
def test_a_map_between_words_is_summed_and_averaged_over_their_pieces(model, head, special_tokens):
    reading = model.read(*TEXTS)
    words = group_words(reading.tokens)
    assert max(len(word.places) for word in words) > 1
    whole = reading.weights[1]
    hidden = () if special_tokens else [word for word in words if word.special]

    view = attention_map(reading, 1, head, words=True, special_tokens=special_tokens)

    pieces = whole.mean(axis=0) if head == "mean" else whole[head]
    np.testing.assert_allclose(
        view.weights, by_loops(pieces, words, words, hidden=hidden), atol=1e-6
    )
    assert view.queries is view.keys
    assert (view.queries.unit, view.hides_tokens) == ("word", not special_tokens)


@pytest.mark.parametrize("looks_at", ["source", "written"])
def test_a_written_text_is_merged_on_both_sides(model, looks_at):
    generator = TextGenerator(model)
    source = model.read(*TEXTS)
    ids, _ = generator.target_ids(source, "unbelievable film", 24)
    generation = generator.follow(source, ids)
    rows = group_words(generation.tokens)
    columns = group_words(generation.source.tokens if looks_at == "source" else generation.before)
    assert max(len(word.places) for word in rows) > 1

    view = generation_map(generation, looks_at, 0, 1, words=True)

    whole = (generation.cross_weights if looks_at == "source" else generation.self_weights)[0, 1]
    np.testing.assert_allclose(view.weights, by_loops(whole, rows, columns), atol=1e-6)
    assert view.sides[0] == "each row is a generated word"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unbelievable", ["unbelievable"]),
        ("Unbad, Ωμέγα film", ["Unbad", ",", "Ωμέγα", "film"]),
        ("😍🎬 film", ["😍🎬", "film"]),
        ("好电影", ["好", "电", "影"]),
        ("مرحبا يا عالم", ["مرحبا", "يا", "عالم"]),
        ("cafe\u0301", ["cafe\u0301"]),
    ],
)
def test_words_are_shown_as_they_were_typed(model, text, words):
    axis = text_axis(model.read(text).tokens, special_tokens=False, words=True)

    assert [token.label for token in axis.tokens] == words


def test_a_word_names_its_pieces(model):
    reading = model.read("unbelievable film")
    axis = text_axis(reading.tokens, words=True)
    (word,) = (one for one in axis.whole if one.text == "unbelievable")
    place = axis.whole.index(word)

    assert word.piece.split() == [reading.tokens[one].piece for one in axis.words[place].places]


def test_sums_over_key_pieces_and_means_over_query_pieces(model):
    reading = model.read("unbelievable music was good", "was it?")
    words = group_words(reading.tokens)
    merged = merge_words(reading.weights, words, words)

    assert any(len(word.places) > 1 for word in words)
    layers, heads = reading.weights.shape[:2]
    assert merged.shape == (layers, heads, len(words), len(words))
    for row, query in enumerate(words):
        for column, key in enumerate(words):
            expected = np.mean(
                [
                    np.sum([reading.weights[1, 0, i, j] for j in key.places], dtype=np.float64)
                    for i in query.places
                ]
            )
            assert merged[1, 0, row, column] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(merged.sum(axis=-1), 1, atol=1e-5)


def test_no_words_no_map():
    assert merge_words(np.ones((2, 3, 3), np.float32), [], []).shape == (2, 0, 0)
