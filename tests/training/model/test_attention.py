"""Attention against the formula in numpy, and what must hold of every map."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.model.attention import MultiHeadAttention, attention_weights, value_norms

SIZE, HEADS = 12, 3


def attention(seed: int = 0) -> MultiHeadAttention:
    torch.manual_seed(seed)
    return MultiHeadAttention(SIZE, HEADS, dropout=0.5).eval()


def everything(batch: int, keys: int) -> Tensor:
    return torch.ones(batch, 1, 1, keys, dtype=torch.bool)


def softmax_attention(module: MultiHeadAttention, asks: np.ndarray, read: np.ndarray) -> np.ndarray:
    """softmax(QK^T / sqrt(d)) V per head, concatenated and projected back; Vaswani et al., 3.2."""

    def linear(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
        return x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()

    depth = SIZE // HEADS
    queries, keys = linear(module.query, asks), linear(module.key, read)
    values = linear(module.value, read)
    heads = []
    for head in range(HEADS):
        part = slice(head * depth, (head + 1) * depth)
        scores = queries[:, part] @ keys[:, part].T / math.sqrt(depth)
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        heads.append(exponentials / exponentials.sum(axis=1, keepdims=True) @ values[:, part])
    return linear(module.project, np.concatenate(heads, axis=1))


@pytest.mark.parametrize("cross", [False, True], ids=["self", "cross"])
def test_output_equals_the_formula_in_numpy(cross: bool) -> None:
    module = attention()
    asks, read = torch.randn(1, 5, SIZE), torch.randn(1, 7, SIZE)
    source = read if cross else asks

    result = module(asks, everything(1, source.shape[1]), read_from=read if cross else None)

    expected = softmax_attention(module, asks[0].numpy(), source[0].numpy())
    np.testing.assert_allclose(result.hidden[0].detach(), expected, atol=1e-5)
    assert result.weights.shape == (1, HEADS, 5, source.shape[1])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 6), st.data())
def test_rows_sum_to_one_over_what_is_visible(
    seed: int, queries: int, keys: int, data: st.DataObject
) -> None:
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(2, HEADS, queries, 4, generator=generator) * 30
    key = torch.randn(2, HEADS, keys, 4, generator=generator) * 30
    seen = data.draw(st.lists(st.booleans(), min_size=2 * keys, max_size=2 * keys))
    visible = torch.tensor(seen).view(2, 1, 1, keys)

    weights = attention_weights(query, key, visible)

    something = visible.any(dim=-1).float().expand(2, HEADS, queries)
    torch.testing.assert_close(weights.sum(dim=-1), something)
    assert weights.masked_select(~visible).eq(0).all()


def test_a_row_with_nothing_to_see_is_zero_and_gives_no_nan_to_the_gradient() -> None:
    query = torch.randn(1, HEADS, 2, 4, requires_grad=True)

    weights = attention_weights(query, torch.randn(1, HEADS, 3, 4), ~everything(1, 3))
    weights.sum().backward()

    assert weights.eq(0).all()
    assert query.grad is not None
    assert query.grad.eq(0).all()


def test_torch_agrees_where_its_fused_attention_has_no_map() -> None:
    query, key, value = torch.randn(3, 2, HEADS, 5, 4).unbind()
    visible = torch.rand(2, 1, 1, 5) > 0.3
    visible[..., 0] = True

    ours = attention_weights(query, key, visible) @ value

    fused = torch.nn.functional.scaled_dot_product_attention(query, key, value, visible)
    torch.testing.assert_close(ours, fused)


def test_weights_are_those_before_dropout_and_nothing_is_kept_on_the_module() -> None:
    module = attention().train()
    before = set(vars(module))

    result = module(torch.randn(2, 4, SIZE), everything(2, 4))

    torch.testing.assert_close(result.weights.sum(dim=-1), torch.ones(2, HEADS, 4))
    assert set(vars(module)) == before


@pytest.mark.parametrize("head", range(HEADS))
def test_a_zero_in_the_head_mask_removes_that_head(head: int) -> None:
    module, hidden = attention(), torch.randn(2, 4, SIZE)
    mask = torch.ones(1, HEADS)
    mask[0, head] = 0

    masked = module(hidden, everything(2, 4), head_mask=mask)

    depth = SIZE // HEADS
    with torch.no_grad():
        module.project.weight[:, head * depth : (head + 1) * depth] = 0
    removed = module(hidden, everything(2, 4))
    torch.testing.assert_close(masked.hidden, removed.hidden)
    torch.testing.assert_close(masked.weights, removed.weights)


def test_each_row_of_a_batch_has_its_own_head_mask() -> None:
    module, hidden = attention(), torch.randn(1, 4, SIZE)
    masks = torch.tensor([[1.0, 1, 1], [0, 1, 1], [1, 0, 0.5]])

    together = module(hidden.expand(3, -1, -1), everything(3, 4), head_mask=masks)

    for row in range(3):
        alone = module(hidden, everything(1, 4), head_mask=masks[row : row + 1])
        torch.testing.assert_close(together.hidden[row], alone.hidden[0])


def test_value_norms_are_the_lengths_of_the_projected_values() -> None:
    module = attention()
    values = torch.randn(2, HEADS, 5, SIZE // HEADS)

    norms = value_norms(values, module.value_gram())

    depth = SIZE // HEADS
    for head in range(HEADS):
        slice_ = module.project.weight[:, head * depth : (head + 1) * depth]
        wide = values[:, head] @ slice_.T
        torch.testing.assert_close(norms[:, head], wide.norm(dim=-1))


def test_shapes_are_checked_in_tests() -> None:
    query, key = torch.randn(1, HEADS, 2, 4), torch.randn(1, HEADS, 3, 5)

    with pytest.raises(Exception, match="depth"):
        attention_weights(query, key, everything(1, 3))
