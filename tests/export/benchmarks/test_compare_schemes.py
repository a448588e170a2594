"""The table of schemes: what was asked for, each measured, and texts that are not there refused."""

from pathlib import Path

import onnx
import pytest

from export.benchmarks import compare_schemes
from export.benchmarks.compare_schemes import FLOAT32, main


def cells(line: str) -> list[str]:
    return line.strip("| ").split(" | ")


def test_each_scheme_is_compared_and_all_are_timed_together(
    checkpoint: Path,
    graph: onnx.ModelProto,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(compare_schemes, "trace_encoder", lambda model: graph)
    timed: list[list[str]] = []

    def time_graphs(files, *, lengths, rounds, busy):
        timed.append([*files])
        assert all(path.is_file() for path in files.values())
        return {name: {n: [2.0 + i, 9.0] for n in lengths} for i, name in enumerate(files)}

    monkeypatch.setattr(compare_schemes, "time_graphs", time_graphs)
    schemes = ["blocks of 16", "words only, layers in float32"]

    flags = ["--only", *schemes, "--texts", "40", "--rounds", "2"]
    assert main([str(checkpoint), *flags, "--integer-weights", "uint8"]) == 0

    texts, found, times = capsys.readouterr().out.split("\n\n")
    assert texts == "40 texts, chosen from: 64 of tokens at random"
    rows = [cells(line) for line in found.splitlines()[2:]]
    assert [row[0] for row in rows] == schemes
    blocks, words = ([float(number) for number in row[3].split(", ")] for row in rows)
    assert 0 < words[0] < blocks[0] < blocks[1] <= blocks[2] < 0.5
    assert timed == [[FLOAT32, *schemes]]
    assert cells(times.splitlines()[-1])[1] == "4.00 (2.00)"


@pytest.mark.parametrize("texts", ["0", "65"])
def test_more_texts_than_there_are_are_refused(
    checkpoint: Path, texts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(checkpoint), "--texts", texts]) == 2

    assert f"--texts is {texts}; there are 64" in capsys.readouterr().err
