"""Which matrices of a graph become 8 bit, and how: the schemes that the exporter offers.

`compare_schemes.py` measures these beside the others that were tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Blocks:
    """`MatMulNBits`: a scale for every `size` weights of a column."""

    size: int = 32
    level: int = 4
    """Its accuracy_level: 4 multiplies in int8, activations scaled block by block; 0 in float32."""

    def __str__(self) -> str:
        return f"MatMulNBits, blocks of {self.size}, accuracy level {self.level}"


@dataclass(frozen=True)
class Rows:
    """int8 with a scale for each column of a matrix and for each position of its input."""

    float_channels: int = 0
    """So many of the input's channels, the largest, are multiplied in float32."""

    def __str__(self) -> str:
        apart = f", {self.float_channels} channels in float32" if self.float_channels else ""
        return f"int8 by rows and columns{apart}"


@dataclass(frozen=True)
class OneScale:
    """int8 with a scale for each column of a matrix and one for all positions of a run, as
    onnxruntime's `quantize_dynamic` writes it."""

    def __str__(self) -> str:
        return "int8 by columns, one scale for a run"


@dataclass(frozen=True)
class Float:
    """Stays as it is."""

    def __str__(self) -> str:
        return "float32"


Product = Blocks | Rows | OneScale | Float


@dataclass(frozen=True)
class Finer:
    """What the most sensitive matrices become instead."""

    share: float
    """So much of all matrices, of those that no level before has taken."""
    product: Product


@dataclass(frozen=True)
class Scheme:
    """What the products of hidden states and matrices become: a few exactly, the rest fast."""

    product: Product
    finer: tuple[Finer, ...] = ()
    """The most sensitive first, as `sensitivity.py` ranks them."""

    def assign(self, ranking: Sequence[str]) -> dict[str, Product]:
        """What each becomes of what is ranked, the most sensitive first."""
        waiting, found = list(ranking), {}
        for level in self.finer:
            for _ in range(min(len(waiting), round(level.share * len(ranking)))):
                found[waiting.pop(0)] = level.product
        return found | dict.fromkeys(waiting, self.product)

    def __str__(self) -> str:
        levels = [f"{level.share:.0%} of the matrices: {level.product}" for level in self.finer]
        return "; ".join([*levels, f"{'the others' if levels else 'layers'}: {self.product}"])


FAITHFUL = Scheme(Rows(), (Finer(1 / 3, Blocks(32)), Finer(1 / 3, Rows(8))))
FAST = Scheme(OneScale(), (Finer(1 / 8, Rows()),))
DECODER = Scheme(Blocks(32))
