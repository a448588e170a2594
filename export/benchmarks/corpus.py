"""Times a table of texts: the demo's report on it beside `transformers`' pipeline.

The report's time is that of its whole command, for classes alone: its processes start, the bundle's
files are checked, tables and page are written. The pipeline's is that of its call, once the model
is loaded and warm. It pads each batch to its longest text and reads texts as they come; what it
would gain if somebody sorted them for it is timed too.
"""

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import pipeline

from bundle_format.folder import read_manifest
from export.graphs.tracing import silenced
from export.runtime.session import THREADS
from export.runtime.timing import fastest, time_commands, timing_command
from training.readers.packaged import read_reviews

TEXTS = "rotten-tomatoes"
BATCHES = (8, 32)
"""Texts that the pipeline reads at once."""
ORDERS = ("as they come", "by length")
_REPORT = Path(__file__).parents[2] / "demo" / "report.py"


def save_table(file: Path, rows: int) -> None:
    """Writes the first of the packaged sentences, with their labels, as a CSV."""
    texts = read_reviews(TEXTS).parts["all"][:rows]
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["text", "label"])
        writer.writerows((row.text, row.label) for row in texts)


def export_bundle(classifier: Path, folder: Path) -> Path:
    """Exports a classifier's folder, in float32. Raises ValueError: that fails."""
    print("exporting the classifier", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "export.to_onnx", str(classifier), "--out", str(folder)]
    flags = ["--no-train", "--no-examples"]
    done = subprocess.run([*command, *flags], capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{classifier} was not exported: {done.stderr.strip()[-500:]}")
    return folder


def time_corpus(
    folder: Path, bundle: Path, table: Path, rows: int, rounds: int
) -> dict[str, float]:
    """Texts a second of each way, in its fastest round.

    Args:
        folder: the classifier's, in Hugging Face's format.
        bundle: what was exported from it.
    """
    graphs = read_manifest(bundle).graphs.by_task()["classify"]
    commands = {
        f"report, {precision}": timing_command(
            time_report, bundle, [rows], table=str(table), precision=precision
        )
        for precision in graphs
    }
    for size, order in (*((size, ORDERS[0]) for size in BATCHES), (BATCHES[0], ORDERS[1])):
        commands[f"transformers' pipeline, {size} at a time, {order}"] = timing_command(
            time_pipeline, folder, [rows], table=str(table), size=str(size), order=order
        )
    times = time_commands(commands, lengths=[rows], rounds=rounds)
    return {name: 1000 * rows / fastest(of_rows)[rows] for name, of_rows in times.items()}


def table_of_corpus(speeds: Mapping[str, float], rows: int, rounds: int) -> str:
    """Texts a second and the ratio to the pipeline at its best, as Markdown."""
    best = max(
        speed
        for name, speed in speeds.items()
        if "pipeline" in name and not name.endswith(ORDERS[1])
    )
    titles = "texts a second | to the pipeline's best"
    lines = [f"| {rows} sentences, fastest of {rounds} | {titles} |", "|---|---:|---:|"]
    lines += [f"| {name} | {speed:.0f} | {speed / best:.2f} |" for name, speed in speeds.items()]
    return "\n".join(lines)


def time_report(
    bundle: Path, rows: Sequence[int], *, table: str, precision: str
) -> dict[int, float]:
    """Milliseconds of the report's command on all rows of a table."""
    with tempfile.TemporaryDirectory() as place:
        flags = ["--bundle", str(bundle), "--precision", precision, "--classes"]
        command = [sys.executable, str(_REPORT), table, "--out", f"{place}/report", *flags]
        started = time.perf_counter()
        subprocess.run([*command, "--processes", str(THREADS)], check=True, capture_output=True)
        return {rows[0]: 1000 * (time.perf_counter() - started)}


def time_pipeline(
    folder: Path, rows: Sequence[int], *, table: str, size: str, order: str
) -> dict[int, float]:
    """Milliseconds of the pipeline's call on all rows of a table, `size` at a time."""
    torch.set_num_threads(THREADS)
    with Path(table).open(encoding="utf-8", newline="") as opened:
        texts = [row["text"] for row in csv.DictReader(opened)]
    if order == ORDERS[1]:
        texts.sort(key=len)
    with silenced():
        classify = pipeline(
            "text-classification", str(folder), device="cpu", batch_size=int(size), truncation=True
        )
        classify(texts[: 2 * int(size)])
        started = time.perf_counter()
        found = classify(texts)
    assert len(found) == rows[0], "an answer for each text"
    return {rows[0]: 1000 * (time.perf_counter() - started)}
