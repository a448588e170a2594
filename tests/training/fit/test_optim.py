"""AdamW over a table of which a batch touches a few rows, and the length of such gradients."""

import pytest
import torch
from torch import Tensor, nn

from training.fit.loop import clip_gradients, make_accelerator
from training.fit.optim import make_optimizer

ROWS = torch.tensor([1, 4, 4])


def table(*, sparse: bool) -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(6, 3, sparse=sparse)


def trained(steps: list[Tensor], *, sparse: bool) -> tuple[Tensor, dict]:
    words = table(sparse=sparse)
    optimizer = make_optimizer({words: 0.1}, weight_decay=0.1)
    for rows in steps:
        words(rows).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return words.weight.detach(), optimizer.state_dict()["state"][0]


def test_rows_that_every_batch_touches_move_as_torchs_adamw_moves_them() -> None:
    dense, moments = trained([ROWS] * 4, sparse=False)
    sparse, sparse_moments = trained([ROWS] * 4, sparse=True)

    torch.testing.assert_close(sparse[ROWS], dense[ROWS])
    for name, found in sparse_moments.items():
        torch.testing.assert_close(found, moments[name])


def test_rows_that_a_batch_does_not_touch_stay_bit_for_bit() -> None:
    before = table(sparse=True).weight.detach()
    once, _ = trained([ROWS], sparse=True)

    moved, _ = trained([ROWS, torch.tensor([0])], sparse=True)

    others = [2, 3, 5]
    assert torch.equal(moved[others], before[others])
    assert torch.equal(moved[ROWS], once[ROWS])
    assert not torch.equal(moved[0], before[0])


@pytest.mark.parametrize("longest", [0.5, 1e9])
def test_a_sparse_gradient_is_as_long_as_it_would_be_dense(longest: float) -> None:
    found = []
    for sparse in (False, True):
        words, other = table(sparse=sparse), nn.Linear(3, 1)
        nn.init.ones_(other.weight)
        other(words(ROWS)).sum().backward()
        clip_gradients(make_accelerator(cpu=True), [words.weight, other.weight], longest)
        assert words.weight.grad is not None
        found.append((words.weight.grad.to_dense(), other.weight.grad))

    for dense, sparse in zip(*found, strict=True):
        torch.testing.assert_close(sparse, dense)
