"""Proves the search for attention on a tiny random model of each family and task, and prints what
was found.

A family that cannot be opened stands in the table with the sentence that refuses it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from export.any_model.loading import make_spec
from export.any_model.opening import make_graph
from export.any_model.proof import Definition, prove_model
from export.any_model.random_models import LABELS, SIZES, random_model
from export.any_model.refusal import Refusal
from export.command import DONE, FAILED, command_parser, run_command
from export.graphs.families import REFUSED
from export.graphs.tasks import TASKS, Task, names_of_task
from export.runtime.session import open_session, run

_COLUMNS = {
    "answers": ("logits", "start_logits", "end_logits"),
    "hidden states": ("last_hidden_state",),
    "maps": ("encoder_attentions",),
    "without a head": ("without a head",),
    "value norms": ("encoder_value_norms",),
}
"""Of the table -> the kinds of outputs whose differences it shows."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of one family and task."""

    family: str
    task: str
    blocks: int = 0
    differences: dict[str, float] = field(default_factory=dict)
    """Kind of output -> largest absolute difference from `transformers`."""
    failures: tuple[str, ...] = ()
    refused: str = ""
    """Why it cannot be opened."""
    no_head: bool = False
    """Whether `transformers` has no such head on the family."""


def try_family(family: str, task: Task) -> Found:
    """Makes a random model, opens its graph and proves it."""
    try:
        model = random_model(family, task)
    except ValueError:  # so says transformers
        return Found(family=family, task=task.name, no_head=True)
    try:
        spec, _ = make_spec(model, fills=task.name == "fill")
        names = names_of_task(task.name, spec, LABELS)
        graph = make_graph(model, spec, names)
        runs = partial(run, open_session(graph))
        checks = prove_model(graph, runs, Definition(model, spec, names))
    except (Refusal, ValueError) as refusal:
        return Found(family=family, task=task.name, refused=str(refusal))
    return Found(
        family=family,
        task=task.name,
        blocks=spec.num_hidden_layers,
        differences=checks.differences,
        failures=tuple(checks.failures),
    )


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    example = "example: python export/zoo.py --families mpnet deberta-v2 --tasks classify"
    parser = command_parser("zoo.py", __doc__, example)
    every = {"families": sorted(SIZES), "tasks": list(TASKS)}
    for name, choices in every.items():
        parser.add_argument(
            f"--{name}",
            nargs="+",
            choices=choices,
            default=choices,
            help=f"these {name} alone (default: all {len(choices)})",
        )
    parser.add_argument(
        "--summary",
        action="store_true",
        help="a row for each family, a column for each task, with the largest difference of all "
        "outputs; without it a row for each of both, with one for each kind of output",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when all holds, 1 where a proof failed or a family was refused anew."""
    return run_command("zoo.py", _run, build_parser().parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    head = ["family", *(given.tasks if given.summary else ["task", "blocks", *_COLUMNS])]
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}", flush=True)
    code = DONE
    for family in given.families:
        row = []
        for task in given.tasks:
            found = try_family(family, TASKS[task])
            row.append(found)
            if not given.summary and not found.no_head:
                print(f"| {' | '.join(_cells(found))} |", flush=True)
            for failure in found.failures[:3]:
                print(f"failed: {family}, {task}: {failure}", file=sys.stderr)
            if found.failures or (found.refused and family not in REFUSED):
                code = FAILED
        if given.summary:
            print(f"| {family} | {' | '.join(map(_worst, row))} |", flush=True)
    return code


def _worst(found: Found) -> str:
    """The largest difference of all outputs, in one cell."""
    if found.no_head or found.refused:
        return "no such head" if found.no_head else "refused"
    every = [
        found.differences[kind]
        for kinds in _COLUMNS.values()
        for kind in kinds
        if kind in found.differences
    ]
    return f"{max(every):.0e}"


def _cells(found: Found) -> Iterator[str]:
    yield from (found.family, found.task)
    if found.refused:
        yield f"refused: {found.refused}"
        yield from [""] * len(_COLUMNS)
        return
    yield str(found.blocks)
    for kinds in _COLUMNS.values():
        worst = [found.differences[kind] for kind in kinds if kind in found.differences]
        yield f"{max(worst):.0e}" if worst else ""


if __name__ == "__main__":
    sys.exit(main())
