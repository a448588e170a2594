"""Times graphs as a small server runs them: each in a process of its own, taking turns.

Two sessions in one process disturb each other, since the threads of both spin while they wait; and
a machine's speed drifts, so that only neighbours in time compare. Run as a command this file is
the one process: it times one graph and prints the medians as JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from export.sessions import open_session

LENGTHS = (32, 128, 512)


def time_graphs(
    graphs: Mapping[str, Path], *, lengths: Sequence[int] = LENGTHS, rounds: int = 5
) -> dict[str, dict[int, list[float]]]:
    """Milliseconds of one text through each graph: name -> length -> one median for each round."""
    commands = {
        name: [sys.executable, "-m", "export.latency", str(path), *map(str, lengths)]
        for name, path in graphs.items()
    }
    return time_commands(commands, lengths=lengths, rounds=rounds)


def time_commands(
    commands: Mapping[str, Sequence[str]], *, lengths: Sequence[int], rounds: int
) -> dict[str, dict[int, list[float]]]:
    """As `time_graphs`, for any commands that print `{length: milliseconds}` as their last line."""
    times: dict[str, dict[int, list[float]]] = {
        name: {length: [] for length in lengths} for name in commands
    }
    for _ in range(rounds):
        for name, command in commands.items():
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for length, milliseconds in json.loads(printed.splitlines()[-1]).items():
                times[name][int(length)].append(milliseconds)
    return times


def ratios(
    times: Mapping[str, Mapping[int, Sequence[float]]], name: str, to: str
) -> dict[int, float]:
    """The median over rounds of one graph's time to another's, both of the same round."""
    return {
        length: statistics.median(
            mine / theirs for mine, theirs in zip(values, times[to][length], strict=True)
        )
        for length, values in times[name].items()
    }


def median_time(call: Callable[[], object]) -> float:
    """Milliseconds: the median over about a second of calls, after a few that do not count."""
    for _ in range(3):
        call()
    taken: list[float] = []
    while len(taken) < 5 or (sum(taken) < 1 and len(taken) < 2000):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the medians of one graph at the given lengths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", type=Path)
    parser.add_argument("lengths", type=int, nargs="+")
    given = parser.parse_args(argv)
    session = open_session(given.graph)
    declared = {value.name for value in session.get_inputs()}
    medians = {}
    for length in given.lengths:
        feed = {
            "input_ids": np.ones((1, length), np.int64),
            "attention_mask": np.ones((1, length), np.int64),
            "token_type_ids": np.zeros((1, length), np.int64),
        }
        feed = {name: array for name, array in feed.items() if name in declared}
        medians[length] = median_time(partial(session.run, None, feed))
    sys.stdout.write(json.dumps(medians) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
