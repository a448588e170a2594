"""Command: a classifier's checkpoint -> the same with a decoder that writes what it reads.

python training/train_hybrid.py     # adds the decoder to checkpoints/reviews
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from transformers import PreTrainedTokenizerBase

from training.checkpoints.atomic_folder import (
    check_given,
    check_target,
    room_for,
    whole_folder,
    writing,
)
from training.checkpoints.record import CHECKPOINT
from training.cli import command_line, run_command, say, with_progress
from training.data.pairs import load_pairs
from training.data.sentences import load_sentences
from training.fit.hybrid import fit_hybrid
from training.hybrid.tasks import Following, Restoring
from training.readers.columns import LABELLED, PAIRED, add_reading_flags, column_flags, reading_of
from training.readers.packaged import SOURCES
from training.recipes import HybridRecipe
from training.runs.hybrid import (
    ClassifierKept,
    HybridTask,
    MakeTask,
    PreparedHybrid,
    Shown,
    check_kept,
    measure_again,
    measure_hybrid,
    open_corpus,
    prepare_hybrid,
    save_hybrid,
)
from training.runs.report import (
    show_hybrid_end,
    show_hybrid_result,
    show_hybrid_start,
    show_kept,
    show_look,
)

_DATA = ("rotten-tomatoes", "imdb")
_QUICK: dict[str, Any] = {
    "pairs_seen": 1024,
    "validations": 2,
    "layers": 2,
    # In so few steps the classifier cannot come back to what it was: its encoder hardly moves.
    "encoder_learning_rate": 1e-7,
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
    _add_recipe(parser.add_argument, HybridRecipe())
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
        help="texts whose sentences are spoiled and restored, as train_classifier.py takes them; "
        "the classifier's own, if they lie elsewhere than here, must be among them "
        f"(default: {' '.join(_DATA)})",
    )
    add(
        "--pairs",
        help="learn given pairs instead (--data then serves --encoder joint alone): a .csv, .tsv, "
        ".json or .jsonl file, or a dataset on the Hub, with the columns source and target",
    )
    add_reading_flags(add, (*LABELLED, *PAIRED))


def _add_recipe(add: Callable[..., object], recipe: HybridRecipe) -> None:
    add(
        "--encoder",
        choices=("frozen", "joint"),
        help="frozen: the classifier stays byte for byte; joint: the encoder learns along, and "
        "nothing is written if the classifier lost more than half a point (default: joint to "
        "restore, frozen for --pairs)",
    )
    add(
        "--pairs-seen",
        type=int,
        default=recipe.pairs_seen,
        help="pairs to train on, repeats counted (default: %(default)s)",
    )
    add(
        "--batch-size",
        type=int,
        default=recipe.batch_size,
        help="pairs a step (default: %(default)s)",
    )
    add(
        "--learning-rate",
        type=float,
        default=recipe.learning_rate,
        help="the decoder's highest, after the warm-up (default: %(default)s)",
    )
    add(
        "--seed",
        type=int,
        default=recipe.seed,
        help="of every random choice: the same seed, the same numbers (default: %(default)s)",
    )
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
    """Reads, trains, measures, saves, and prints a page about each.

    Raises:
        ValueError, OSError, ArithmeticError: what a person gave cannot be trained on.
    """
    began = perf_counter()
    joint = _is_joint(arguments)
    named = [*_data_of(arguments), arguments.pairs]
    for given in named:
        check_given(given, "a name behind --data or --pairs")
    # The checkpoint itself may be what is replaced: its classifier goes into the new one.
    read = [given for given in named if given not in SOURCES]
    check_target(arguments.out, kind=CHECKPOINT, inputs=read)
    with whole_folder(arguments.out, kind=CHECKPOINT) as folder:
        prepared = prepare_hybrid(
            arguments.checkpoint, _task_of(arguments), recipe_of(arguments), joint=joint
        )
        check_target(arguments.out, kind=CHECKPOINT, needs=room_for(prepared.rewriter.model))
        corpus = open_corpus(prepared.record, _data_of(arguments)) if joint else None
        say(show_hybrid_start(prepared, quick=arguments.quick))
        looks = train_with_looks(prepared)
        kept: ClassifierKept | None = None
        if corpus is not None:
            kept = measure_again(prepared.classifier, prepared.rewriter, prepared.record, corpus)
            say(show_kept(kept))
            check_kept(kept)
        measured = measure_hybrid(prepared)
        with writing(arguments.out):
            save_hybrid(
                folder,
                arguments.checkpoint,
                prepared,
                looks,
                measured,
                kept,
                command=command,
                quick=arguments.quick,
            )
    say(show_hybrid_result(measured, perf_counter() - began))
    say(show_hybrid_end(arguments.out))


def recipe_of(arguments: argparse.Namespace) -> HybridRecipe:
    """The recipe that the flags ask for."""
    recipe = HybridRecipe(
        pairs_seen=arguments.pairs_seen,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
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


def _data_of(arguments: argparse.Namespace) -> list[str]:
    return arguments.data or list(_DATA)


def _task_of(arguments: argparse.Namespace) -> MakeTask:
    beside = LABELLED if arguments.pairs is not None else PAIRED
    if unused := reading_of(arguments, beside).columns:
        given, other = ("--pairs", "--data") if beside is LABELLED else ("--data", "--pairs")
        raise ValueError(f"{column_flags(unused)} names a column for {other}, not for {given}")

    def make(tokenizer: PreTrainedTokenizerBase, recipe: HybridRecipe) -> HybridTask:
        if arguments.pairs is not None:
            return Following(load_pairs(arguments.pairs, reading_of(arguments, PAIRED)))
        data = _data_of(arguments)[:1] if arguments.quick else _data_of(arguments)
        sentences = load_sentences(
            data,
            tokenizer,
            shortest=recipe.shortest,
            longest=recipe.longest,
            reading=reading_of(arguments, LABELLED),
        )
        return Restoring(sentences, tokenizer)

    return make


def train_with_looks(prepared: PreparedHybrid) -> list[dict[str, Any]]:
    """Trains under a live bar; at intervals judges the validation part and prints what it saw."""
    rewriter, task, recipe = prepared.rewriter, prepared.task, prepared.recipe
    questions = task.questions("validation")
    sources = [question.source for question in questions]
    pairs = rewriter.encode([(question.source, question.target) for question in questions])
    looks: list[dict[str, Any]] = []
    batches = task.batches(rewriter, recipe)
    for look in with_progress(fit_hybrid(rewriter, batches, recipe, prepared.memory)):
        loss, written = rewriter.loss(pairs), rewriter.write(sources)
        scores = task.score("validation", written)
        chosen = len(looks) % len(questions)
        sample = Shown(sources[chosen], written[chosen], questions[chosen].target)
        say(show_look(look, loss, scores, sample))
        looks.append({**asdict(look), "loss": loss, **scores})
    return looks


if __name__ == "__main__":
    sys.exit(main())
