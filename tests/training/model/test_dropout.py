"""Dropout does what torch's does, with cheaper random numbers."""

import pytest
import torch

from training.model.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_share_of_the_values_is_zeroed_and_the_rest_scaled_up(share: float) -> None:
    torch.manual_seed(0)
    values = torch.ones(401, 1001, requires_grad=True)

    found = Dropout(share)(values)
    found.sum().backward()

    assert (found == 0).float().mean().item() == pytest.approx(share, abs=3e-3)
    torch.testing.assert_close(found[found != 0].unique(), torch.tensor([1 / (1 - share)]))
    assert torch.equal(values.grad, found), "the gradient is zeroed where the value was"
    lanes = (found == 0).flatten()[: 401 * 1000].view(-1, 4).float()
    neighbours = torch.corrcoef(lanes.T) - torch.eye(4)
    assert neighbours.abs().max() < 0.02, "values of one draw hang together"


def test_the_generators_seed_decides_and_eval_mode_leaves_all() -> None:
    layer, values = Dropout(0.3), torch.randn(7, 9)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(layer(values))

    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert layer.eval()(values) is values
    assert Dropout(0.0)(values) is values
