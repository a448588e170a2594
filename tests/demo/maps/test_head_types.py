"""What kind of head a head is: against loops, and on heads made to be of each kind."""

import math

import numpy as np
import pytest

from explorer.inference.tokens import Token
from explorer.maps.head_types import (
    BROAD,
    FOCUSED,
    MIXED,
    NEXT,
    OTHER_SEGMENT,
    PREVIOUS,
    PUNCTUATION,
    SAME_WORD,
    SECOND_LAST,
    SELF,
    encoder_targets,
    head_types,
    measure_by,
    normalised_entropy,
    written_targets,
)


def token(text, segment=0):
    special = text.startswith("[")
    return Token(
        piece=text, text="" if special else text, special=special, continues=False, segment=segment
    )


PAIR = [
    token("[CLS]"), *map(token, "The film , the music .".split()), token("[SEP]"),
    *(token(text, 1) for text in "was film good ?".split()), token("[SEP]", 1),
]  # fmt: skip
COUNT = len(PAIR)
EVEN = np.full((COUNT, COUNT), 1 / COUNT, np.float32)
PUNCTUATIONS = [3, 6, 11]


def looks_at(choose):
    """A map whose row i has all its weight, in equal parts, on the places that `choose(i)` gives;
    rows without any look at themselves."""
    weights = np.zeros((COUNT, COUNT), np.float32)
    for query in range(COUNT):
        keys = [key for key in choose(query) if 0 <= key < COUNT] or [query]
        weights[query, keys] = 1 / len(keys)
    return weights


def counts(name, query, key):
    """The definition of each type, written out for one cell."""
    one, other = PAIR[query], PAIR[key]
    near = not other.special and one.segment == other.segment
    return {
        SELF: query == key,
        PREVIOUS: key == query - 1 and near,
        NEXT: key == query + 1 and near,
        "[CLS]": other.piece == "[CLS]",
        "[SEP]": other.piece == "[SEP]",
        PUNCTUATION: other.text in (",", ".", "?"),
        SAME_WORD: query != key and one.text.lower() == other.text.lower() and other.text.isalpha(),
        OTHER_SEGMENT: not other.special and one.segment != other.segment,
    }[name]


def test_shares_and_entropy_are_those_of_the_definitions():
    weights = np.random.default_rng(0).dirichlet(np.full(COUNT, 0.3), (3, COUNT))
    weights = weights.astype(np.float32)

    found = head_types(weights, measure_by(encoder_targets(PAIR), EVEN))

    assert set(found[0].shares) == {
        SELF, PREVIOUS, NEXT, "[CLS]", "[SEP]", PUNCTUATION, SAME_WORD, OTHER_SEGMENT,
    }  # fmt: skip
    for head, one in enumerate(found):
        for name, share in one.shares.items():
            rows = []
            for query in range(COUNT):
                keys = [key for key in range(COUNT) if counts(name, query, key)]
                if keys and not PAIR[query].special:
                    rows.append(sum(float(weights[head, query, key]) for key in keys))
            assert share == pytest.approx(sum(rows) / len(rows), abs=1e-6), name
        nats = [-sum(float(a) * math.log(a) for a in row if a > 0) for row in weights[head]]
        assert one.entropy == pytest.approx(sum(nats) / COUNT / math.log(COUNT), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "choose"),
    [
        (SELF, lambda i: [i]),
        (PREVIOUS, lambda i: [i - 1]),
        (NEXT, lambda i: [i + 1]),
        ("[CLS]", lambda i: [0]),
        ("[SEP]", lambda i: [7, 12]),
        (PUNCTUATION, lambda i: PUNCTUATIONS),
        (SAME_WORD, lambda i: {1: [4], 4: [1], 2: [9], 9: [2]}.get(i, [0, 7])),
        (OTHER_SEGMENT, lambda i: range(8, 12) if i < 8 else range(1, 7)),
    ],
)
def test_a_head_made_to_be_of_a_type_is_of_that_type(name, choose):
    (found,) = head_types(looks_at(choose)[None], measure_by(encoder_targets(PAIR), EVEN))

    assert found.name == name
    assert found.score == pytest.approx(1)


def test_even_attention_is_broad_and_what_it_does_by_chance_earns_nothing():
    two = [token("[CLS]"), *map(token, "ab"), *(token(letter, 1) for letter in "cd")]
    even = np.full((5, 5), 0.2, np.float32)
    tilted = even + np.array([-0.2, 0.05, 0.05, 0.05, 0.05], np.float32)

    found = head_types(np.stack([even, tilted]), measure_by(encoder_targets(two), even))

    assert found[1].shares[OTHER_SEGMENT] == pytest.approx(0.5)
    assert [one.name for one in found] == [BROAD, BROAD]
    assert found[0].score == found[0].entropy == pytest.approx(1)


def test_a_head_that_earned_nothing_is_mixed_and_says_what_came_closest():
    weights = 0.4 * looks_at(lambda i: [i - 1]) + 0.35 * looks_at(lambda i: [0])
    weights += 0.25 * looks_at(lambda i: [i + 1])

    (found,) = head_types(weights[None], measure_by(encoder_targets(PAIR), EVEN))

    assert found.name == MIXED
    assert found.score == found.shares[PREVIOUS] == max(found.shares.values())


def test_a_decoders_row_is_the_word_that_was_written():
    written = [*map(token, "the film the".split()), token("[SEP]")]
    before = [token("[CLS]"), *written[:-1]]
    source = [token("[CLS]"), *map(token, "the bad film .".split()), token("[SEP]")]
    back = np.tril(np.ones((4, 4), np.float32))
    even = back / back.sum(axis=1, keepdims=True)

    copying = np.zeros((4, 6), np.float32)
    copying[[0, 1, 2, 3], [1, 3, 1, 5]] = 1
    (cross,) = head_types(
        copying[None],
        measure_by(written_targets(written, source), np.full((4, 6), 1 / 6)),
    )
    (self_head,) = head_types(
        np.eye(4, dtype=np.float32)[None],
        measure_by(written_targets(written, before, given=1), even),
    )

    assert (cross.name, cross.score) == (SAME_WORD, 1)
    assert PREVIOUS not in cross.shares
    assert (self_head.name, self_head.score) == (PREVIOUS, 1)


@pytest.mark.parametrize(
    ("steps", "expected"), [(1, PREVIOUS), (2, SECOND_LAST), (3, FOCUSED)], ids=str
)
def test_a_sharp_head_at_one_distance_is_never_mixed(steps, expected):
    written = [token(f"w{number}") for number in range(12)]
    before = [token("[CLS]"), *written[:-1]]
    back = np.tril(np.ones((12, 12), np.float32))
    weights = np.eye(12, k=1 - steps, dtype=np.float32)
    weights[: steps - 1, 0] = 1  # the first ones cannot look so far back

    (found,) = head_types(
        weights[None],
        measure_by(written_targets(written, before, given=1), back / back.sum(1, keepdims=True)),
    )

    assert found.name == expected
    assert found.score == pytest.approx(0 if expected == FOCUSED else 1)


def test_a_row_without_a_choice_has_no_part_in_the_entropy():
    weights = np.array([[1, 0, 0], [0.5, 0.5, 0], [1, 0, 0]], np.float32)

    assert normalised_entropy(weights, np.array([1, 2, 3])) == pytest.approx(0.5)
    assert normalised_entropy(weights[:1], np.array([1])) == 0


def test_a_text_without_words_has_types_of_its_special_tokens_alone():
    tokens = [token("[CLS]"), token("[SEP]")]

    (found,) = head_types(
        np.array([[[0, 1], [0, 1]]], np.float32),
        measure_by(encoder_targets(tokens), np.full((2, 2), 0.5)),
    )

    assert found.name == "[SEP]"
