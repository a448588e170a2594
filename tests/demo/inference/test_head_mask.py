"""Heads that are left out: what is asked for is checked, read so, and kept apart from the rest."""

import numpy as np
import pytest

from explorer.errors import RequestError
from explorer.inference.reading import ablation_mask, heads_left, one_based_heads
from explorer.ui.checks import check_ablated
from explorer.ui.models import PageModels

TEXT = "unbelievable music was good"


@pytest.fixture(scope="module")
def models(model):
    return PageModels([model])


def test_a_mask_has_a_zero_for_each_head_that_is_left_out():
    mask = ablation_mask([(0, 1), (1, 0)], 2, 3)

    assert mask.tolist() == [[[1, 0, 1], [0, 1, 1]]]
    assert heads_left(mask) == ((0, 0), (0, 2), (1, 1), (1, 2))
    assert one_based_heads(heads_left(mask))[-1] == [2, 3]


def test_a_text_is_read_without_them_and_says_so(models, model):
    title = model.bundle.title
    _, whole = models.read(title, TEXT, "")
    _, less = models.read(title, TEXT, "", [[2, 1], [1, 2], [2, 1]])

    mask = np.ones((1, 2, 2), np.float32)
    mask[0, 1, 0] = mask[0, 0, 1] = 0
    (alone,) = model.run([model.encode(TEXT)], mask)
    np.testing.assert_array_equal(less.probabilities, alone.probabilities)
    np.testing.assert_array_equal(less.weights, alone.weights)
    assert less.ablated == [[1, 2], [2, 1]]
    assert less.head_mask.tolist() == mask.tolist()
    assert not less.head_mask.flags.writeable
    assert np.abs(less.probabilities - whole.probabilities).max() > 1e-5
    assert whole.ablated == []
    # Kept apart: neither comes back for the other.
    assert models.read(title, TEXT, "")[1] is whole
    assert models.read(title, TEXT, "", [[1, 2], [2, 1]])[1] is less


def test_every_row_of_a_batch_remembers_its_own_mask(model):
    masks = np.ones((2, 2, 2), np.float32)
    masks[1, 0, 0] = 0

    first, second = model.run([model.encode(TEXT)] * 2, masks)

    assert (first.ablated, second.ablated) == ([], [[1, 1]])


@pytest.mark.parametrize(
    ("heads", "sentence"),
    [
        ([[3, 1]], "There is no layer 3; this model has layers 1 to 2."),
        ([[1, 0]], "There is no head 0; this model has heads 1 to 2."),
        ([[1, "mean"]], "There is no head 'mean'; this model has heads 1 to 2."),
        ([[1, 1.0]], "There is no head 1.0"),
        ([[True, 1]], "There is no layer True"),
        ([1, 2], r"There is no head 1; expected a layer and a head, such as \[1, 2\]."),
        ([[1, 1, 1]], r"There is no head \[1, 1, 1\]; expected a layer and a head"),
        ("1 1", "The heads to ablate are '1 1'; expected a list of at most 4 pairs"),
        ({"layer": 1}, "The heads to ablate are {'layer': 1}; expected a list"),
        (
            [[1, 1]] * 5,
            "The heads to ablate are a list of 5; expected a list of at most 4 pairs",
        ),
    ],
)
def test_what_is_no_head_gets_a_sentence(model, heads, sentence):
    with pytest.raises(RequestError, match=sentence):
        check_ablated(heads, model)


def test_a_graph_that_cannot_leave_a_head_out_says_so(model, monkeypatch):
    monkeypatch.setattr(model, "can_ablate", False)

    with pytest.raises(RequestError, match="has no input head_mask, so no head can be ablated"):
        check_ablated([[1, 1]], model)
    assert check_ablated([], model) == ()
