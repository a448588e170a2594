"""Command: a classifier's checkpoint -> the same with a decoder that writes what it reads.

python training/train_hybrid.py     # adds the decoder to checkpoints/reviews
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from accelerate import Accelerator
from transformers import PreTrainedTokenizerBase

from training.checkpoints.atomic_folder import check_given, check_target, room_for, writing
from training.checkpoints.record import CHECKPOINT, fingerprint_of
from training.checkpoints.run_states import RunStates
from training.cli import add_recipe_flags, command_line, run_command, say
from training.data.corpus import unknown_words
from training.data.hybrid_texts import check_words, load_pairs, load_sentences
from training.fit.hybrid import Evaluation, fit_hybrid
from training.fit.losses import DistillationLoss
from training.hybrid.tasks import DenoisingTask, HybridTask, PairsTask
from training.readers.packaged import SOURCES
from training.readers.rows import LABELLED, PAIRED, add_reading_flags, column_flags, reading_of
from training.recipes import HybridRecipe
from training.runs.curves import Curves
from training.runs.hybrid import (
    PreparedHybrid,
    check_retention,
    measure_again,
    measure_hybrid,
    open_corpus,
    open_hybrid,
)
from training.runs.launch import (
    add_run_flags,
    launched,
    states_of,
    told_how_to_resume,
    written_by_main,
)
from training.runs.records import save_hybrid
from training.runs.report import (
    follow,
    show_end,
    show_evaluation,
    show_hybrid_result,
    show_hybrid_start,
    show_retention,
)

_DATA = ("rotten-tomatoes", "imdb")
_QUICK: dict[str, Any] = {
    "pairs_seen": 1024,
    "validations": 2,
    "layers": 2,
    # In so few steps the classifier cannot come back to what it was: its encoder hardly moves.
    "encoder_learning_rate": 1e-7,
}
# A recipe's fields that have a flag, and what it is said to be.
_TOLD = {
    "pairs_seen": "pairs to train on, repeats counted",
    "batch_size": "pairs a step",
    "learning_rate": "the decoder's highest, after the warm-up",
    "max_tokens": "longer sources and targets are cut here",
    "seed": "of every random choice: the same seed, the same numbers",
}
_EPILOG = """examples:
  python training/train_hybrid.py
  python training/train_hybrid.py --encoder frozen --pairs-seen 100000
  python training/train_hybrid.py checkpoints/tickets --pairs answers.csv
"""


def build_parser() -> argparse.ArgumentParser:
    """The command's flags; defaults are those of `HybridRecipe`."""
    parser = argparse.ArgumentParser(
        prog="train_hybrid.py",
        description="Adds a GPT decoder to a classifier's checkpoint: encoder reads, decoder "
        "writes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_files(parser.add_argument)
    _add_training(parser.add_argument)
    add_run_flags(parser)
    return parser


def _add_files(add: Callable[..., object]) -> None:
    add(
        "checkpoint",
        nargs="?",
        type=Path,
        default=Path("checkpoints/reviews"),
        help="folder that train_classifier.py wrote (default: %(default)s)",
    )
    add(
        "--out",
        type=Path,
        help="checkpoint folder to write, from the current directory (default: the checkpoint "
        "itself, which is replaced when all is done)",
    )
    add(
        "--data",
        nargs="+",
        help="texts whose sentences are corrupted and restored, as train_classifier.py takes them; "
        "the classifier's own, if they lie elsewhere than here, must be among them "
        f"(default: {' '.join(_DATA)})",
    )
    add(
        "--pairs",
        help="learn given pairs instead (--data then serves --encoder joint alone): a .csv, .tsv, "
        ".json or .jsonl file, or a dataset on the Hub, with the columns source and target",
    )
    add_reading_flags(add, (*LABELLED, *PAIRED))


def _add_training(add: Callable[..., object]) -> None:
    add(
        "--encoder",
        choices=("frozen", "joint"),
        help="frozen: the classifier stays byte for byte; joint: the encoder learns along, and "
        "nothing is written if the classifier lost more than half a point (default: joint to "
        "restore, frozen for --pairs)",
    )
    add_recipe_flags(add, HybridRecipe(), _TOLD)
    add(
        "--quick",
        action="store_true",
        help="a rehearsal of under a minute: few pairs, a smaller decoder",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when the checkpoint is written, 2 on bad input, 130 when stopped."""
    arguments = build_parser().parse_args(argv)
    arguments.out = arguments.out or arguments.checkpoint
    command = command_line("train_hybrid.py", argv)
    return run_command("train_hybrid.py", arguments.out, lambda: train(arguments, command))


def train(arguments: argparse.Namespace, command: str) -> None:
    """Reads, trains, measures, saves, prints a page about each; raises as `run_command` says."""
    joint = _is_joint(arguments)
    arguments.data = arguments.data or list(_DATA)
    named = [*arguments.data, arguments.pairs]
    for given in named:
        check_given(given, "a name behind --data or --pairs")
    # The checkpoint itself may be what is replaced: its classifier goes into the new one.
    read = [given for given in named if given not in SOURCES]
    check_target(arguments.out, kind=CHECKPOINT, inputs=read)
    with launched(arguments) as accelerator:
        _train(arguments, accelerator, command, joint=joint)


def _train(
    arguments: argparse.Namespace, accelerator: Accelerator, command: str, *, joint: bool
) -> None:
    began = perf_counter()
    with written_by_main(arguments.out) as folder:
        prepared = _prepare(arguments, accelerator.device, joint=joint)
        check_target(arguments.out, kind=CHECKPOINT, needs=room_for(prepared.seq2seq.model))
        corpus = open_corpus(prepared.record, arguments.data) if joint else None
        say(show_hybrid_start(prepared, quick=arguments.quick))
        evaluations, curves, states = _fit(arguments, prepared, accelerator)
        retention = None
        if corpus is not None:
            retention = measure_again(prepared, corpus)
            say(show_retention(retention))
            check_retention(retention)
        measured = measure_hybrid(prepared)
        result = (prepared, evaluations, measured, retention, curves)
        if folder is not None:
            with writing(arguments.out):
                save_hybrid(
                    folder, arguments.checkpoint, *result, command=command, quick=arguments.quick
                )
    if folder is not None:
        states.clear()
    say(show_hybrid_result(measured, perf_counter() - began))
    say(show_end(arguments.out))


def _fit(
    arguments: argparse.Namespace, prepared: PreparedHybrid, accelerator: Accelerator
) -> tuple[list[Evaluation], Curves, RunStates]:
    """The training alone: what it said, its curves, and the states to resume it from."""
    task, curves = prepared.task, Curves(accelerator)
    reads = {
        "data": task.fingerprint,
        "classifier": fingerprint_of(prepared.record),
        "encoder": "frozen" if prepared.distillation is None else "joint",
    }
    states = states_of(arguments, accelerator, prepared.recipe, **reads)
    model, how = (prepared.seq2seq, task, prepared.recipe), (prepared.distillation, accelerator)
    with told_how_to_resume(states):
        events = curves.following(fit_hybrid(*model, *how, states))
        return follow(events, partial(show_evaluation, task.name)), curves, states


def recipe_of(arguments: argparse.Namespace) -> HybridRecipe:
    """The recipe that the flags ask for."""
    recipe = HybridRecipe(**{name: getattr(arguments, name) for name in _TOLD})
    return replace(recipe, **_QUICK) if arguments.quick else recipe


def _is_joint(arguments: argparse.Namespace) -> bool:
    joint = (arguments.encoder or ("joint" if arguments.pairs is None else "frozen")) == "joint"
    if arguments.data and arguments.pairs is not None and not joint:
        raise ValueError(
            "--data names the texts that a classifier is measured by again when its encoder learns "
            "along; with --pairs and a frozen encoder nothing reads them. Leave it out, or add "
            "--encoder joint"
        )
    return joint


def _prepare(arguments: argparse.Namespace, device: torch.device, *, joint: bool) -> PreparedHybrid:
    """Opens the classifier, gives it a new decoder, and reads the texts of the task."""
    beside = LABELLED if arguments.pairs is not None else PAIRED
    if unused := reading_of(arguments, beside).columns:
        given, other = ("--pairs", "--data") if beside is LABELLED else ("--data", "--pairs")
        raise ValueError(f"{column_flags(unused)} names a column for {other}, not for {given}")
    recipe = recipe_of(arguments)
    record, classifier, seq2seq = open_hybrid(
        arguments.checkpoint, recipe, joint=joint, device=device
    )
    task = _task_of(arguments, seq2seq.tokenizer, recipe)
    return PreparedHybrid(
        record=record,
        classifier=classifier,
        seq2seq=seq2seq,
        task=task,
        unknown=unknown_words(task.texts, seq2seq.tokenizer),
        recipe=recipe,
        distillation=DistillationLoss(classifier) if joint else None,
    )


def _task_of(
    arguments: argparse.Namespace, tokenizer: PreTrainedTokenizerBase, recipe: HybridRecipe
) -> HybridTask:
    if arguments.pairs is not None:
        return PairsTask(load_pairs(arguments.pairs, reading_of(arguments, PAIRED)))
    check_words(tokenizer)
    sentences = load_sentences(
        arguments.data[:1] if arguments.quick else arguments.data,
        tokenizer,
        shortest=recipe.shortest,
        longest=recipe.longest,
        reading=reading_of(arguments, LABELLED),
    )
    return DenoisingTask(sentences, tokenizer)


if __name__ == "__main__":
    sys.exit(main())
