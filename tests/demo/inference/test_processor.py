"""Sessions take the exact and slow way only where the processor needs it."""

from pathlib import Path

import onnxruntime
import pytest

from explorer.bundle import Bundle
from explorer.inference import session as sessions
from explorer.inference.session import adds_exactly

OPTION = "session.x64quantprecision"


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "fpu avx2 avx512_vnni fsrm", True),
        ("AMD64", "avx2 avx_vnni", True),
        ("x86_64", "fpu avx2 avx512f", False),
        ("x86_64", "fpu avx512_vnni_but_not_quite", False),
        ("aarch64", "asimd", True),
    ],
)
def test_x86_without_vnni_does_not(machine: str, flags: str, expected: bool) -> None:
    assert adds_exactly(machine, flags) is expected


def test_an_x86_of_unknown_features_is_taken_for_one_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: False)

    assert not adds_exactly("x86_64")


@pytest.mark.parametrize("exact", [True, False])
def test_only_then_is_the_option_set(
    exact: bool, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, str] = {}
    add = onnxruntime.SessionOptions.add_session_config_entry

    def note(options: onnxruntime.SessionOptions, key: str, value: str) -> None:
        asked[key] = value
        add(options, key, value)

    monkeypatch.setattr(onnxruntime.SessionOptions, "add_session_config_entry", note)
    monkeypatch.setattr(sessions, "adds_exactly", lambda: exact)

    sessions.open_session(bundle.graph)

    assert (OPTION in asked) is not exact
