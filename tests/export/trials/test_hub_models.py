"""A list of models is tried to its end, whatever comes of each."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from export.trials import hub_models

TINY = Path(__file__).parents[2] / "demo" / "tiny_bundle"


def test_each_model_has_a_row_with_its_numbers_or_with_what_refuses_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = []

    def export(argv: Sequence[str]) -> int:
        given.append(argv)
        name, _, out, *_ = argv
        if name == "somebody/refused":
            sys.stderr.write("to_onnx.py: it is a | seq2seq model\n")
            return 2
        shutil.copytree(TINY, out)
        return 0

    monkeypatch.setattr(hub_models, "export", export)
    models = ["mine/tiny", "somebody/refused"]

    code = hub_models.main([*models, "--max-tokens", "64", "--keep", str(tmp_path)])

    head, line, opened, refused, _, total = capsys.readouterr().out.splitlines()
    assert code == 1
    assert given[0] == ["mine/tiny", "--out", str(tmp_path / "tiny"), "--max-tokens", "64"]
    assert head.count("|") == line.count("|") == opened.count("|") == refused.count("|")
    assert opened.startswith("| mine/tiny | classify, generate | 2 × 2 | ")
    assert refused.endswith("| refused: it is a / seq2seq model |")
    assert total == "1 of 2 opened"
