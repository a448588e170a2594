"""Times many texts of mixed length through an encoder's graph; a part of `benchmark.py`.

All at once, every text is padded to the longest. Sorted by length and cut into batches, little is
padded. One by one, nothing is.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from export.benchmark_worker import worker_command
from export.held_out import held_out_texts
from export.latency import median_time, time_commands
from export.parts import EncoderPart
from export.sessions import open_session

TEXTS = 64


def table_of_batches(graphs: Mapping[str, Path], lengths: Sequence[int], rounds: int) -> str:
    """Texts a second, as Markdown, for texts of these lengths.

    Args:
        graphs: name in the table -> file.
    """
    count, sizes = len(lengths), batch_sizes(len(lengths))
    commands = {name: worker_command(time_batches, path, lengths) for name, path in graphs.items()}
    times = time_commands(commands, lengths=sizes, rounds=rounds)
    how = {count: f"all {count} padded to the longest", 1: "one by one"}
    titles = " | ".join(how.get(size, f"by length, {size} at a time") for size in sizes)
    spread = f"{min(lengths)} to {max(lengths)} tokens, median {statistics.median(lengths):.0f}"
    rows = [
        f"| {count} texts of {spread}: texts a second, fastest of {rounds} | {titles} |",
        "|---|" + "---:|" * len(sizes),
    ]
    for name, of_size in times.items():
        speeds = (f"{1000 * count / min(of_size[size]):.0f}" for size in sizes)
        rows.append(f"| {name} | " + " | ".join(speeds) + " |")
    return "\n".join(rows)


def mixed_lengths(part: EncoderPart, record: Mapping[str, Any] | None) -> list[int]:
    """The tokens of 64 texts: held-out ones of the training, else drawn from 8 to 64.

    Args:
        record: the checkpoint's `training.json`, or None for a model that we did not train.
    """
    random = np.random.default_rng(0)
    if record:
        texts = held_out_texts(None, record, [], part).texts
        chosen = random.permutation(len(texts))[:TEXTS]
        return [len(texts[i].token_ids) for i in chosen]
    shortest, longest = min(8, part.max_tokens), min(64, part.max_tokens)
    return random.integers(shortest, longest + 1, TEXTS).tolist()


def batch_sizes(count: int) -> list[int]:
    """The sizes that are compared: all texts, a quarter, an eighth, one."""
    return sorted({count, max(1, count // 4), max(1, count // 8), 1}, reverse=True)


def padded_batches(lengths: Sequence[int], size: int) -> list[dict[str, np.ndarray]]:
    """What a graph is given: `size` texts at a time, the shortest first, padded on the right."""
    ordered = sorted(lengths)
    feeds = []
    for start in range(0, len(ordered), size):
        batch = np.array(ordered[start : start + size])
        real = (np.arange(batch.max()) < batch[:, None]).astype(np.int64)
        texts = {"input_ids": real, "attention_mask": real, "token_type_ids": 0 * real}
        feeds.append(texts)
    return feeds


def read_all(
    session: onnxruntime.InferenceSession, feeds: Sequence[Mapping[str, np.ndarray]]
) -> Callable[[], object]:
    """A call that runs all batches, one after the other."""
    declared = {value.name for value in session.get_inputs()}
    known = [{name: a for name, a in feed.items() if name in declared} for feed in feeds]
    run = partial(session.run, None)
    return lambda: [run(feed) for feed in known]


def time_batches(graph: Path, lengths: Sequence[int]) -> dict[int, float]:
    """Milliseconds of all texts, by the size of a batch; `lengths`: tokens of each text."""
    session = open_session(graph)
    return {
        size: median_time(read_all(session, padded_batches(lengths, size)))
        for size in batch_sizes(len(lengths))
    }
