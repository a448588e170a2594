"""Benchmark: the recipe over several seeds, beside its baseline.

python training/benchmark.py                      # three seeds of the default recipe
python training/benchmark.py --init random --epochs 10 --learning-rate 5e-4    # another recipe
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter
from typing import Any

from training import train_classifier
from training.checkpoints.record import read_record
from training.cli import run_command, say


def build_parser() -> argparse.ArgumentParser:
    """The benchmark's own flags; all others are those of `train_classifier.py`."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --seed is the other command's
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="seeds 0, 1, ... to train with (default: 3)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    given, recipe_flags = build_parser().parse_known_args(argv)
    codes: list[int] = []
    ended = run_command(
        "benchmark.py", None, lambda: codes.append(compare_seeds(given.seeds, recipe_flags))
    )
    return ended or codes[0]


def compare_seeds(seeds: int, recipe_flags: Sequence[str]) -> int:
    """Trains with each seed, prints the table; or a failed run's code. ValueError: no seed."""
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}; expected 1 or more")
    rows = []
    with tempfile.TemporaryDirectory() as folder:  # one, where a teacher's answers serve all seeds
        out = Path(folder) / "checkpoint"
        for seed in range(seeds):
            began = perf_counter()
            code = train_classifier.main([*recipe_flags, "--seed", str(seed), "--out", str(out)])
            if code:
                return code
            rows.append(result_row(read_record(out), perf_counter() - began))
            say("")
    say(show_table(rows))
    return 0


def result_row(record: dict[str, Any], seconds: float) -> dict[str, float]:
    """What one run came to: column -> number."""
    metrics = record["metrics"]
    ours, theirs = metrics["test"], metrics["baseline"]["test"]
    if "pearson" in ours:  # numbers: how near they lie to a line with the right ones
        return {
            "validation": metrics["validation"]["pearson"],
            "test": ours["pearson"],
            "rank correlation": ours["spearman"],
            "mean error": ours["absolute_error"],
            "baseline": theirs["pearson"],
            "points gained": 100 * (ours["pearson"] - theirs["pearson"]),
            "seconds": seconds,
        }
    return {
        "validation": metrics["validation"]["accuracy"],
        "test": ours["accuracy"],
        "macro-F1": ours["macro_f1"],
        "ECE before": metrics["test_before_temperature"]["calibration_error"],
        "ECE after": ours["calibration_error"],
        "baseline": theirs["accuracy"],
        "points gained": 100 * (ours["accuracy"] - theirs["accuracy"]),
        "seconds": seconds,
    }


def show_table(rows: Sequence[dict[str, float]]) -> str:
    """The runs as a Markdown table, with their mean and standard deviation."""
    columns = list(rows[0])
    lines = [f"| seed | {' | '.join(columns)} |", "|---" + "|---:" * len(columns) + "|"]
    named = [(str(seed), row) for seed, row in enumerate(rows)]
    if len(rows) > 1:
        for name, summary in (("mean", mean), ("standard deviation", stdev)):
            named.append((name, {c: summary(row[c] for row in rows) for c in columns}))
    for name, row in named:
        cells = [f"{row[c]:.1f}" if c in columns[-2:] else f"{row[c]:.3f}" for c in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
