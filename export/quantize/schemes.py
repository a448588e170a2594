"""Which matrices become 8 bit, and how; what that may cost and must buy.

A scheme says what the matrices of a graph become. A profile, which a user chooses, is a scheme for
each graph and the limits that the encoder's is held to. `compare_schemes.py` measures the schemes
beside others that were tried.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from export.runtime.session import IntegerWeights, choose_integer_weights


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
    """The most sensitive first, as `graph.py` ranks them."""

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


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of an encoder's 8-bit graph against the float32 graph of the same weights."""

    same_label: float
    """At least this share of texts gets the same label."""
    accuracy: float
    """The accuracies differ by this share of the texts at most."""
    map_error: Mapping[str, float] = field(default_factory=dict)
    """At most this, of the kinds that `map_error.summarise` gives."""
    latency: Mapping[int, float]
    """Tokens -> at most this share of float32's time."""
    size: float = 0.28
    """At most this share of float32's bytes."""

    def entry(self) -> dict[str, Any]:
        """What `bundle.json` keeps of them."""
        return {
            "same_label": self.same_label,
            "accuracy_difference": self.accuracy,
            **({"map_error": dict(self.map_error)} if self.map_error else {}),
            "latency_ratio": {str(tokens): share for tokens, share in self.latency.items()},
            "size_ratio": self.size,
        }


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A way to 8 bit, with what it promises."""

    encoder: Scheme
    decoder: Scheme
    limits: Limits


PROFILES = {
    "faithful": Profile(
        encoder=FAITHFUL,
        decoder=DECODER,
        limits=Limits(
            same_label=0.995,
            accuracy=0.003,
            map_error={"mean": 0.01, "p99": 0.03},
            latency={32: 0.75, 128: 0.75},
        ),
    ),
    "fast": Profile(
        encoder=FAST,
        decoder=DECODER,
        limits=Limits(same_label=0.985, accuracy=0.005, latency={32: 0.42, 128: 0.45, 512: 0.58}),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured of an 8-bit graph, as far as it could be."""

    size: float
    latency: Mapping[int, float]
    map_error: Mapping[str, float] = field(default_factory=dict)
    texts: int = 0
    """On how many texts the labels were compared; random tokens are none."""
    same_label: float | None = None
    accuracy: tuple[float, float] | None = None
    """Of float32 and of 8 bit."""


def misses(found: Found, limits: Limits) -> list[str]:
    """Which limits do not hold, and by how much: a sentence each. See `not_measured` as well.

    On few texts one text may differ where the limit is a smaller share than that.
    """
    said = list(_label_misses(found, limits)) if found.texts else []
    for kind, most in limits.map_error.items():
        if kind not in found.map_error:
            continue
        error = found.map_error[kind]
        said += _above(f"map error, {_KINDS[kind]}, {error:.4f}", error, most, digits=4)
    said += _above(f"size {found.size:.3f} of float32's", found.size, limits.size)
    return said + latency_misses(found, limits)


def latency_misses(found: Found, limits: Limits) -> list[str]:
    """Those of `misses` that another run may not repeat."""
    said = []
    for tokens, most in limits.latency.items():
        if tokens in found.latency:
            share = found.latency[tokens]
            said += _above(f"time at {tokens} tokens {share:.3f} of float32's", share, most)
    return said


def not_measured(found: Found, limits: Limits) -> list[str]:
    """Of which limits nothing is known, so that they are neither held nor missed."""
    compared = {"same label": found.same_label, "accuracy": found.accuracy}
    return [
        *(what for what, value in compared.items() if value is None or not found.texts),
        *(f"map error, {_KINDS[kind]}" for kind in limits.map_error if kind not in found.map_error),
        *(f"time at {tokens} tokens" for tokens in limits.latency if tokens not in found.latency),
    ]


_ROUNDING = 1e-9
"""Shares of texts are sums of floats: one at its limit is not above it."""
_KINDS = {"mean": "mean", "p99": "99th percentile", "max": "largest"}


def _above(what: str, found: float, most: float, digits: int = 3) -> list[str]:
    if found <= most:
        return []
    return [f"{what}; at most {most} is wanted: {found - most:.{digits}f} too much"]


def _label_misses(found: Found, limits: Limits) -> Iterator[str]:
    one_text = 1 / found.texts
    if found.same_label is not None:
        lacking = limits.same_label - found.same_label
        if lacking > max(0, one_text - (1 - limits.same_label)) + _ROUNDING:
            yield (
                f"same label {found.same_label:.2%} of {found.texts} texts; at least "
                f"{limits.same_label:.2%} is wanted: {100 * lacking:.2f} points too few"
            )
    if found.accuracy:
        before, after = found.accuracy
        apart = abs(after - before)
        if apart > max(limits.accuracy, one_text) + _ROUNDING:
            yield (
                f"accuracy {after:.2%} of {found.texts} texts, float32 {before:.2%}; at most "
                f"{100 * limits.accuracy:.1f} points apart is wanted: "
                f"{100 * (apart - limits.accuracy):.2f} too much"
            )


@dataclass(frozen=True, kw_only=True)
class EightBit:
    """The flags of `to_onnx.py` that an 8-bit graph hangs on."""

    name: str = "faithful"
    integer_weights: IntegerWeights = field(default_factory=choose_integer_weights)

    @property
    def profile(self) -> Profile:
        """The schemes and limits of that name."""
        return PROFILES[self.name]

    @property
    def unsigned(self) -> bool:
        """Whether weights of integer products are stored as uint8."""
        return self.integer_weights.type == "uint8"

    def entry(self) -> dict[str, object]:
        """What `bundle.json` keeps of it."""
        return {"profile": self.name, "integer_weights": self.integer_weights.entry()}
