"""The chunked loss against torch's own, number and gradient."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from training.linear_cross_entropy import linear_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("positions", [1, 128, 300])
def test_loss_and_gradient_equal_torchs(positions: int, smoothing: float) -> None:
    torch.manual_seed(positions)
    table = torch.randn(50, 16)
    targets = torch.randint(0, 50, (positions,))
    ours = torch.randn(positions, 16, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()

    found = linear_cross_entropy(ours, table, targets, label_smoothing=smoothing)
    expected = cross_entropy(theirs @ table.T, targets, label_smoothing=smoothing)
    (3 * found).backward()
    (3 * expected).backward()

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-6, rtol=1e-4)


def test_scores_in_bfloat16_stay_near_and_hidden_keeps_its_own_dtype() -> None:
    torch.manual_seed(0)
    table, targets = torch.randn(500, 32), torch.randint(0, 500, (200,))
    hidden = torch.randn(200, 32, requires_grad=True)

    found = linear_cross_entropy(hidden, table.to(torch.bfloat16), targets, label_smoothing=0.1)
    expected = cross_entropy(hidden @ table.T, targets, label_smoothing=0.1)
    found.backward()

    assert found.dtype == torch.float32
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=5e-3)
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.float32


def test_the_word_table_gets_no_gradient() -> None:
    table = torch.randn(20, 8, requires_grad=True)
    hidden = torch.randn(5, 8, requires_grad=True)

    linear_cross_entropy(hidden, table, torch.arange(5)).backward()

    assert table.grad is None
    assert hidden.grad is not None
