"""How graphs are timed: in processes that take turns, each graph in its fastest round."""

from pathlib import Path

import onnx
import pytest

from export.runtime import timing
from export.runtime.timing import time_share

BUNDLE = Path(__file__).parents[2] / "demo" / "tiny_bundle" / "onnx"

SMALL, WHOLE = "the graph in 8 bit", "the graph in float32"
"""As whoever waits for the rounds is told."""


@pytest.mark.parametrize("file", ["model.onnx", "decoder_model_merged.onnx"])
def test_two_graphs_are_timed_in_processes_of_their_own(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "_ROUNDS", 1)
    graph = onnx.load(BUNDLE / file)

    found = time_share(graph, graph, lengths=[3], busy=True)

    assert list(found) == [3]
    assert 0.1 < found[3] < 10


def test_a_missed_time_is_taken_again_and_the_fastest_rounds_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = iter(
        {SMALL: {32: [graph, 9.0, 9.0]}, WHOLE: {32: [of, 20.0, 20.0]}}
        for graph, of in ((8.0, 10.0), (7.0, 11.0), (7.5, 10.0), (1.0, 9.0))
    )
    monkeypatch.setattr(timing, "time_graphs", lambda files, lengths, rounds, busy: next(taken))
    graph = onnx.ModelProto()

    found = time_share(graph, graph, lengths=[32], limits={32: 0.75})

    assert found == {32: 0.7}, "7 of the second turn, 10 of the first"
    assert next(taken)[SMALL][32][0] == 7.5, "0.7 holds: there was no third"


def test_without_a_limit_times_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter([{SMALL: {32: [9.0, 8.0]}, WHOLE: {32: [10.0, 16.0]}}])
    monkeypatch.setattr(timing, "time_graphs", lambda files, lengths, rounds, busy: next(taken))

    assert time_share(onnx.ModelProto(), onnx.ModelProto(), lengths=[32]) == {32: 0.8}
