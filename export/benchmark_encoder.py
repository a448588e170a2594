"""Times one text through an encoder's graphs; a part of `benchmark.py`.

Run as a command this file is one process of it: it times `transformers` and prints the medians.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import onnx
import torch
from onnx.utils import Extractor
from transformers import AutoModelForSequenceClassification

from export.encoder_graph import trace_encoder
from export.latency import median_time, ratios, time_commands
from export.parts import EncoderPart
from export.quantize import quantize
from export.quiet import quiet
from export.sessions import THREADS
from export.tracing import OPSET

ALL_MAPS = "onnxruntime, all maps"


def table_of_reading(part: EncoderPart, place: Path, lengths: Sequence[int], rounds: int) -> str:
    """Milliseconds at each length, as Markdown; the graph with all maps is 1.00.

    Args:
        place: a folder for the graphs.
    """
    times = time_commands(_commands(part, place, lengths), lengths=lengths, rounds=rounds)
    titles = " | ".join(f"{length}" for length in lengths)
    rows = [
        f"| reading: milliseconds (ratio), median of {rounds} | {titles} |",
        "|---|" + "---:|" * len(lengths),
    ]
    for name, of_length in times.items():
        ratio = ratios(times, name, to=ALL_MAPS)
        cells = (f"{statistics.median(of_length[n]):.1f} ({ratio[n]:.2f})" for n in lengths)
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


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


def _commands(part: EncoderPart, place: Path, lengths: Sequence[int]) -> dict[str, list[str]]:
    """Writes the graphs and gives the commands that time them; the first is the yardstick."""
    graph = trace_encoder(part.model)
    inputs = [value.name for value in graph.graph.input]
    graphs = {
        ALL_MAPS: graph,
        "the same without maps": Extractor(graph).extract_model(inputs, ["logits"]),
        "transformers' sdpa export, no maps": trace_without_maps(part.folder),
        "onnxruntime 8 bit, all maps": quantize(graph),
    }
    commands = {}
    for number, (name, model) in enumerate(graphs.items()):
        path = place / f"encoder_{number}.onnx"
        onnx.save(model, path)
        commands[name] = [sys.executable, "-m", "export.latency", str(path)]
    commands["PyTorch eager, all maps"] = [
        *(sys.executable, "-m", "export.benchmark_encoder", str(part.folder))
    ]
    return {name: [*command, *map(str, lengths)] for name, command in commands.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the medians of `transformers` at the given lengths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("lengths", type=int, nargs="+")
    given = parser.parse_args(argv)
    sys.stdout.write(json.dumps(time_torch(given.folder, given.lengths)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
