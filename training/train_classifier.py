"""Command: labelled texts -> a checkpoint with a BERT classifier and what it is worth.

python training/train_classifier.py     # reviews -> checkpoints/reviews, minutes on 2 cores
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from accelerate import Accelerator

from training.checkpoints.atomic_folder import check_given, check_target, room_for, writing
from training.checkpoints.classifier import INITIAL, MINILM
from training.checkpoints.record import CHECKPOINT
from training.cli import add_recipe_flags, command_line, run_command, say
from training.data.also import load_also
from training.data.batches import encode_texts
from training.data.corpus import DEFAULT, load_corpus
from training.data.unlabelled import NOTHING, SENTENCES, UNLABELLED
from training.evaluation.baseline import run_baseline
from training.fit.classifier import fit
from training.readers.packaged import SOURCES
from training.readers.rows import LABELLED, add_reading_flags, reading_of
from training.recipes import Recipe
from training.runs.classifier import measure_classifier, prepare, rehearsal, spread
from training.runs.curves import Curves
from training.runs.launch import (
    add_run_flags,
    launched,
    states_of,
    told_how_to_resume,
    written_by_main,
)
from training.runs.records import save_run
from training.runs.report import (
    follow,
    show_also,
    show_end,
    show_epoch,
    show_result,
    show_start,
)
from training.runs.teacher import QUICK_TEXTS, find_teacher, teach

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
    _add_lessons(parser)
    add_run_flags(parser)
    return parser


def _add_lessons(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what else it learns from").add_argument
    add(
        "--also",
        nargs="+",
        default=[],
        metavar="DATA",
        help="more texts with the same labels, as --data takes them: their train parts are learned "
        "too, by the labels alone, and nothing of them is measured",
    )
    add(
        "--teacher",
        help="a finished classifier with the data's labels: its checkpoint folder, or a name on "
        "the Hub. Its answers on all texts are learned beside the labels; they are kept in a file "
        "beside the checkpoint, and a run that was stopped goes on there",
    )
    add(
        "--unlabelled",
        nargs="+",
        help="texts that only the teacher answers: sentences (of the packaged reviews), reviews "
        "(the packaged long ones, whole), none, a .txt file with a text a line, or what --data "
        f"takes (default: {SENTENCES} where --data is packaged, else {NOTHING})",
    )
    add(
        "--most-unlabelled",
        type=int,
        metavar="TEXTS",
        help="take at most so many of them, evenly from the whole (default: all)",
    )
    add(
        "--add-tokens",
        choices=("auto",),
        help="auto: give characters that the tokenizer cannot read, such as emoji, tokens of their "
        "own, if the train part has them three times or more",
    )
    add(
        "--random-masking",
        action="store_true",
        help="mask tokens of half of the texts, so that the model knows texts with gaps: rankings "
        "of words are then asked of it more fairly",
    )


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
    chosen = (*_TOLD, "pooler", "random_masking")
    recipe = Recipe(**{name: getattr(arguments, name) for name in chosen})
    named = [(flag, getattr(arguments, flag)) for flag in ("data", "init", "teacher")]
    named += [("unlabelled", given) for given in arguments.unlabelled or ()]
    named += [("also", given) for given in arguments.also]
    for flag, given in named:
        check_given(given, f"--{flag}")
    # Names of what is packaged mean no folder here that is called the same.
    packaged = (*SOURCES, *INITIAL, *UNLABELLED)
    read = [given for _, given in named if given not in packaged]
    if arguments.unlabelled and not arguments.teacher:
        raise ValueError("--unlabelled needs a --teacher, which answers those texts")
    if arguments.most_unlabelled is not None:
        if not arguments.teacher:
            raise ValueError("--most-unlabelled needs a --teacher, which answers those texts")
        if arguments.most_unlabelled < 1:
            raise ValueError(
                f"--most-unlabelled is {arguments.most_unlabelled}; expected 1 or more, or "
                f"--unlabelled {NOTHING}"
            )
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
        quick, sources = arguments.quick, arguments.unlabelled
        most = QUICK_TEXTS if quick else arguments.most_unlabelled
        also = load_also(arguments.also, corpus)
        teacher = find_teacher(arguments.teacher, sources, corpus, most=most)
        if quick:
            corpus, recipe = rehearsal(corpus, recipe)
            also = replace(also, texts=spread(also.texts, QUICK_TEXTS))
        new = arguments.add_tokens is not None
        prepared = prepare(corpus, recipe, arguments.init, new_tokens=new)
        check_target(arguments.out, kind=CHECKPOINT, needs=room_for(prepared.model))
        model, texts = prepared.model.to(accelerator.device), prepared.texts
        say(show_start(prepared, quick=quick))
        if teacher:
            texts = texts | {"train": teach(prepared, teacher, arguments.out, accelerator)}
        if also.texts:
            say(show_also(also))
            own = encode_texts(also.texts, prepared.tokenizer, max_tokens=recipe.max_tokens)
            texts = texts | {"train": [*texts["train"], *own]}
        reads = {"data": corpus.fingerprint, "init": arguments.init, "quick": quick}
        reads |= {"teacher": teacher and teacher.record()}
        reads |= {"also": also.record()} if also.sources else {}
        reads |= {"added_tokens": list(prepared.added)} if prepared.added else {}
        states = states_of(arguments, accelerator, recipe, **reads)
        curves = Curves(accelerator)
        with told_how_to_resume(states):
            lesson = (texts["train"], texts["validation"], recipe, accelerator, states)
            steps = fit(model, *lesson, masking=prepared.masking)
            epochs = follow(curves.following(steps), show_epoch)
        measured = measure_classifier(model, texts)
        learned = (*corpus.train, *also.texts)
        baseline = run_baseline(learned, corpus.validation, corpus.test, corpus.problem_type)
        result = (prepared, epochs, measured, baseline)
        if folder is not None:
            with writing(arguments.out):
                save_run(folder, *result, curves, teacher, also, command=command, quick=quick)
    if folder is not None:
        states.clear()
    say(show_result(corpus.labels, measured, baseline, perf_counter() - began))
    say(show_end(arguments.out))


if __name__ == "__main__":
    sys.exit(main())
