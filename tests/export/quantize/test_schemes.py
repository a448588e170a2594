"""The gate of an 8-bit graph: which limit is missed, and by how much."""

from collections.abc import Mapping
from dataclasses import replace

import onnx
import onnx.parser
import onnxruntime
import pytest

from explorer.inference.session import adds_exactly
from export.quantize.schemes import PROFILES, EightBit, Found, misses, not_measured
from export.report import show_profile
from export.runtime import session, timing
from export.runtime.session import EXACT, IntegerWeights, choose_integer_weights
from export.runtime.timing import time_share

LIMITS = PROFILES["faithful"].limits
NOTHING = """<ir_version: 10, opset_import: ["": 20]>
nothing (float[1] given) => (float[1] same) { same = Identity (given) }"""
GOOD = Found(
    size=0.28,
    latency={32: 0.75, 128: 0.70},
    map_error={"mean": 0.01, "p99": 0.03, "max": 0.4},
    texts=3000,
    same_label=0.995,
    accuracy=(0.86, 0.857),
)


def test_a_graph_at_its_limits_passes() -> None:
    assert misses(GOOD, LIMITS) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"same_label": 0.98},
            "same label 98.00% of 3000 texts; at least 99.50% is wanted: 1.50 points too few",
        ),
        (
            {"accuracy": (0.86, 0.85)},
            "accuracy 85.00% of 3000 texts, float32 86.00%; at most 0.3 points apart is wanted: "
            "0.70 too much",
        ),
        (
            {"map_error": {"mean": 0.0123, "p99": 0.03}},
            "map error, mean, 0.0123; at most 0.01 is wanted: 0.0023 too much",
        ),
        (
            {"map_error": {"mean": 0.01, "p99": 0.05}},
            "map error, 99th percentile, 0.0500; at most 0.03 is wanted: 0.0200 too much",
        ),
        (
            {"latency": {32: 0.7, 128: 0.9}},
            "time at 128 tokens 0.900 of float32's; at most 0.75 is wanted: 0.150 too much",
        ),
        ({"size": 0.3}, "size 0.300 of float32's; at most 0.28 is wanted: 0.020 too much"),
    ],
    ids=["label", "accuracy", "mean", "p99", "latency", "size"],
)
def test_a_miss_says_which_limit_and_by_how_much(
    change: Mapping[str, object], sentence: str
) -> None:
    assert misses(replace(GOOD, **change), LIMITS) == [sentence]


def test_all_misses_are_listed() -> None:
    bad = replace(GOOD, size=1.0, same_label=0.5, latency={32: 2.0, 128: 2.0})

    assert len(misses(bad, LIMITS)) == 4


def test_of_few_texts_one_may_differ() -> None:
    one = replace(GOOD, texts=100, same_label=0.99, accuracy=(0.86, 0.87))
    two = replace(GOOD, texts=100, same_label=0.98, accuracy=(0.86, 0.88))

    assert misses(one, LIMITS) == []
    assert len(misses(two, LIMITS)) == 2


def test_what_could_not_be_measured_is_neither_missed_nor_held() -> None:
    unknown = Found(size=0.2, latency={24: 3.0})

    assert misses(unknown, LIMITS) == []
    assert not_measured(unknown, LIMITS) == [
        "same label",
        "accuracy",
        "map error, mean",
        "map error, 99th percentile",
        "time at 32 tokens",
        "time at 128 tokens",
    ]
    assert not_measured(GOOD, LIMITS) == []
    assert not_measured(replace(GOOD, latency={32: 0.7}), LIMITS) == ["time at 128 tokens"]
    shown = show_profile(EightBit(), [], ["accuracy", "time at 128 tokens"], None)
    assert "all measured limits hold; not measured: accuracy, time at 128 tokens" in shown
    assert "all limits hold" in show_profile(EightBit(), [], [], None)


def test_fast_asks_for_speed_and_not_for_maps() -> None:
    found = replace(
        GOOD,
        map_error={"mean": 0.02, "p99": 0.06},
        latency={32: 0.4, 128: 0.45, 512: 0.6},
        accuracy=(0.86, 0.8555),
    )

    assert misses(found, PROFILES["fast"].limits) == [
        "time at 512 tokens 0.600 of float32's; at most 0.58 is wanted: 0.020 too much"
    ]


def test_a_missed_time_is_taken_again_and_the_fastest_rounds_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = iter(
        {"graph": {32: [graph, 9.0, 9.0]}, "of": {32: [of, 20.0, 20.0]}}
        for graph, of in ((8.0, 10.0), (7.0, 11.0), (7.5, 10.0), (1.0, 9.0))
    )
    monkeypatch.setattr(timing, "time_graphs", lambda files, lengths, rounds, busy: next(taken))
    graph = onnx.ModelProto()

    found = time_share(graph, graph, lengths=[32], limits={32: 0.75})

    assert found == {32: 0.7}, "7 of the second turn, 10 of the first"
    assert next(taken)["graph"][32][0] == 7.5, "0.7 holds: there was no third"


def test_without_a_limit_times_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter([{"graph": {32: [9.0, 8.0]}, "of": {32: [10.0, 16.0]}}])
    monkeypatch.setattr(timing, "time_graphs", lambda files, lengths, rounds, busy: next(taken))

    assert time_share(onnx.ModelProto(), onnx.ModelProto(), lengths=[32]) == {32: 0.8}


@pytest.mark.parametrize(
    ("machine", "flags", "expected", "reason"),
    [
        ("x86_64", "fpu avx2 avx512_vnni fsrm", "int8", "avx512_vnni"),
        ("AMD64", "avx2 avx_vnni", "int8", "avx_vnni"),
        ("x86_64", "fpu avx2 avx512f", "uint8", "without VNNI"),
        ("aarch64", "", "int8", "aarch64"),
    ],
)
def test_integer_weights_follow_the_processor(
    machine: str, flags: str, expected: str, reason: str
) -> None:
    assert adds_exactly(machine, flags) is (expected == "int8"), "the page, which stands alone"
    chosen = choose_integer_weights("auto", machine, flags)

    assert chosen.type == expected
    assert reason in chosen.reason


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_sessions_take_the_slow_and_exact_way_only_where_the_processor_needs_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, str] = {}

    class Options(onnxruntime.SessionOptions):
        def add_session_config_entry(self, key: str, value: str) -> None:
            asked[key] = value
            super().add_session_config_entry(key, value)

    monkeypatch.setattr(session.onnxruntime, "SessionOptions", Options)
    monkeypatch.setattr(session, "by_processor", lambda: IntegerWeights(type=kind, reason="so"))

    session.open_session(onnx.parser.parse_model(NOTHING))

    assert asked == ({EXACT: "1"} if kind == "uint8" else {})


def test_integer_weights_can_be_asked_for() -> None:
    assert choose_integer_weights("uint8", "x86_64", "avx512_vnni").type == "uint8"
