"""Command: labelled texts -> a checkpoint with a BERT classifier and what it is worth.

python training/train_classifier.py     # reviews -> checkpoints/reviews, minutes on 2 cores
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from accelerate import Accelerator

from training.checkpoints.atomic_folder import check_given, check_target, room_for, writing
from training.checkpoints.classifier import INITIAL, MINILM
from training.checkpoints.record import CHECKPOINT
from training.cli import add_recipe_flags, command_line, run_command, say
from training.data.corpus import DEFAULT, load_corpus
from training.evaluation.classification import run_baseline
from training.fit.classifier import fit
from training.readers.packaged import SOURCES
from training.readers.rows import LABELLED, add_reading_flags, reading_of
from training.recipes import Recipe
from training.runs.classifier import measure_classifier, prepare, rehearsal
from training.runs.curves import Curves
from training.runs.launch import (
    add_run_flags,
    launched,
    states_of,
    told_how_to_resume,
    written_by_main,
)
from training.runs.records import save_run
from training.runs.report import follow, show_end, show_epoch, show_result, show_start

# A recipe's fields that have a flag, and what it is said to be.
_TOLD = {
    "epochs": "passes over the train part; the best is kept",
    "batch_size": "texts a step",
    "learning_rate": "the highest, after the warm-up",
    "max_tokens": "longer texts are cut here",
    "seed": "of every random choice: the same seed, the same numbers",
}
_EPILOG = """examples:
  python training/train_classifier.py
  python training/train_classifier.py --data tickets.csv --out checkpoints/tickets --epochs 5
  python training/train_classifier.py --init random --epochs 10 --learning-rate 5e-4
"""


def build_parser() -> argparse.ArgumentParser:
    """The command's flags; defaults are those of `Recipe`."""
    parser = argparse.ArgumentParser(
        prog="train_classifier.py",
        description="Trains a BERT classifier on labelled texts and writes a checkpoint folder.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_files(parser.add_argument)
    add_recipe_flags(parser.add_argument, Recipe(), _TOLD)
    parser.add_argument(
        "--pooler",
        action=argparse.BooleanOptionalAction,
        default=Recipe().pooler,
        help="BERT's dense + tanh before the last layer, or that layer alone (default: --pooler)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a rehearsal of under a minute: few short texts, one epoch",
    )
    add_run_flags(parser)
    return parser


def _add_files(add: Callable[..., object]) -> None:
    add(
        "--data",
        default=DEFAULT,
        help="rotten-tomatoes or imdb (packaged), a .csv, .tsv, .json or .jsonl file with the "
        "columns text, label and optionally text_pair, or a dataset on the Hub "
        "(default: %(default)s)",
    )
    add_reading_flags(add, LABELLED)
    add(
        "--init",
        default=MINILM,
        help="where weights come from: minilm (packaged), mpnet (five times as large, from "
        "requirements-teacher.txt), random, a folder in Hugging Face's format, or a BERT on the "
        "Hub (default: %(default)s)",
    )
    add(
        "--out",
        type=Path,
        default=Path("checkpoints/reviews"),
        help="checkpoint folder to write, from the current directory; a checkpoint that is there "
        "is replaced (default: %(default)s)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when the checkpoint is written, 2 on bad input, 130 when stopped."""
    arguments = build_parser().parse_args(argv)
    command = command_line("train_classifier.py", argv)
    return run_command("train_classifier.py", arguments.out, lambda: train(arguments, command))


def train(arguments: argparse.Namespace, command: str) -> None:
    """Reads, trains, measures, saves, prints a page about each; raises as `run_command` says."""
    recipe = Recipe(**{name: getattr(arguments, name) for name in (*_TOLD, "pooler")})
    named = {"--data": arguments.data, "--init": arguments.init}
    for flag, given in named.items():
        check_given(given, flag)
    # Names of what is packaged mean no folder here that is called the same.
    read = [given for given in named.values() if given not in (*SOURCES, *INITIAL)]
    check_target(arguments.out, kind=CHECKPOINT, inputs=read)
    with launched(arguments) as accelerator:
        _train(arguments, recipe, accelerator, command)


def _train(
    arguments: argparse.Namespace, recipe: Recipe, accelerator: Accelerator, command: str
) -> None:
    began = perf_counter()
    # Around everything: a folder that cannot be written is refused before the training, not after.
    with written_by_main(arguments.out) as folder:
        corpus = load_corpus(arguments.data, reading_of(arguments, LABELLED))
        if arguments.quick:
            corpus, recipe = rehearsal(corpus, recipe)
        prepared = prepare(corpus, recipe, arguments.init)
        check_target(arguments.out, kind=CHECKPOINT, needs=room_for(prepared.model))
        model, texts = prepared.model.to(accelerator.device), prepared.texts
        say(show_start(prepared, quick=arguments.quick))
        reads = {"data": corpus.fingerprint, "init": arguments.init, "quick": arguments.quick}
        states = states_of(arguments, accelerator, recipe, **reads)
        curves = Curves(accelerator)
        with told_how_to_resume(states):
            steps = fit(model, texts["train"], texts["validation"], recipe, accelerator, states)
            epochs = follow(curves.following(steps), show_epoch)
        measured = measure_classifier(model, texts)
        baseline = run_baseline(corpus.train, corpus.validation, corpus.test)
        result = (prepared, epochs, measured, baseline)
        if folder is not None:
            with writing(arguments.out):
                save_run(folder, *result, curves, command=command, quick=arguments.quick)
    if folder is not None:
        states.clear()
    say(show_result(corpus.labels, measured, baseline, perf_counter() - began))
    say(show_end(arguments.out))


if __name__ == "__main__":
    sys.exit(main())
