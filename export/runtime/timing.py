"""Times graphs as a small server runs them: each in a process of its own, taking turns.

One run is a text through an encoder, or one more token through a decoder. Two sessions in one
process disturb each other, since the threads of both spin while they wait; and a machine's speed
drifts, so that only neighbours in time compare. Run as a command this file is the one process: it
times one thing and prints `{number: milliseconds}` as JSON.

    python -m export.runtime.timing MODULE:FUNCTION FILE NUMBER... [OPTION=VALUE...]
"""

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import onnx
import onnxruntime
from onnxruntime import OrtValue

from export.graphs.graph_file import save_graph
from export.graphs.names import empty_cache, encoder_feed, input_names
from export.runtime.session import THREADS, open_session

Timed = Callable[..., Mapping[int, float]]
"""Takes a graph's file or a checkpoint's folder, and the numbers that its milliseconds are asked
for: tokens of a text, of many texts, of a text that is written. Its options are words."""

LENGTHS = (32, 128, 512)
SOURCE = 32
"""Tokens of the source behind a timed step."""
_TURNS, _ROUNDS = 3, 5
_STAT = Path("/proc/stat")
BUSY = 0.1
"""Others' share of the processors above which times on all threads mean little."""


def time_graphs(
    graphs: Mapping[str, Path],
    *,
    lengths: Sequence[int] = LENGTHS,
    rounds: int = 5,
    busy: bool = False,
) -> dict[str, dict[int, list[float]]]:
    """Milliseconds of one run of each graph: name -> length -> one median for each round.

    The lengths are tokens of the text, or for a decoder the tokens written before.
    """
    options = {"clock": "process_time"} if busy else {}
    commands = {
        name: timing_command(time_graph, path, lengths, **options) for name, path in graphs.items()
    }
    return time_commands(commands, lengths=lengths, rounds=rounds)


def timing_command(timed: Timed, file: Path, numbers: Sequence[int], **options: str) -> list[str]:
    """The command that calls `timed` in a process of its own."""
    name = f"{timed.__module__}:{timed.__name__}"
    words = [str(file), *map(str, numbers), *(f"{key}={value}" for key, value in options.items())]
    return [sys.executable, "-m", "export.runtime.timing", name, *words]


def time_commands(
    commands: Mapping[str, Sequence[str]], *, lengths: Sequence[int], rounds: int
) -> dict[str, dict[int, list[float]]]:
    """As `time_graphs`, for any commands that print `{length: milliseconds}` as their last line;
    which one runs is told on stderr.

    Each round has an order of its own: a processor slows down under load, and what came last every
    time would be the slower for it.
    """
    random = Random(0)
    times: dict[str, dict[int, list[float]]] = {
        name: {length: [] for length in lengths} for name in commands
    }
    for number in range(rounds):
        for name, command in random.sample(list(commands.items()), len(commands)):
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for length, milliseconds in json.loads(printed.splitlines()[-1]).items():
                times[name][int(length)].append(milliseconds)
    return times


def fastest(times: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """Each length's time in its fastest round.

    What slows a round down is the machine's other work: a virtual processor that shares its core
    for a minute takes a third longer, and a median over rounds then says which minute it was.
    """
    return {length: min(values) for length, values in times.items()}


def ratios(
    times: Mapping[str, Mapping[int, Sequence[float]]], name: str, to: str
) -> dict[int, float]:
    """One graph's time to another's, each in its fastest round."""
    theirs = fastest(times[to])
    return {length: mine / theirs[length] for length, mine in fastest(times[name]).items()}


def table_of_times(
    title: str,
    columns: Mapping[int, str],
    times: Mapping[str, Mapping[int, Sequence[float]]],
    *,
    to: str,
    digits: int = 2,
) -> str:
    """Milliseconds in the fastest round and, in brackets, the ratio to one of them, as Markdown.

    Args:
        columns: length -> its column's title.
        times: name -> length -> milliseconds of each round.
        to: the name whose ratio is 1.00.
    """
    rows = [f"| {title} | {' | '.join(columns.values())} |", "|---|" + "---:|" * len(columns)]
    for name, of_length in times.items():
        best, ratio = fastest(of_length), ratios(times, name, to=to)
        cells = " | ".join(f"{best[n]:.{digits}f} ({ratio[n]:.2f})" for n in columns)
        rows.append(f"| {name} | {cells} |")
    return "\n".join(rows)


_THIS, _OTHER = "the graph in 8 bit", "the graph in float32"


def time_share(
    graph: onnx.ModelProto,
    of: onnx.ModelProto,
    *,
    lengths: Sequence[int],
    limits: Mapping[int, float] | None = None,
    busy: bool = False,
) -> dict[int, float]:
    """The time that a graph takes as a share of another's, at each length.

    Args:
        limits: while the share of a length is above its limit, more rounds are run, up to three
            times as many.
        busy: the machine does other things as well: what counts is the processor time of a single
            thread, which they hardly change.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = {_THIS: Path(folder) / "this.onnx", _OTHER: Path(folder) / "other.onnx"}
        save_graph(graph, files[_THIS])
        save_graph(of, files[_OTHER])
        times: dict[str, dict[int, list[float]]] = {
            name: {length: [] for length in lengths} for name in files
        }
        for _ in range(_TURNS):
            more = time_graphs(files, lengths=lengths, rounds=_ROUNDS, busy=busy)
            for name, length in product(files, lengths):
                times[name][length] += more[name][length]
            shares = ratios(times, _THIS, to=_OTHER)
            if all(shares[n] <= (limits or {}).get(n, math.inf) for n in lengths):
                break
    return shares


def used_by_others(seconds: float = 0.5) -> float:
    """The share of all processors that other programs use while this one waits; 0 if unknown."""
    if not _STAT.is_file():
        return 0.0
    before = _ticks()
    time.sleep(seconds)
    spent = [after - earlier for earlier, after in zip(before, _ticks(), strict=True)]
    idle = spent[3] + spent[4]  # idle, and waiting for a disk
    return 1 - idle / max(1, sum(spent))


def _ticks() -> list[int]:
    """What Linux counts for all processors together: user, nice, system, idle, iowait, ..."""
    line = _STAT.read_text(encoding="ascii").splitlines()[0]
    return [int(number) for number in line.split()[1:9]]


def median_time(call: Callable[[], object], clock: Callable[[], float] | None = None) -> float:
    """Milliseconds, of the wall's clock unless another is given: the median over about half a
    second of calls, after a few that do not count."""
    clock = clock or time.perf_counter
    for _ in range(3):
        call()
    taken: list[float] = []
    while len(taken) < 5 or (sum(taken) < 0.5 and len(taken) < 2000):
        start = clock()
        call()
        taken.append(clock() - start)
    return 1000 * statistics.median(taken)


def encoder_run(session: onnxruntime.InferenceSession, tokens: int) -> Callable[[], object]:
    """One run of an encoder over a text of so many tokens."""
    feed = encoder_feed(input_names(session), np.ones((1, tokens), np.int64))
    return partial(session.run, None, feed)


def decoder_step(session: onnxruntime.InferenceSession, past: int) -> Callable[[], object]:
    """One step of a decoder that has written so many tokens, from a source of `SOURCE` tokens where
    it reads one; without a cache it reads those it has written again."""
    random = np.random.default_rng(0)
    shapes = {value.name: value.shape for value in session.get_inputs()}
    kept = empty_cache(session, 1, written=past, read=SOURCE)
    places = np.arange(past if kept else 0, past + 1)[None]
    beside = {
        "attention_mask": np.ones((1, past + 1), np.int64),
        "position_ids": places,
        "encoder_attention_mask": np.ones((1, SOURCE), np.int64),
    }
    feed = {
        "input_ids": np.ones_like(places),
        **{name: array for name, array in beside.items() if name in shapes},
        **{name: random.standard_normal(a.shape, np.float32) for name, a in kept.items()},
    }
    if "encoder_hidden_states" in shapes:
        width = shapes["encoder_hidden_states"][2]
        feed["encoder_hidden_states"] = random.standard_normal((1, SOURCE, width), np.float32)
    values = {name: OrtValue.ortvalue_from_numpy(array) for name, array in feed.items()}
    names = [output.name for output in session.get_outputs()]
    # As it is served: keys and values stay in onnxruntime from step to step.
    return partial(session.run_with_ort_values, names, values)


def time_graph(
    graph: Path, lengths: Sequence[int], *, clock: str = "perf_counter"
) -> dict[int, float]:
    """Milliseconds of one run of a graph, the median at each length.

    Args:
        clock: `process_time` takes that of the processor, of a single thread.
    """
    session = open_session(graph, threads=THREADS if clock == "perf_counter" else 1)
    is_decoder = any(one.name.startswith("decoder_attentions.") for one in session.get_outputs())
    one_run = decoder_step if is_decoder else encoder_run
    return {n: median_time(one_run(session, n), getattr(time, clock)) for n in lengths}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the times as the last line."""
    name, file, *words = sys.argv[1:] if argv is None else argv
    module, function = name.split(":")
    numbers = [int(word) for word in words if "=" not in word]
    options = dict(word.split("=") for word in words if "=" in word)
    times = getattr(import_module(module), function)(Path(file), numbers, **options)
    print(json.dumps(times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
