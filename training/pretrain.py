"""Command: texts without labels -> an encoder, by masked language modelling from random weights.

python training/pretrain.py             # the packaged reviews' sentences -> checkpoints/pretrained
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from accelerate import Accelerator

from training.checkpoints.atomic_folder import check_given, check_target, room_for, writing
from training.checkpoints.record import CHECKPOINT
from training.cli import add_recipe_flags, command_line, run_command, say
from training.data.pretraining_texts import open_texts
from training.data.unlabelled import SENTENCES, UNLABELLED
from training.fit.pretraining import pretrain
from training.recipes import PretrainingRecipe
from training.runs.curves import Curves
from training.runs.launch import (
    add_run_flags,
    launched,
    states_of,
    told_how_to_resume,
    written_by_main,
)
from training.runs.pretraining import (
    prepare_pretraining,
    save_pretraining,
    show_guessing,
    show_pretraining_end,
    show_pretraining_start,
)
from training.runs.report import follow

# A recipe's fields that have a flag, and what it is said to be.
_TOLD = {
    "texts_seen": "texts to train on, repeats counted",
    "batch_size": "texts a step",
    "learning_rate": "the highest, after the warm-up",
    "max_tokens": "longer texts are cut into several; the encoder has so many positions",
    "masked_share": "share of the tokens that are to be guessed",
    "vocabulary": "pieces of the tokenizer that is trained; 0: that of bert-base-uncased",
    "hidden_size": "width of the encoder",
    "layers": "of the encoder",
    "heads": "of each layer; they must divide the width",
    "seed": "of every random choice: the same seed, the same numbers",
}
_QUICK: dict[str, Any] = {
    "texts_seen": 4000,
    "hidden_size": 64,
    "layers": 2,
    "heads": 2,
    "validations": 2,
}


def build_parser() -> argparse.ArgumentParser:
    """The command's flags; defaults are those of `PretrainingRecipe`."""
    parser = argparse.ArgumentParser(
        prog="pretrain.py",
        description="Trains an encoder from nothing, by letting it guess hidden words.",
        epilog="examples:\n  python training/pretrain.py --data notes.txt more.csv\n"
        "  python training/train_classifier.py --init checkpoints/pretrained",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--data",
        nargs="+",
        default=[SENTENCES],
        help="sentences (of the packaged reviews), reviews (the packaged long ones, whole), a .txt "
        "file with a text a line, a CSV or JSON file with a column text, or a dataset on the Hub, "
        "which is streamed (default: sentences)",
    )
    add(
        "--out",
        type=Path,
        default=Path("checkpoints/pretrained"),
        help="checkpoint folder to write; a checkpoint that is there is replaced "
        "(default: %(default)s)",
    )
    add_recipe_flags(add, PretrainingRecipe(), _TOLD)
    add("--whole-words", action="store_true", help="hide all pieces of a word, or none")
    add("--quick", action="store_true", help="a rehearsal of a minute: a smaller model, few texts")
    add_run_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when the checkpoint is written, 2 on bad input, 130 when stopped."""
    arguments = build_parser().parse_args(argv)
    command = command_line("pretrain.py", argv)
    return run_command("pretrain.py", arguments.out, lambda: train(arguments, command))


def train(arguments: argparse.Namespace, command: str) -> None:
    """Reads, trains, saves, and says a line about each; raises as `run_command` says."""
    chosen = (*_TOLD, "whole_words")
    recipe = PretrainingRecipe(**{name: getattr(arguments, name) for name in chosen})
    recipe = replace(recipe, **_QUICK) if arguments.quick else recipe
    for given in arguments.data:
        check_given(given, "a name behind --data")
    read = [given for given in arguments.data if given not in UNLABELLED]
    check_target(arguments.out, kind=CHECKPOINT, inputs=read)
    with launched(arguments) as accelerator:
        _train(arguments, recipe, accelerator, command)


def _train(
    arguments: argparse.Namespace, recipe: PretrainingRecipe, accelerator: Accelerator, command: str
) -> None:
    began = perf_counter()
    with written_by_main(arguments.out) as folder:
        prepared = prepare_pretraining(open_texts(arguments.data), recipe)
        check_target(arguments.out, kind=CHECKPOINT, needs=room_for(prepared.model))
        model, tokenizer = prepared.model.to(accelerator.device), prepared.tokenizer
        say(show_pretraining_start(prepared, quick=arguments.quick))
        reads = {"data": prepared.texts.fingerprint, "vocabulary": prepared.vocabulary}
        states = states_of(arguments, accelerator, recipe, **reads)
        curves = Curves(accelerator)
        with told_how_to_resume(states):
            steps = pretrain(model, prepared.texts, tokenizer, recipe, accelerator, states)
            evaluations = follow(curves.following(steps), show_guessing)
        if folder is not None:
            with writing(arguments.out):
                result = (prepared, evaluations, curves)
                save_pretraining(folder, *result, command=command, quick=arguments.quick)
    if folder is not None:
        states.clear()
    say(show_pretraining_end(arguments.out, perf_counter() - began))


if __name__ == "__main__":
    sys.exit(main())
