"""Other runtimes: the real ones agree on a bundle, and one that does not is found."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from export.runtime import other_runtimes
from export.runtime.other_runtimes import (
    OpenVino,
    Reference,
    Runtime,
    RuntimeRefusal,
    Web,
    WebRuntimeError,
    WebSession,
    missing_for_web,
)
from export.runtime.session import Run, open_session, run
from export.to_onnx import main
from export.verification.bundle import verify_bundle
from export.verification.graphs import captured_stderr
from export.verify import show_proof

TINY = Path(__file__).parents[2] / "demo" / "tiny_bundle"
DECODER = TINY / "onnx" / "decoder_model_merged.onnx"


class Wrong:
    """A runtime whose numbers are a hundredth too large."""

    name, takes_large = "wrong", False

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return "1"

    def must_run(self, precision: str) -> bool:
        return precision == "float32"

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        session = open_session(graph)
        yield lambda feed: {name: values * 1.01 for name, values in run(session, feed).items()}


class Refusing(Wrong):
    """A runtime that takes no graph."""

    name = "refusing"

    @contextmanager
    def open(self, graph: Path) -> Iterator[Run]:
        raise RuntimeRefusal("no such operator")
        yield


class Absent(Wrong):
    """A runtime that is not there."""

    name = "absent"

    def missing(self) -> str | None:
        return "pip install absent"


@pytest.mark.parametrize("runtime", [Reference(), OpenVino(), Web()], ids=lambda one: one.name)
def test_a_runtime_agrees_with_onnxruntime_on_every_graph(
    runtime: Runtime, skip_for_want: Callable[[str], None]
) -> None:
    if command := runtime.missing():
        skip_for_want(f"needs {runtime.name}: {command}")

    found = verify_bundle(TINY, [runtime])

    assert found.failures == []
    assert found.versions[runtime.name][0].isdigit()
    for one in found.graphs:
        (agreement,) = one.agreement.values()
        if one.precision == "8bit" and isinstance(runtime, Reference):
            assert "standard operators only, not com.microsoft" in agreement.skipped
            continue
        assert 0 < agreement.differences["logits"] < (1 if one.precision == "8bit" else 1e-3)
        kinds = {"encoder_attentions"} if one.task == "classify" else {"present.key"}
        assert kinds < agreement.differences.keys()
        at_limit = [case for case in agreement.cases if "32 tokens" in case or "23+1" in case]
        assert bool(at_limit) == (runtime.takes_large and one.precision == "float32")


def test_wrong_refusing_and_absent_runtimes_are_told() -> None:
    found = verify_bundle(TINY, [Wrong(), Refusing(), Absent()])

    told = "\n".join(found.failures)
    assert "wrong, 2 x 17 tokens of the examples: encoder_attentions.1 differs from onnx" in told
    assert "onnx/model.onnx: refusing: it refuses the graph: no such operator" in told
    assert "onnx/model_quantized.onnx: refusing" not in told, "8 bit is promised in fewer"
    assert "absent" not in told, "to be there is no duty"
    assert set(found.versions) == {"onnxruntime", "wrong", "refusing"}
    page = " ".join(show_proof(found).split())
    assert "absent: not run; not installed: pip install absent" in page
    assert "refusing: not run; it refuses the graph: no such operator" in page


@pytest.mark.usefixtures("fast")
def test_the_exporter_keeps_the_proof_and_writes_nothing_where_it_fails(
    checkpoint: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    out = tmp_path / "bundle"

    monkeypatch.setattr(other_runtimes, "OTHERS", (Wrong(),))
    assert main([str(checkpoint), "--out", str(out)]) == 1
    assert "failed: onnx/model.onnx: wrong, " in capsys.readouterr().err
    assert list(tmp_path.glob("*bundle*")) == []

    monkeypatch.setattr(other_runtimes, "OTHERS", (Reference(),))
    assert main([str(checkpoint), "--out", str(out)]) == 0
    assert '"onnx.reference"' in (out / "bundle.json").read_text("utf-8")
    assert "largest difference from onnxruntime:" in capsys.readouterr().out


def test_what_is_written_to_stderr_below_python_is_caught_and_then_no_more(capfd) -> None:
    with captured_stderr() as said:
        os.write(2, b"from below\n")
    os.write(2, b"afterwards\n")

    assert said == ["from below"]
    assert capfd.readouterr().err == "afterwards\n"


def test_web_sessions_run_often_refuse_in_words_and_end(
    tmp_path: Path, skip_for_want: Callable[[str], None]
) -> None:
    if command := missing_for_web():
        skip_for_want(f"needs onnxruntime-web under node: {command}")
    feed = {
        "input_ids": np.array([[2, 7, 3]]),
        "attention_mask": np.ones((1, 3), np.int64),
        "token_type_ids": np.zeros((1, 3), np.int64),
    }
    with WebSession(TINY / "onnx" / "model.onnx") as session:
        with pytest.raises(WebRuntimeError, match=r"onnxruntime-web: .*attention_mask"):
            session.run({"input_ids": feed["input_ids"]})
        first = session.run(feed)
        again = session.run(feed)
    assert np.array_equal(first["logits"], again["logits"])
    assert again["encoder_attentions.0"].shape == (1, 2, 3, 3)

    (tmp_path / "no.onnx").write_bytes(b"no graph")
    with pytest.raises(WebRuntimeError, match=r"onnxruntime-web: .*protobuf"):
        WebSession(tmp_path / "no.onnx")


def test_without_node_modules_the_command_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(other_runtimes, "NODE", tmp_path)

    assert "npm install --prefix export/node" in (missing_for_web() or "")
    with pytest.raises(WebRuntimeError, match=r"not installed: .*npm install"):
        WebSession(DECODER)
