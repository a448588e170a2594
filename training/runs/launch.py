"""How a training is run, whatever it trains: on which device and how precisely, and what is saved.

One process or several that a launcher started, as Accelerate finds them; the main one alone prints
and writes.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import is_tensorboard_available

from training.checkpoints.atomic_folder import atomic_folder
from training.checkpoints.record import CHECKPOINT
from training.checkpoints.run_states import RunStates
from training.cli import complain, counted, is_main_process, line, say
from training.fit.loop import make_accelerator
from training.recipes import (
    PRECISIONS,
    HybridRecipe,
    PretrainingRecipe,
    Recipe,
    precision,
    uses_bfloat16,
)

SAVE_MINUTES = 10.0
_TENSORBOARD = "tensorboard"
# What `accelerate launch --mixed_precision` hands down -> our word for it.
_LAUNCHED = {"no": "float32", "bf16": "bfloat16"}


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of all that does not decide what is learned."""
    add = parser.add_argument_group("how it is run").add_argument
    add(
        "--resume",
        action="store_true",
        help="go on where a run with the same flags was stopped or killed, to the same numbers; "
        "from the beginning where there is nothing to go on from",
    )
    add(
        "--save-minutes",
        type=float,
        default=SAVE_MINUTES,
        help="minutes between two states to resume from, 0 for none (default: %(default)g)",
    )
    add(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto is a GPU where there is one (default: %(default)s)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="of matrix products; auto is bfloat16 where the hardware multiplies it, or what "
        "accelerate launch is told (default: %(default)s)",
    )
    add(
        "--accumulate",
        type=int,
        default=1,
        help="pieces that a batch is taken in: less memory, the same result (default: %(default)s)",
    )
    add(
        "--tracker",
        choices=(_TENSORBOARD,),
        help="write the curves while they are drawn, for: tensorboard --logdir <out's folder>",
    )


@contextmanager
def launched(arguments: argparse.Namespace) -> Iterator[Accelerator]:
    """The accelerator that the flags ask for, and its precision while the block runs.

    Raises ValueError: there is no such device, or no such package; a flag makes no sense.
    """
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("there is no GPU that torch can use; give --device cpu, or leave it out")
    if arguments.accumulate < 1:
        raise ValueError(f"accumulate is {arguments.accumulate}; expected 1 or more")
    if not arguments.save_minutes >= 0:
        raise ValueError(f"save-minutes is {arguments.save_minutes:g}; expected 0 or more")
    if arguments.tracker == _TENSORBOARD and not is_tensorboard_available():
        raise ValueError(
            "--tracker tensorboard needs a package that is not installed: pip install tensorboard"
        )
    more: dict[str, Any] = {}
    if arguments.tracker:
        more = {"log_with": arguments.tracker, "project_dir": str(arguments.out.parent)}
    with precision(_precision(arguments.precision)):
        cpu = {"auto": None, "cpu": True, "cuda": False}[arguments.device]
        accelerator = make_accelerator(cpu=cpu, accumulate=arguments.accumulate, **more)
        if arguments.tracker:
            accelerator.init_trackers(f"{_TENSORBOARD}-{arguments.out.name}")
        yield accelerator
        accelerator.end_training()


def _precision(asked: str) -> str:
    """What is asked for; else what a launcher says."""
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION")
    if asked != "auto" or launched is None:
        return asked
    if launched not in _LAUNCHED:
        raise ValueError(
            f"the launcher asks for the mixed precision {launched}; expected "
            f"{' or '.join(_LAUNCHED)}, or give --precision"
        )
    return _LAUNCHED[launched]


@contextmanager
def written_by_main(out: Path) -> Iterator[Path | None]:
    """As `atomic_folder`, in the main process; None in all others."""
    if not is_main_process():
        yield None
        return
    with atomic_folder(out, kind=CHECKPOINT) as folder:
        yield folder


def states_of(
    arguments: argparse.Namespace,
    accelerator: Accelerator,
    recipe: Recipe | HybridRecipe | PretrainingRecipe,
    **reads: Any,
) -> RunStates:
    """The states of the run with these flags, and of what it `reads`: a fingerprint of each.

    Raises ValueError: there are states to resume from, and all are of other runs.
    """
    run = {
        "recipe": asdict(recipe),
        **reads,
        "processes": accelerator.num_processes,
        "accumulate": arguments.accumulate,
        "device": accelerator.device.type,
        "precision": "bfloat16" if uses_bfloat16(accelerator.device) else "float32",
        "torch": version("torch"),
    }
    states = RunStates(
        arguments.out, run, minutes=arguments.save_minutes, resume=arguments.resume, tell=complain
    )
    if states.step:
        say(line("resumed", f"after {counted(states.step, 'step')}, from {states.root}"))
    elif arguments.resume:
        say(line("resumed", "nothing to go on from: this run starts from the beginning"))
    return states


@contextmanager
def told_how_to_resume(states: RunStates) -> Iterator[None]:
    """Around a training: when it is stopped, says whether the same command can go on with it."""
    try:
        yield
    except KeyboardInterrupt:
        if states.root.is_dir():
            complain("\nthe last state is kept: the same command with --resume goes on from it")
        raise
