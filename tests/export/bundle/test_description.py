"""What no reader would open is refused before any work, by the schema that readers open by."""

import json
from pathlib import Path

import pytest

from export import to_onnx


def _two_of_one_name(folder: Path) -> None:
    _change(folder / "config.json", {"id2label": {"0": "good", "1": "bad", "2": "good"}})


def _no_name(folder: Path) -> None:
    _change(folder / "config.json", {"id2label": {"0": "good", "1": "bad", "2": " "}})


def _change(file: Path, changes: dict) -> None:
    content = json.loads(file.read_text("utf-8")) | changes
    content.pop("label2id", None)
    file.write_text(json.dumps(content), encoding="utf-8")


def _record(folder: Path, **noted: object) -> None:
    (folder / "training.json").write_text(json.dumps({"format": 1, **noted}), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        (_two_of_one_name, [], "has 'good' twice as labels"),
        (_no_name, [], "has ' ' as labels[2]"),
        (lambda folder: None, ["--title", " "], "--title is empty"),
        (lambda folder: None, ["--title", "a\udc80"], "has 'a\\udc80' as title"),
        (lambda folder: _record(folder, temperature=1e-320), [], "has 1e-320 as temperature"),
        (lambda folder: _record(folder, examples=[{"text": "a" * 10_001}]), [], "examples[0].text"),
        (lambda folder: _record(folder, metrics={"test": {"loss": 10**400}}), [], "metrics.test"),
    ],
)
def test_it_is_refused_before_the_work(
    change, flags, message, checkpoint: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(to_onnx, "export_encoder", lambda *_, **__: pytest.fail("it was traced"))
    change(checkpoint)
    out = tmp_path / "bundle"

    assert to_onnx.main([str(checkpoint), "--out", str(out), *flags]) == 2

    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert len(said.replace(str(checkpoint), "")) < 500
    assert not out.exists()
