"""Sessions as the exporter opens them, and what this processor multiplies exactly."""

import onnx.parser
import onnxruntime
import pytest

from bundle_format.graphs import IntegerWeights
from explorer.inference.session import adds_exactly
from export.runtime import session
from export.runtime.session import EXACT, choose_integer_weights

NOTHING = """<ir_version: 10, opset_import: ["": 20]>
nothing (float[1] given) => (float[1] same) { same = Identity (given) }"""


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
