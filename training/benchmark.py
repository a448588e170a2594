"""Benchmark: the recipe over several seeds beside its baseline, and its speed beside Trainer's.

python training/benchmark.py                      # three seeds of the default recipe
python training/benchmark.py --speed              # tokens a second, against transformers.Trainer
python training/benchmark.py --init random --epochs 10 --learning-rate 5e-4    # another recipe
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median, stdev
from time import perf_counter
from typing import Any

import torch
from transformers import (
    BertForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from training import train_classifier
from training.batches import EncodedText, bucketed_batches, without_limits
from training.corpus import load_corpus
from training.fit import set_dropout, train_step
from training.optimizing import make_optimizer
from training.recipe import Recipe
from training.record import read_record
from training.run import Prepared, prepare
from training.starting_point import minilm_folder

_ROUNDS = 3


def build_parser() -> argparse.ArgumentParser:
    """The benchmark's own flags; all others are those of `train_classifier.py`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="seeds 0, 1, ... to train with (default: 3)"
    )
    parser.add_argument(
        "--speed", action="store_true", help="compare tokens a second instead, same run, in turns"
    )
    parser.add_argument(
        "--steps", type=int, default=60, help="steps in each turn of --speed (default: 60)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    given, recipe_flags = build_parser().parse_known_args(argv)
    if given.speed:
        return compare_speed(given.steps)
    return compare_seeds(given.seeds, recipe_flags)


def compare_seeds(seeds: int, recipe_flags: Sequence[str]) -> int:
    """Trains once with each seed and prints the table of results."""
    rows = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "checkpoint"
            began = perf_counter()
            code = train_classifier.main([*recipe_flags, "--seed", str(seed), "--out", str(out)])
            if code:
                return code
            rows.append(result_row(read_record(out), perf_counter() - began))
        print()
    print(show_table(rows))
    return 0


def result_row(record: dict[str, Any], seconds: float) -> dict[str, float]:
    """What one run came to: column -> number."""
    metrics = record["metrics"]
    ours, theirs = metrics["test"], metrics["baseline"]["test"]
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


def compare_speed(steps: int) -> int:
    """Prints real tokens a second of our loop and of Trainer, on the same texts, in turns."""
    recipe = Recipe()
    prepared = prepare(load_corpus(), recipe, "minilm")
    loops: dict[str, Callable[[], float]] = {
        "transformers.Trainer": trainer_loop(prepared, steps),
        "our loop": our_loop(prepared, steps),
    }
    for run in loops.values():
        run()  # compiles kernels for the widths, fills caches
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(_ROUNDS):
        for name, run in loops.items():
            speeds[name].append(run())
    first = median(speeds["transformers.Trainer"])
    print("| loop | tokens a second | ratio |\n|---|---:|---:|")
    for name, found in speeds.items():
        print(f"| {name} | {median(found):,.0f} | {median(found) / first:.2f} |")
    return 0


def our_loop(prepared: Prepared, steps: int) -> Callable[[], float]:
    """Gives a function that trains for `steps` and returns real tokens a second."""
    model, recipe = prepared.start.model, prepared.recipe
    set_dropout(model, recipe.dropout)
    model.encoder.embeddings.word.weight.requires_grad_(not recipe.freeze_word_embeddings)
    optimizer = make_optimizer({model: recipe.learning_rate}, recipe.weight_decay)
    texts = _some(prepared, steps)

    def run() -> float:
        order = torch.Generator().manual_seed(0)
        tokens, began = 0, perf_counter()
        for batch in bucketed_batches(texts, model.config.encoder, recipe.batch_size, order):
            train_step(model, batch, optimizer, recipe)
            tokens += int(batch.padding_mask.sum())
        return tokens / (perf_counter() - began)

    return run


def trainer_loop(prepared: Prepared, steps: int) -> Callable[[], float]:
    """The same for `transformers.Trainer` as it comes, with our batch size."""
    recipe, labels = prepared.recipe, prepared.corpus.labels
    model = BertForSequenceClassification.from_pretrained(minilm_folder(), num_labels=len(labels))
    texts = _some(prepared, steps)
    rows = [{"input_ids": list(text.token_ids), "labels": text.label} for text in texts]
    tokens = sum(len(text.token_ids) for text in texts)
    collate = DataCollatorWithPadding(without_limits(prepared.start.tokenizer))

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            settings = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=recipe.batch_size,
                learning_rate=recipe.learning_rate,
                num_train_epochs=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            )
            trainer = Trainer(model, settings, train_dataset=rows, data_collator=collate)
            began = perf_counter()
            trainer.train()
            return tokens / (perf_counter() - began)

    return run


def _some(prepared: Prepared, steps: int) -> list[EncodedText]:
    return prepared.texts["train"][: steps * prepared.recipe.batch_size]


if __name__ == "__main__":
    sys.exit(main())
