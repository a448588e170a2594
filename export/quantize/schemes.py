"""Which matrices become 8 bit, and how; what that may cost and must buy.

A scheme says what the matrices of a graph become. A profile, which a user chooses, is a scheme for
each graph and the limits that the encoder's is held to. `compare_schemes.py` measures the schemes
beside others that were tried.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bundle_format.graphs import (
    ComparedTexts,
    IntegerWeights,
    Limits,
    MapError,
    ReadingGraph,
    WritingGraph,
    WritingLimits,
    WritingMapError,
)
from export.runtime.session import choose_integer_weights


@dataclass(frozen=True)
class BlockwiseInt8:
    """`MatMulNBits`: a scale for every `size` weights of a column."""

    size: int = 32
    level: int = 4
    """Its accuracy_level: 4 multiplies in int8, activations scaled block by block; 0 in float32."""
    residual: bool = False
    """Whether what rounding the activations loses is rounded and multiplied as well."""

    def __str__(self) -> str:
        twice = ", activations with their residual" if self.residual else ""
        return f"MatMulNBits, blocks of {self.size}, accuracy level {self.level}{twice}"


@dataclass(frozen=True)
class PerTokenInt8:
    """int8 with a scale for each column of a matrix and for each position of its input."""

    outlier_channels: int = 0
    """So many of the input's channels, the largest, are multiplied in float32."""

    def __str__(self) -> str:
        apart = f", {self.outlier_channels} channels in float32" if self.outlier_channels else ""
        return f"int8 by rows and columns{apart}"


@dataclass(frozen=True)
class DynamicInt8:
    """int8 with a scale for each column of a matrix and one for all positions of a run, as
    onnxruntime's `quantize_dynamic` writes it."""

    def __str__(self) -> str:
        return "int8 by columns, one scale for a run"


@dataclass(frozen=True)
class Float32:
    """Stays as it is."""

    def __str__(self) -> str:
        return "float32"


MatrixFormat = BlockwiseInt8 | PerTokenInt8 | DynamicInt8 | Float32


@dataclass(frozen=True)
class Tier:
    """What the most sensitive matrices become instead."""

    share: float
    """So much of all matrices, of those that no level before has taken."""
    product: MatrixFormat


@dataclass(frozen=True)
class Scheme:
    """What the products of hidden states and matrices become: a few exactly, the rest fast."""

    product: MatrixFormat
    tiers: tuple[Tier, ...] = ()
    """The most sensitive first, as `graph.py` ranks them."""
    words: BlockwiseInt8 | None = None
    """What a table of words becomes that is the head as well; None: a scale for each word."""

    def assign(self, ranking: Sequence[str]) -> dict[str, MatrixFormat]:
        """What each becomes of what is ranked, the most sensitive first."""
        waiting, found = list(ranking), {}
        for level in self.tiers:
            for _ in range(min(len(waiting), round(level.share * len(ranking)))):
                found[waiting.pop(0)] = level.product
        return found | dict.fromkeys(waiting, self.product)

    def __str__(self) -> str:
        levels = [f"{level.share:.0%} of the matrices: {level.product}" for level in self.tiers]
        return "; ".join([*levels, f"{'the others' if levels else 'layers'}: {self.product}"])


FAITHFUL = Scheme(PerTokenInt8(), (Tier(1 / 3, BlockwiseInt8(32)), Tier(1 / 3, PerTokenInt8(8))))
FAST = Scheme(DynamicInt8(), (Tier(1 / 8, PerTokenInt8()),))
DECODER = Scheme(BlockwiseInt8(32))
BROWSER = Scheme(PerTokenInt8(8), (Tier(1 / 12, Float32()),))
"""As near to float32 as the faithful one without any blocks, which onnxruntime-web unpacks anew in
every run. What stays in float32 makes it larger."""
BROWSER_DECODER = Scheme(PerTokenInt8())
GENERATOR = Scheme(BlockwiseInt8(32, residual=True), words=BlockwiseInt8(32, residual=True))
"""Of any family: a word's rank among tens of thousands turns on less than our hybrid's does."""


SIZE = 0.28
"""Of float32's bytes: eight bits of 32, their scales, and what stays in float32."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A way to 8 bit, with what it promises."""

    encoder: Scheme
    decoder: Scheme
    """Of a decoder of ours."""
    limits: Limits
    generator: Scheme | None = None
    """Of one of any family; None: there is none for such."""
    writing: WritingLimits | None = None
    """Of a generator of any family."""


# Between what rounding inputs twice reaches on SmolLM2-135M-Instruct (divergence 0.0003, and 0.0016
# where its weights are rounded as if they lay on no grid; 97 to 99 % of the tokens; maps 0.003 and
# 0.006) and what rounding them once did (0.012, 92 %, 0.012), by which France's capital was no
# longer Paris: the fast one's limits are about that. A random GPT-2 is at 0.0003 and 97 %.
_WRITING = WritingLimits(
    same_token=0.95, divergence=0.003, map_error=MapError(mean=0.01, p99=0.04), size_ratio=0.32
)
_NEAR = Limits(
    same_label=0.995,
    accuracy_difference=0.003,
    map_error=MapError(mean=0.01, p99=0.03),
    latency_ratio={"32": 0.75, "128": 0.75},
    size_ratio=SIZE,
)
PROFILES = {
    "faithful": Profile(
        encoder=FAITHFUL, decoder=DECODER, generator=GENERATOR, limits=_NEAR, writing=_WRITING
    ),
    "browser": Profile(
        encoder=BROWSER,
        decoder=BROWSER_DECODER,
        limits=replace(_NEAR, size_ratio=0.32),
    ),
    "fast": Profile(
        encoder=FAST,
        decoder=DECODER,
        generator=DECODER,
        limits=Limits(
            same_label=0.985,
            accuracy_difference=0.005,
            latency_ratio={"32": 0.42, "128": 0.45, "512": 0.58},
            size_ratio=SIZE,
        ),
        writing=WritingLimits(
            same_token=0.9, divergence=0.02, map_error=MapError(), size_ratio=0.32
        ),
    ),
}


def profiles_beside(name: str, *, writes: bool) -> list[str]:
    """The other ones, for what writes, of any family, or for any other graph."""
    return [
        other for other, one in PROFILES.items() if other != name if one.generator or not writes
    ]


def check_writes(name: str) -> None:
    """Raises ValueError: a profile is none for what writes, of any family."""
    if PROFILES[name].generator is None:
        others = " or ".join(f"--profile {other}" for other in profiles_beside(name, writes=True))
        raise ValueError(
            f"--profile {name} is for the page that runs in its visitor's browser, which opens no "
            f"model of this kind, what writes of any family; give {others}"
        )


@dataclass(frozen=True, kw_only=True)
class QuantizationOptions:
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


def missed_in_writing(measured: WritingGraph, limits: WritingLimits) -> list[str]:
    """As `missed_limits`, of a graph that writes."""
    said, greedy = list[str](), measured.greedy
    if greedy and greedy.same_token is not None:
        lacking = limits.same_token - greedy.same_token
        if lacking > _ROUNDING:
            said.append(
                f"same token {greedy.same_token:.2%} of {greedy.sources} texts; at least "
                f"{limits.same_token:.2%} is wanted: {100 * lacking:.2f} points too few"
            )
    if greedy and greedy.divergence is not None and limits.divergence is not None:
        title = f"divergence {greedy.divergence:.4f}"
        said += _above(title, greedy.divergence, limits.divergence, digits=4)
    errors = measured.map_error or WritingMapError()
    for name in ("decoder_attentions", "cross_attentions"):
        for kind, what in _KINDS.items():
            most = getattr(limits.map_error, kind)
            error = getattr(getattr(errors, name), kind, None)
            if most is not None and error is not None:
                title = f"map error of {name}, {what}, {error:.4f}"
                said += _above(title, error, most, digits=4)
    if (size := measured.size_ratio) is not None:
        said += _above(f"size {size:.3f} of float32's", size, limits.size_ratio)
    return said


def missed_limits(measured: ReadingGraph, limits: Limits) -> list[str]:
    """Which limits do not hold, but for those of time: a sentence each, with how much is missing.

    What was not measured is neither held nor missed, see `not_measured`. On few texts one text may
    differ where the limit is a smaller share than that.
    """
    said = list(_missed_labels(measured.held_out, limits)) if measured.held_out else []
    for kind, what in _KINDS.items():
        most, error = getattr(limits.map_error, kind, None), getattr(measured.map_error, kind, None)
        if most is not None and error is not None:
            said += _above(f"map error, {what}, {error:.4f}", error, most, digits=4)
    if (size := measured.size_ratio) is not None:
        said += _above(f"size {size:.3f} of float32's", size, limits.size_ratio)
    return said


def missed_times(measured: ReadingGraph, limits: Limits) -> list[str]:
    """The limits of time that do not hold; another run may not repeat them."""
    times, said = measured.latency_ratio or {}, []
    for tokens, most in limits.latency_ratio.items():
        if tokens in times:
            share = times[tokens]
            said += _above(f"time at {tokens} tokens {share:.3f} of float32's", share, most)
    return said


def not_measured(measured: ReadingGraph, limits: Limits) -> list[str]:
    """Of which limits nothing is known, so that they are neither held nor missed."""
    texts, times = measured.held_out, measured.latency_ratio or {}
    return [
        *(["same label"] if texts is None or texts.same_label is None else []),
        *(["accuracy"] if texts is None or texts.accuracy_8bit is None else []),
        *(
            f"map error, {what}"
            for kind, what in _KINDS.items()
            if getattr(limits.map_error, kind, None) is not None
            if getattr(measured.map_error, kind, None) is None
        ),
        *(f"time at {tokens} tokens" for tokens in limits.latency_ratio if tokens not in times),
    ]


_ROUNDING = 1e-9
"""Shares of texts are sums of floats: one at its limit is not above it."""
_KINDS = {"mean": "mean", "p99": "99th percentile", "max": "largest"}


def _above(what: str, found: float, most: float, digits: int = 3) -> list[str]:
    if found <= most:
        return []
    return [f"{what}; at most {most} is wanted: {found - most:.{digits}f} too much"]


def _missed_labels(found: ComparedTexts, limits: Limits) -> Iterator[str]:
    one_text = 1 / found.texts if found.texts else 1.0
    if found.same_label is not None:
        lacking = limits.same_label - found.same_label
        if lacking > max(0, one_text - (1 - limits.same_label)) + _ROUNDING:
            yield (
                f"same label {found.same_label:.2%} of {found.texts} texts; at least "
                f"{limits.same_label:.2%} is wanted: {100 * lacking:.2f} points too few"
            )
    before, after = found.accuracy_float32, found.accuracy_8bit
    if before is not None and after is not None:
        difference, most = abs(after - before), limits.accuracy_difference
        if difference > max(most, one_text) + _ROUNDING:
            yield (
                f"accuracy {after:.2%} of {found.texts} texts, float32 {before:.2%}; at most "
                f"{100 * most:.1f} points apart is wanted: {100 * (difference - most):.2f} too much"
            )
