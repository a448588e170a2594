"""Times reading: one text through an encoder's graphs beside the alternatives, and many texts.

Many texts of mixed length go through three ways. All at once, every text is padded to the longest.
Sorted by length and cut into batches, little is padded. One by one, nothing is.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.utils import Extractor

from export.any_model.opening import make_graph
from export.benchmarks.rivals import (
    operations,
    time_openvino,
    time_products,
    time_torch,
    trace_fused,
    trace_without_maps,
)
from export.eval_texts import checked_corpus
from export.graphs.encoder import trace_encoder
from export.graphs.names import encoder_feed, input_names
from export.graphs.spec import EncoderSpec
from export.graphs.tasks import names_of_task
from export.loading.checkpoint import LoadedEncoder
from export.loading.encoders import load_any_model
from export.quantize.graph import quantize
from export.quantize.schemes import FAITHFUL, FAST
from export.runtime.session import open_session
from export.runtime.timing import (
    fastest,
    median_time,
    ratios,
    table_of_times,
    time_commands,
    time_graph,
    timing_command,
)
from training.data.batches import encode_texts

Times = Mapping[str, Mapping[int, Sequence[float]]]
"""Name -> length -> milliseconds, one number for each round."""

ALL_MAPS = "onnxruntime, all maps"
NO_MAPS = {
    "own": "the same graph, no maps",
    "fused": "onnxruntime's fused attention, no maps",
    "sdpa": "transformers' sdpa export, no maps",
}
"""Graphs of the same weights that give no maps; the fastest is what (a) compares with."""
TORCH = "PyTorch eager, all maps"
OPTIMUM = "Optimum's export, all maps"
OPENED = "transformers' model, opened, all maps"
"""The same weights, traced and opened as any other family's are."""
ROOFLINE = "the matrix products alone, at the full rate"
FAITHFUL_GRAPH, FAST_GRAPH = (
    f"onnxruntime 8 bit, {profile}, all maps" for profile in ("faithful", "fast")
)
OPENED_8_BIT = {
    FAITHFUL_GRAPH: "transformers' model, opened, 8 bit, faithful, all maps",
    FAST_GRAPH: "transformers' model, opened, 8 bit, fast, all maps",
}
"""Our own graph in 8 bit -> the opened one by the same profile."""


def save_encoders(part: LoadedEncoder, place: Path, quantized: Sequence[Path]) -> dict[str, Path]:
    """Writes the graphs that onnxruntime runs into a folder: name in the tables -> file.

    Args:
        quantized: 8-bit graphs that are there already; else the faithful and the fast one are made.
    """
    assert part.classifier, "what is timed classifies"
    graph = trace_encoder(part.ours)
    inputs = [value.name for value in graph.graph.input]
    models = {
        ALL_MAPS: graph,
        NO_MAPS["own"]: Extractor(graph).extract_model(inputs, ["logits"]),
        NO_MAPS["fused"]: trace_fused(part.classifier),
    }
    if part.config.get("model_type") == "bert":
        models[NO_MAPS["sdpa"]] = trace_without_maps(part.folder)
        models[OPENED] = trace_opened(part.folder)
    if not quantized:
        for name, profile in ((FAITHFUL_GRAPH, FAITHFUL), (FAST_GRAPH, FAST)):
            models[name] = quantize(graph, profile)
            if OPENED in models:
                models[OPENED_8_BIT[name]] = quantize(models[OPENED], profile)
    files = {f"onnxruntime 8 bit, {file}, all maps": file for file in quantized}
    for number, (name, model) in enumerate(models.items()):
        files[name] = place / f"encoder_{number}.onnx"
        onnx.save(model, files[name])
    return files


def trace_opened(folder: Path) -> onnx.ModelProto:
    """The graph of a classifier as it would be, were its family none of ours."""
    part = load_any_model(str(folder), "classify").reader
    assert isinstance(part.sizes, EncoderSpec), "it is a model of transformers"
    names = names_of_task(part.task, part.sizes, len(part.labels))
    return make_graph(part.model, part.sizes, names)


def time_reading(
    part: LoadedEncoder,
    files: Mapping[str, Path],
    lengths: Sequence[int],
    rounds: int,
    *,
    optimum: Path | None = None,
) -> Times:
    """Milliseconds of one text of each length, in every graph and by every alternative.

    Args:
        files: of `save_encoders`.
        optimum: the graph that `optimum_with_maps.py` wrote.
    """
    maps, no_maps = files[ALL_MAPS], files[NO_MAPS["own"]]
    commands = {name: timing_command(time_graph, file, lengths) for name, file in files.items()}
    if optimum:
        commands[OPTIMUM] = timing_command(time_graph, optimum, lengths)
    commands[TORCH] = timing_command(time_torch, part.folder, lengths)
    if find_spec("openvino"):
        for precision, title in (("f32", "float32"), ("bf16", "bfloat16")):
            for file, kind in ((maps, "all maps"), (no_maps, "no maps")):
                command = timing_command(time_openvino, file, lengths, precision=precision)
                commands[f"OpenVINO {title}, {kind}"] = command
    commands[ROOFLINE] = timing_command(time_products, maps, lengths)
    return time_commands(commands, lengths=lengths, rounds=rounds)


def table_of_reading(times: Times, lengths: Sequence[int], rounds: int) -> str:
    """Milliseconds at each length, as Markdown; the graph with all maps is 1.00."""
    title = f"reading: milliseconds (ratio), fastest of {rounds}"
    return table_of_times(title, {n: f"{n}" for n in lengths}, times, to=ALL_MAPS, digits=1)


def table_of_goals(times: Times, graph: onnx.ModelProto, lengths: Sequence[int]) -> str:
    """What the times come to, as Markdown: what maps cost, and how near the limit the graph is."""
    titles = " | ".join(f"{length}" for length in lengths)
    rows = [f"| what it comes to | {titles} |", "|---|" + "---:|" * len(lengths)]

    def add(title: str, cells: Sequence[str]) -> None:
        rows.append(f"| {title} | " + " | ".join(cells) + " |")

    def add_ratio(title: str, name: str, to: str) -> None:
        if name in times and to in times:
            of_length = ratios(times, name, to=to)
            add(title, [f"{of_length[n]:.2f}" for n in lengths])

    best = {n: fastest_without_maps(times, n) for n in lengths}
    add(
        "(a) all maps / the fastest without",
        [f"{ratios(times, ALL_MAPS, to=best[n])[n]:.2f}" for n in lengths],
    )
    add("the fastest without maps", [best[n].removesuffix(", no maps") for n in lengths])
    add_ratio("transformers' model, opened / all maps", OPENED, ALL_MAPS)
    for own, opened in OPENED_8_BIT.items():
        add_ratio(f"{opened.removesuffix(', all maps')} / {own}", opened, own)
    add_ratio("(b) all maps / Optimum's export with maps", ALL_MAPS, OPTIMUM)
    add_ratio("(c) all maps / PyTorch eager with maps", ALL_MAPS, TORCH)
    for name in times:
        if "8 bit" in name and name not in OPENED_8_BIT.values():
            add_ratio(f"(c) {name} / PyTorch eager with maps", name, TORCH)
    for title in ("float32", "bfloat16"):
        openvino = f"OpenVINO {title}, all maps"
        add_ratio(f"(d) all maps / {openvino}", ALL_MAPS, openvino)
    add_ratio("all maps / its matrix products at the full rate", ALL_MAPS, ROOFLINE)
    work = {n: operations(graph, n) / 1e9 for n in lengths}
    add("its matrix products, 10^9 operations", [f"{work[n]:.2f}" for n in lengths])
    floor = fastest(times[ROOFLINE])
    rates = {n: 1000 * work[n] / floor[n] for n in lengths}
    add("the full rate, 10^9 operations a second", [f"{rates[n]:.0f}" for n in lengths])
    return "\n".join(rows)


def fastest_without_maps(times: Times, length: int) -> str:
    """The name of the fastest graph without maps."""
    there = [name for name in NO_MAPS.values() if name in times]
    return min(there, key=lambda name: min(times[name][length]))


TEXTS = 64


def table_of_batches(graphs: Mapping[str, Path], lengths: Sequence[int], rounds: int) -> str:
    """Texts a second, as Markdown, for texts of these lengths.

    Args:
        graphs: name in the table -> file.
    """
    count, sizes = len(lengths), batch_sizes(len(lengths))
    commands = {name: timing_command(time_batches, path, lengths) for name, path in graphs.items()}
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


def mixed_lengths(part: LoadedEncoder, record: Mapping[str, Any] | None) -> list[int]:
    """The tokens of 64 texts: held-out ones of the training, else drawn from 8 to 64.

    Args:
        record: the checkpoint's `training.json`, or None for a model that we did not train.
    """
    random = np.random.default_rng(0)
    if corpus := checked_corpus(None, record, part):
        texts = encode_texts(corpus.test, part.tokenizer, max_tokens=part.max_tokens)
        chosen = random.permutation(len(texts))[:TEXTS]
        return [len(texts[i].token_ids) for i in chosen]
    shortest, longest = min(8, part.max_tokens), min(64, part.max_tokens)
    return random.integers(shortest, longest + 1, TEXTS).tolist()


def batch_sizes(count: int) -> list[int]:
    """The sizes that are compared: all texts, a quarter, an eighth, one."""
    return sorted({count, max(1, count // 4), max(1, count // 8), 1}, reverse=True)


def padded_batches(lengths: Sequence[int], size: int) -> list[np.ndarray]:
    """Attention masks of `size` texts at a time, the shortest first, padded on the right."""
    ordered = np.sort(lengths)
    batches = (ordered[start : start + size] for start in range(0, len(ordered), size))
    return [(np.arange(batch[-1]) < batch[:, None]).astype(np.int64) for batch in batches]


def time_batches(graph: Path, lengths: Sequence[int]) -> dict[int, float]:
    """Milliseconds of all texts, by the size of a batch; `lengths`: tokens of each text."""
    session = open_session(graph)
    declared = input_names(session)

    def read_all(size: int) -> Callable[[], object]:
        feeds = [encoder_feed(declared, mask, mask) for mask in padded_batches(lengths, size)]
        return lambda: [session.run(None, feed) for feed in feeds]

    return {size: median_time(read_all(size)) for size in batch_sizes(len(lengths))}
