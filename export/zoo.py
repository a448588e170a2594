"""Proves the search for attention on a tiny random model of each family and task, and prints what
was found.

A family that cannot be opened stands in the table with the sentence that refuses it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import onnxruntime

from export.any_model.opening import make_graph
from export.any_model.proof import Definition, prove_model
from export.any_model.random_models import LABELS, SIZES, random_model
from export.any_model.refusal import Refusal
from export.command import DONE, FAILED, command_parser, run_command
from export.eval_texts import draw_ids
from export.generators.opening import make_decoder_graph
from export.generators.proof import prove_decoder
from export.generators.random_models import PAIRS, random_generator
from export.generators.random_models import SIZES as GENERATORS
from export.generators.texts import GraphsOfGenerator, TextWriter
from export.graphs.families import REFUSED, why_refused
from export.graphs.tasks import GENERATE, TASKS, Task, names_of_task
from export.loading.encoders import encoder_alone, make_spec
from export.loading.generators import decoder_spec
from export.runtime.session import open_session, run
from export.verification.against_torch import check_texts
from export.verification.checks import Checks

_COLUMNS = {
    "answers": ("logits", "start_logits", "end_logits"),
    "hidden states": ("last_hidden_state",),
    "maps": ("encoder_attentions", "decoder_attentions", "cross_attentions"),
    "without a head": ("without a head",),
    "value norms": ("encoder_value_norms", "decoder_value_norms", "cross_value_norms"),
}
"""Of the table -> the kinds of outputs whose differences it shows."""
_TEXTS = "texts as generate writes"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of one family and task."""

    family: str
    task: str
    blocks: int = 0
    differences: dict[str, float] = field(default_factory=dict)
    """Kind of output -> largest absolute difference from `transformers`."""
    failures: tuple[str, ...] = ()
    same_texts: tuple[str, ...] = ()
    """Of what writes: the ways in which it writes the texts that `generate` writes."""
    refused: str = ""
    """Why it cannot be opened."""
    no_head: bool = False
    """Whether `transformers` has no such head on the family."""


def try_family(family: str, task: Task) -> Found:
    """Makes a random model, opens its graphs and proves them."""
    try:
        if task is GENERATE:
            return _try_generator(family)
        return _try_encoder(family, task)
    except KeyError:  # no such model is made
        return Found(family=family, task=task.name, no_head=True)
    except ValueError as refusal:
        return Found(family=family, task=task.name, refused=str(refusal))


def _try_encoder(family: str, task: Task) -> Found:
    try:
        model = random_model(family, task)
    except ValueError:  # so says transformers
        return Found(family=family, task=task.name, no_head=True)
    _, checks = _opened_encoder(model, task.name)
    return Found(
        family=family,
        task=task.name,
        blocks=model.config.num_hidden_layers,
        differences=checks.differences,
        failures=tuple(checks.failures),
    )


def _opened_encoder(model: Any, task: str) -> tuple[onnxruntime.InferenceSession, Checks]:
    """A session on the graph of an encoder, and what was found of it."""
    spec, _ = make_spec(model, fills=task == "fill")
    names = names_of_task(task, spec, LABELS)
    graph = make_graph(model, spec, names)
    session = open_session(graph)
    return session, prove_model(graph, partial(run, session), Definition(model, spec, names))


_RULES = {
    "eos_token_id": [2, 11],
    "suppress_tokens": [9, 10],
    "begin_suppress_tokens": [7],
    "min_new_tokens": 3,
    "no_repeat_ngram_size": 2,
    "forced_eos_token_id": 2,
    "max_length": 20,
}
"""Settings of `generate` that each hold of some text."""
_WAYS = {"greedy": 1, "beam": 3}
"""How texts are written -> the beginnings that are kept."""


def _try_generator(family: str) -> Found:
    model = random_generator(family, **_RULES)
    if reason := why_refused(model.config.to_dict()):
        raise Refusal(reason)
    spec, _ = decoder_spec(model)
    graph = make_decoder_graph(model, spec)
    decoder, encoder = open_session(graph), None
    checks, blocks = prove_decoder(graph, model, spec, session=decoder), spec.num_hidden_layers
    if not spec.alone:
        encoder, reads = _opened_encoder(encoder_alone(model), "encode")
        checks.failures += reads.failures
        for kind, difference in reads.differences.items():
            checks.differences[kind] = max(difference, checks.differences.get(kind, 0.0))
        blocks = 2 * blocks + encoder_alone(model).config.num_hidden_layers
    writer = TextWriter(model=model, spec=spec, max_tokens=spec.max_position_embeddings)
    texts = draw_ids(spec.vocab_size, 8, (3, 12))
    graphs = GraphsOfGenerator(decoder=decoder, encoder=encoder)
    for way, beams in _WAYS.items():
        by_torch, by_graphs = writer.by_torch(texts, beams), writer.by_graphs(graphs, texts, beams)
        check_texts(by_torch, by_graphs, checks, way)
    return Found(
        family=family,
        task=GENERATE.name,
        blocks=blocks,
        differences=checks.differences,
        failures=tuple(checks.failures),
        same_texts=tuple(
            way for way in _WAYS if not any(one.startswith(way) for one in checks.failures)
        ),
    )


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    example = "example: python export/zoo.py --families mpnet deberta-v2 --tasks classify"
    parser = command_parser("zoo.py", __doc__, example)
    families = sorted({*SIZES, *GENERATORS, *PAIRS})
    every = {"families": families, "tasks": [*TASKS, GENERATE.name]}
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
    head = ["family", *(given.tasks if given.summary else ["task", "blocks", *_COLUMNS, _TEXTS])]
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}", flush=True)
    code = DONE
    for family in given.families:
        row = []
        for task in given.tasks:
            found = try_family(family, {**TASKS, GENERATE.name: GENERATE}[task])
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
        yield from [""] * (len(_COLUMNS) + 1)
        return
    yield str(found.blocks)
    for kinds in _COLUMNS.values():
        worst = [found.differences[kind] for kind in kinds if kind in found.differences]
        yield f"{max(worst):.0e}" if worst else ""
    yield ", ".join(found.same_texts)


if __name__ == "__main__":
    sys.exit(main())
