"""Which matrices of a graph become 8 bit, and how: the schemes that the exporter offers.

`compare_schemes.py` measures these beside the others that were tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
class Scheme:
    """What the products of hidden states and matrices become."""

    product: Product
    by_role: Mapping[str, Product] = field(default_factory=dict)
    """What some become instead: `scores`, `values`, `up`, `down`, see `quantize.matrix_roles`."""

    def of(self, role: str) -> Product:
        """What the matrices of a role become."""
        return self.by_role.get(role, self.product)

    def __str__(self) -> str:
        others = [f"{', '.join(roles)}: {product}" for product, roles in self._exceptions()]
        return "; ".join([f"layers: {self.product}", *others])

    def _exceptions(self) -> list[tuple[Product, list[str]]]:
        found: dict[Product, list[str]] = {}
        for role, product in self.by_role.items():
            found.setdefault(product, []).append(role)
        return list(found.items())


FAITHFUL = Scheme(Rows(float_channels=8), {"scores": Blocks(32), "down": Blocks(32)})
FAST = Scheme(Rows(), dict.fromkeys(("scores", "values"), OneScale()))
DECODER = Scheme(Blocks(32))
