"""Follows torch's calls while a model of `transformers` reads, and changes what a head passes on.

Nothing here knows what the search for blocks found: the product of a map and its values is told by
the map that the model itself returns.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_PRODUCTS = {"matmul", "bmm", "__matmul__", "einsum"}
_PROJECTIONS = {"linear", "conv1d", "addmm", "einsum", "matmul", "__matmul__"}


class HeadCalls(TorchFunctionMode):
    """Follows torch's calls while a model reads.

    Without arguments it keeps the left factor of each product. With them it changes the left factor
    of one, a map, and keeps what the output projection makes of the result.
    """

    def __init__(
        self,
        number: int | None = None,
        shape: Sequence[int] = (),
        change: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self._number, self._shape, self._change = number, tuple(shape), change
        self._lefts: list[Tensor] = []
        self._passed = 0
        self.projected: Tensor | None = None
        """What the output projection gives behind the changed product."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        waits = self._number is not None and self._passed > self._number and self.projected is None
        if name in _PRODUCTS:
            args = self._product(name, args)
        out = func(*args, **(kwargs or {}))
        if waits and name in _PROJECTIONS and _has_weights((*args, *(kwargs or {}).values())):
            self.projected = out.detach()
        return out

    def _product(self, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        place = 1 if name == "einsum" else 0
        left = args[place]
        if self._change is None:
            self._lefts.append(left)
        elif self._passed == self._number:
            changed = self._change(left.detach().clone().reshape(self._shape))
            args = (*args[:place], changed.reshape(left.shape), *args[place + 1 :])
        self._passed += 1
        return args

    def numbers_of(self, maps: Sequence[Tensor]) -> list[int]:
        """Which product multiplies each map with its values.

        Raises:
            ValueError: none does, so nothing can be proven of that layer's heads.
        """
        numbers: list[int] = []
        for layer, weights in enumerate(maps):
            flat = weights.reshape(-1)
            found = next(
                (
                    number
                    for number, left in enumerate(self._lefts)
                    if number > (numbers[-1] if numbers else -1)
                    if left.numel() == flat.numel() and torch.equal(left.reshape(-1), flat)
                ),
                None,
            )
            if found is None:
                raise ValueError(
                    f"the map that transformers gives of layer {layer} is multiplied with nothing, "
                    "so it is not what the model attends by"
                )
            numbers.append(found)
        return numbers


def _has_weights(values: Sequence[Any]) -> bool:
    """Whether one is a parameter, or a view of one, such as a matrix turned round."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    return any(isinstance(base, nn.Parameter) for one in tensors for base in (one, one._base))


def closed(weights: Tensor, head: int) -> Tensor:
    """A map, (batch, heads, queries, keys), by which one head passes nothing on."""
    weights[:, head] = 0
    return weights


def one_head_each(weights: Tensor) -> Tensor:
    """Maps, (heads + 1, heads, tokens, tokens), by which in text h head h alone passes each token's
    values to itself; in the last none does."""
    weights.zero_()
    for head in range(weights.shape[1]):
        weights[head, head] = torch.eye(weights.shape[-1], dtype=weights.dtype)
    return weights


def lengths_by_head(projected: Tensor | None, heads: int, tokens: int) -> np.ndarray:
    """How long what the projection gives of each token is where `one_head_each` passed it on, less
    what it gives where none did: (heads, tokens)."""
    assert projected is not None, "behind a map's product comes its projection"
    sizes = list(projected.shape)
    if len(sizes) == 2 and sizes[0] == (heads + 1) * tokens:
        projected = projected.reshape(heads + 1, tokens, -1)
        sizes = list(projected.shape)
    if len(sizes) != 3 or not {heads + 1, tokens} <= set(sizes):
        raise ValueError(
            f"its output projection gives {' x '.join(map(str, sizes))} values where "
            f"{heads + 1} texts of {tokens} tokens were read: the norms of its values cannot be "
            "proven, so it is not exported"
        )
    order = [sizes.index(heads + 1), sizes.index(tokens)]
    (width,) = (axis for axis in range(3) if axis not in order)
    rows = projected.permute(*order, width)
    return (rows[:-1] - rows[-1:]).norm(dim=-1).numpy()
