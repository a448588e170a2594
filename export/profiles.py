"""What an 8-bit graph may cost and must buy: the profiles to choose from, and their limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from export.scheme import DECODER, FAITHFUL, FAST, Scheme


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
