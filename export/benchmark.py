"""Times one text through a checkpoint's graphs, beside the alternatives, and prints the table.

    python export/benchmark.py checkpoints/reviews

All of them hold the same weights and use the same two threads. Each measurement is a process of
its own; they take turns, and a ratio compares neighbours of the same round. The graph with all
maps is 1.00; what is slower than it stands above 1.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import onnx
import torch
from onnx.utils import Extractor
from transformers import AutoModelForSequenceClassification

from export.graphs import trace_classifier
from export.latency import LENGTHS, median_time, ratios, time_commands
from export.quantize import quantize
from export.quiet import quiet
from export.tracing import OPSET
from training.checkpoint import find_folder, load_classifier

ALL_MAPS = "onnxruntime, all maps"
THREADS = 2


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="benchmark.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", nargs="?", default="checkpoints/reviews")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS), help="in tokens")
    parser.add_argument("--time-torch", action="store_true", help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    given = build_parser().parse_args(argv)
    try:
        folder = find_folder(given.checkpoint)
        if given.time_torch:
            print(json.dumps(time_torch(folder, given.lengths)))
            return 0
        with tempfile.TemporaryDirectory() as place:
            commands = _commands(folder, Path(place), given.lengths)
            times = time_commands(commands, lengths=given.lengths, rounds=given.rounds)
    except (FileNotFoundError, ValueError) as error:
        print(f"benchmark.py: {error}", file=sys.stderr)
        return 2
    _print_table(times, given.lengths, given.rounds)
    return 0


def time_torch(folder: Path, lengths: Sequence[int]) -> dict[int, float]:
    """Milliseconds of `transformers` in eager mode with `output_attentions`, as in notebooks."""
    torch.set_num_threads(THREADS)
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="eager"
        ).eval()
    medians = {}
    with torch.no_grad():
        for length in lengths:
            text = {
                "input_ids": torch.ones(1, length, dtype=torch.long),
                "attention_mask": torch.ones(1, length, dtype=torch.long),
            }
            found = model(**text, output_attentions=True)
            assert len(found.attentions) == model.config.num_hidden_layers, "no maps, no comparison"
            medians[length] = median_time(partial(model, **text, output_attentions=True))
    return medians


def trace_without_maps(folder: Path) -> onnx.ModelProto:
    """The same weights as other exporters write them: `transformers` with sdpa, logits alone."""
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation="sdpa"
        ).eval()
        batch, sequence = torch.export.Dim("batch"), torch.export.Dim("sequence", max=512)
        ids, mask, segments = torch.zeros(3, 2, 5, dtype=torch.int64).unbind()
        program = torch.onnx.export(
            model,
            kwargs={"input_ids": ids, "attention_mask": mask + 1, "token_type_ids": segments},
            dynamo=True,
            opset_version=OPSET,
            output_names=["logits"],
            dynamic_shapes={
                name: {0: batch, 1: sequence}
                for name in ("input_ids", "attention_mask", "token_type_ids")
            },
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program when dynamo=True"
    return program.model_proto


def _commands(folder: Path, place: Path, lengths: Sequence[int]) -> dict[str, list[str]]:
    """Writes the graphs and gives the commands that time them; the first is the yardstick."""
    graph = trace_classifier(load_classifier(folder))
    inputs = [value.name for value in graph.graph.input]
    graphs = {
        ALL_MAPS: graph,
        "the same without maps": Extractor(graph).extract_model(inputs, ["logits"]),
        "transformers' sdpa export, no maps": trace_without_maps(folder),
        "onnxruntime 8 bit, all maps": quantize(graph),
    }
    commands = {}
    for number, (name, model) in enumerate(graphs.items()):
        path = place / f"{number}.onnx"
        onnx.save(model, path)
        commands[name] = [sys.executable, "-m", "export.latency", str(path)]
    commands["PyTorch eager, all maps"] = [
        *(sys.executable, "-m", "export.benchmark", str(folder), "--time-torch", "--lengths")
    ]
    return {name: [*command, *map(str, lengths)] for name, command in commands.items()}


def _print_table(
    times: Mapping[str, Mapping[int, Sequence[float]]], lengths: Sequence[int], rounds: int
) -> None:
    print(
        f"| milliseconds (ratio), median of {rounds} | "
        + " | ".join(f"{n}" for n in lengths)
        + " |"
    )
    print("|---|" + "---:|" * len(lengths))
    for name, of_length in times.items():
        ratio = ratios(times, name, to=ALL_MAPS)
        cells = (f"{statistics.median(of_length[n]):.1f} ({ratio[n]:.2f})" for n in lengths)
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    sys.exit(main())
