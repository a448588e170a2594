"""The gate of an 8-bit graph: which limit is missed, and by how much."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bundle_format.graphs import (
    ComparedTexts,
    GreedyTexts,
    Limits,
    MapError,
    ReadingGraph,
    WritingGraph,
    WritingMapError,
)
from export.quantize.schemes import (
    PROFILES,
    check_writes,
    missed_in_writing,
    missed_limits,
    missed_times,
    not_measured,
    profiles_beside,
)
from export.report import show_options_after_a_miss, show_profile

LIMITS = PROFILES["faithful"].limits
GOOD = ReadingGraph(
    file="onnx/model_quantized.onnx",
    size_ratio=0.28,
    latency_ratio={"32": 0.75, "128": 0.70},
    map_error=MapError(mean=0.01, p99=0.03, max=0.4),
    held_out=ComparedTexts(
        texts=3000, same_label=0.995, accuracy_float32=0.86, accuracy_8bit=0.857
    ),
)


def changed(good: ReadingGraph = GOOD, **change: object) -> ReadingGraph:
    """With other fields; those of the texts by their names."""
    texts = {name: change.pop(name) for name in vars(good.held_out) if name in change}
    return replace(good, held_out=replace(good.held_out, **texts), **change)


def every_miss(measured: ReadingGraph, limits: Limits = LIMITS) -> list[str]:
    return missed_limits(measured, limits) + missed_times(measured, limits)


def test_a_browser_is_given_no_blocks_and_maps_as_near_as_the_faithful_ones() -> None:
    browser, faithful = PROFILES["browser"], PROFILES["faithful"]

    assert "MatMulNBits" not in f"{browser.encoder}, {browser.decoder}"
    assert browser.limits == replace(faithful.limits, size_ratio=browser.limits.size_ratio)


def test_what_writes_is_held_to_its_texts_tokens_and_maps() -> None:
    limits = PROFILES["faithful"].writing
    most = limits.map_error
    good = WritingGraph(
        file="onnx/model_quantized.onnx",
        size_ratio=limits.size_ratio,
        map_error=WritingMapError(decoder_attentions=most),
        greedy=GreedyTexts(
            sources=100, same_text=0.2, same_token=limits.same_token, divergence=limits.divergence
        ),
    )
    worse = replace(
        good,
        greedy=replace(good.greedy, same_token=0.8, divergence=0.01),
        map_error=WritingMapError(cross_attentions=MapError(mean=most.mean, p99=1.0)),
    )

    assert missed_in_writing(good, limits) == []
    token, divergence, maps = missed_in_writing(worse, limits)

    assert token.startswith("same token 80.00% of 100 texts; at least ")
    assert divergence == "divergence 0.0100; at most 0.003 is wanted: 0.0070 too much"
    assert maps.startswith("map error of cross_attentions, 99th percentile, 1.0000; at most ")


def test_the_fast_profile_holds_tokens_and_no_maps_of_what_writes() -> None:
    limits = PROFILES["fast"].writing
    found = WritingGraph(
        file="onnx/model_quantized.onnx",
        size_ratio=limits.size_ratio,
        map_error=WritingMapError(decoder_attentions=MapError(mean=0.5, p99=0.9)),
        greedy=GreedyTexts(sources=100, same_token=0.92, divergence=0.012),
    )

    assert missed_in_writing(found, limits) == []
    assert len(missed_in_writing(found, PROFILES["faithful"].writing)) == 4


def test_a_profile_that_has_nothing_for_what_writes_is_refused() -> None:
    for name in ("faithful", "fast"):
        check_writes(name)
    with pytest.raises(ValueError, match=r"visitor's browser, .* --profile faithful or"):
        check_writes("browser")


@pytest.mark.parametrize(
    ("writes", "size", "told"),
    [
        (True, 500_000_000, "--profile fast; --allow-miss"),
        (False, 90_000_000, "--profile browser or --profile fast; --allow-miss"),
        (True, 200_000, "leave 8 bit out, by which a graph of 0.2 MB gains little; --allow-miss"),
    ],
)
def test_after_a_miss_it_says_what_may_help(writes: bool, size: int, told: str) -> None:
    others = profiles_beside("faithful", writes=writes)

    assert f"  {told} to write it" in show_options_after_a_miss(others, size)


def test_a_graph_at_its_limits_passes() -> None:
    assert every_miss(GOOD) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"same_label": 0.98},
            "same label 98.00% of 3000 texts; at least 99.50% is wanted: 1.50 points too few",
        ),
        (
            {"accuracy_8bit": 0.85},
            "accuracy 85.00% of 3000 texts, float32 86.00%; at most 0.3 points apart is wanted: "
            "0.70 too much",
        ),
        (
            {"map_error": MapError(mean=0.0123, p99=0.03)},
            "map error, mean, 0.0123; at most 0.01 is wanted: 0.0023 too much",
        ),
        (
            {"map_error": MapError(mean=0.01, p99=0.05)},
            "map error, 99th percentile, 0.0500; at most 0.03 is wanted: 0.0200 too much",
        ),
        (
            {"latency_ratio": {"32": 0.7, "128": 0.9}},
            "time at 128 tokens 0.900 of float32's; at most 0.75 is wanted: 0.150 too much",
        ),
        ({"size_ratio": 0.3}, "size 0.300 of float32's; at most 0.28 is wanted: 0.020 too much"),
    ],
    ids=["label", "accuracy", "mean", "p99", "latency", "size"],
)
def test_a_miss_says_which_limit_and_by_how_much(
    change: Mapping[str, object], sentence: str
) -> None:
    assert every_miss(changed(**change)) == [sentence]


def test_all_misses_are_listed() -> None:
    bad = changed(size_ratio=1.0, same_label=0.5, latency_ratio={"32": 2.0, "128": 2.0})

    assert len(every_miss(bad)) == 4


def test_of_few_texts_one_may_differ() -> None:
    one = changed(texts=100, same_label=0.99, accuracy_8bit=0.87)
    two = changed(texts=100, same_label=0.98, accuracy_8bit=0.88)

    assert every_miss(one) == []
    assert len(every_miss(two)) == 2


def test_what_could_not_be_measured_is_neither_missed_nor_held() -> None:
    unknown = ReadingGraph(file=GOOD.file, size_ratio=0.2, latency_ratio={"24": 3.0})

    assert every_miss(unknown) == []
    assert not_measured(unknown, LIMITS) == [
        "same label",
        "accuracy",
        "map error, mean",
        "map error, 99th percentile",
        "time at 32 tokens",
        "time at 128 tokens",
    ]
    assert not_measured(GOOD, LIMITS) == []
    assert not_measured(changed(latency_ratio={"32": 0.7}), LIMITS) == ["time at 128 tokens"]
    shown = show_profile(changed(not_measured=("accuracy", "time at 128 tokens")), None)
    assert "all measured limits hold; not measured: accuracy, time at 128 tokens" in shown
    assert "all limits hold" in show_profile(GOOD, None)


def test_fast_asks_for_speed_and_not_for_maps() -> None:
    found = changed(
        map_error=MapError(mean=0.02, p99=0.06),
        latency_ratio={"32": 0.4, "128": 0.45, "512": 0.6},
        accuracy_8bit=0.8555,
    )

    assert every_miss(found, PROFILES["fast"].limits) == [
        "time at 512 tokens 0.600 of float32's; at most 0.58 is wanted: 0.020 too much"
    ]
