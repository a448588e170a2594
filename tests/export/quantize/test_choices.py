"""What counts as the same answer, for each task."""

import numpy as np
import pytest

from bundle_format.schema import Pooling
from bundle_format.typed_json import read_object
from export.quantize.choices import Choices, cosines, pool
from training.data.batches import EncodedText

CLS, SEP, PAD, MASK = 2, 3, 0, 4
MARKS = frozenset({CLS, SEP, PAD})
# A question of two tokens, a text of three; a shorter pair, padded.
IDS = np.array([[CLS, 10, 11, SEP, 12, 13, 14, SEP], [CLS, 10, SEP, 12, 13, SEP, PAD, PAD]])
REAL = PAD != IDS


def test_a_label_of_each_text_and_none_of_a_number() -> None:
    two, one = np.array([[0.1, 0.2], [3.0, 1.0]]), np.array([[0.1], [3.0]])

    assert Choices().choose({"logits": two}, IDS, REAL).tolist() == [1, 0]
    assert len(Choices().choose({"logits": one}, IDS, REAL)) == 0
    assert len(Choices(task="embed").choose({"last_hidden_state": two}, IDS, REAL)) == 0


def test_a_label_of_each_token_but_the_special_ones() -> None:
    logits = np.zeros((2, 8, 3))
    logits[0, [1, 5], 2] = 1
    logits[:, [0, 3], 1] = 1

    found = Choices(task="tag", separators=MARKS).choose({"logits": logits}, IDS, REAL)

    assert found.tolist() == [2, 0, 0, 2, 0, 0, 1, 0]


def test_an_answer_lies_in_the_second_text_and_ends_behind_its_start() -> None:
    start, end = np.zeros((2, 8)), np.zeros((2, 8))
    start[0, [1, 6]] = 9, 5  # of the question, and the last token of the text
    end[0, [4, 6]] = 8, 1  # before that start, and at it
    start[1, 4] = end[1, 7] = 4  # and one in the padding

    answers = {"start_logits": start, "end_logits": end}
    found = Choices(task="answer", separators=MARKS).choose(answers, IDS, REAL)

    assert found.tolist() == [[0, 0], [1, 1]]


def test_a_word_at_each_mask_and_a_mask_where_there_is_none() -> None:
    choices = Choices(task="fill", mask=MASK, separators=MARKS)
    texts = [
        EncodedText((CLS, 10, 11, 12, SEP), (0,) * 5, 0, 5),
        EncodedText((CLS, MASK, 5), (0,) * 3, 0, 3),
    ]

    prepared = choices.prepare(texts)
    masked = [text.token_ids for text in prepared]

    assert [text.label for text in prepared] == [11, -1]  # what was masked; nobody knows
    assert choices.knows_labels(prepared[:1], False)
    assert not choices.knows_labels(prepared, True)
    assert masked == [(CLS, 10, MASK, 12, SEP), (CLS, MASK, 5)]
    ids = np.array([masked[0]])
    found = choices.choose({"logits": np.eye(20)[[[7, 8, 9, 10, 11]]]}, ids, ids > 0)
    assert found.tolist() == [9]
    assert Choices(task="tag", mask=MASK).prepare(texts) == texts


def test_of_several_labels_each_is_chosen_or_not_and_of_numbers_none() -> None:
    logits = {"logits": np.array([[3.0, 0.5, -2], [-1, -3, -2]])}
    several, numbers = (
        Choices(problem_type=kind) for kind in ("multi_label_classification", "regression")
    )

    assert several.choose(logits, IDS, REAL).tolist() == [[True, True, False], [False] * 3]
    assert numbers.choose(logits, IDS, REAL).size == 0
    assert Choices().choose(logits, IDS, REAL).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("mode", "expected"), [("mean", [3, 0]), ("cls", [1, 0]), ("max", [5, 0]), ("last", [5, 0])]
)
def test_a_vector_is_made_of_real_tokens_alone(mode: str, expected: list[int]) -> None:
    hidden = np.array([[[9.0, 9.0], [1.0, 0.0], [3.0, 0.0], [5.0, 0.0], [9.0, 9.0]]])
    real = np.array([[False, True, True, True, False]])
    pooling = read_object(Pooling, {"mode": mode, "normalize": False})

    assert pool(hidden, real, pooling).tolist() == [expected]
    assert pool(hidden, real, Pooling(mode="mean", normalize=True)).tolist() == [[1, 0]]


def test_a_cosine_is_of_each_pair_of_rows() -> None:
    one, other = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])

    np.testing.assert_allclose(cosines(one, other), [0.5**0.5, 0.0])
