"""Measures ways to 8 bit beside each other, those that the exporter offers and those that lost.

    python export/benchmarks/compare_schemes.py checkpoints/reviews

Of each: the share of held-out texts with float32's label, the accuracy, how far the maps move and
the size as a share of float32's; then the times. Only a fine-tuned model tells them apart.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from export.command import DONE, command_parser, run_command
from export.eval_texts import HeldOut, many_texts
from export.graphs.encoder import trace_encoder
from export.loading.checkpoint import load_checkpoint
from export.quantize.agreement import EncoderAgreement, compare_encoders
from export.quantize.graph import quantize
from export.quantize.schemes import (
    BROWSER,
    FAITHFUL,
    FAST,
    BlockwiseInt8,
    DynamicInt8,
    Float32,
    PerTokenInt8,
    Scheme,
    Tier,
)
from export.runtime.session import open_session
from export.runtime.timing import BUSY, LENGTHS, table_of_times, time_graphs, used_by_others
from training.checkpoints.record import find_record

FLOAT32 = "float32"
SCHEMES = {
    "faithful": FAITHFUL,
    "fast": FAST,
    "browser": BROWSER,
    "words only, layers in float32": Scheme(Float32()),
    "one scale for a run": Scheme(DynamicInt8()),
    "one scale, rows for a quarter": Scheme(DynamicInt8(), (Tier(1 / 4, PerTokenInt8()),)),
    "rows": Scheme(PerTokenInt8()),
    "rows, 4 channels apart": Scheme(PerTokenInt8(4)),
    "rows, 8 apart": Scheme(PerTokenInt8(8)),
    "rows, 16 apart": Scheme(PerTokenInt8(16)),
    "rows, blocks for a third": Scheme(PerTokenInt8(), (Tier(1 / 3, BlockwiseInt8(32)),)),
    "rows, 8 apart, blocks for a third": Scheme(PerTokenInt8(8), (Tier(1 / 3, BlockwiseInt8(32)),)),
    "faithful with blocks for a half": Scheme(
        PerTokenInt8(), (Tier(1 / 2, BlockwiseInt8(32)), Tier(1 / 4, PerTokenInt8(8)))
    ),
    "rows, a quarter in float32": Scheme(PerTokenInt8(), (Tier(1 / 4, Float32()),)),
    "blocks of 16": Scheme(BlockwiseInt8(16)),
    "blocks of 32": Scheme(BlockwiseInt8(32)),
    "blocks of 64": Scheme(BlockwiseInt8(64)),
    "blocks of 128": Scheme(BlockwiseInt8(128)),
    "blocks of 256": Scheme(BlockwiseInt8(256)),
    "blocks of 32, float activations": Scheme(BlockwiseInt8(32, level=0)),
    "blocks of 128, float activations": Scheme(BlockwiseInt8(128, level=0)),
}


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = command_parser("compare_schemes.py", __doc__)
    add = parser.add_argument
    add("checkpoint", nargs="?", default="checkpoints/reviews")
    add("--held-out", metavar="DATA", help="labelled texts, as to_onnx.py takes them")
    add("--texts", type=int, help="so many of them, evenly chosen (default: all)")
    add("--only", nargs="+", choices=SCHEMES, default=list(SCHEMES), metavar="SCHEME")
    add("--integer-weights", choices=("int8", "uint8"), default="int8", help="how they are stored")
    add("--rounds", type=int, default=5, help="of the times (default: %(default)s); 0 for none")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table, a row as soon as it is measured."""
    return run_command("compare_schemes.py", _run, build_parser().parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    for line in _rows(given):
        print(line, flush=True)
    return DONE


def _rows(given: argparse.Namespace) -> Iterator[str]:
    record = find_record(Path(given.checkpoint))
    part = load_checkpoint(given.checkpoint).reader
    held_out = many_texts(given.held_out, record, (record or {}).get("examples", ()), part)
    if given.texts is not None:
        held_out = _fewer(held_out, given.texts)
    graph = trace_encoder(part.ours)
    origin = "; ".join(f"{count} of {name}" for name, count in held_out.origin.items())
    yield f"{len(held_out.texts)} texts, chosen from: {origin}\n"
    yield "| | same label | accuracy | maps: mean, 99th percentile, largest | size |"
    yield "|---|---:|---:|---:|---:|"
    exact = open_session(graph)
    with tempfile.TemporaryDirectory() as folder:
        files = {FLOAT32: Path(folder) / "float32.onnx"}
        onnx.save(graph, files[FLOAT32])
        for number, name in enumerate(given.only):
            unsigned = given.integer_weights == "uint8"
            small = quantize(graph, SCHEMES[name], unsigned=unsigned, session=exact)
            files[name] = Path(folder) / f"{number}.onnx"
            onnx.save(small, files[name])
            agreement = compare_encoders(exact, open_session(small), held_out, pad_id=part.pad_id)
            yield _row(name, agreement, small.ByteSize() / graph.ByteSize())
        if given.rounds:
            lengths = [length for length in LENGTHS if length <= part.max_tokens]
            yield _times(files, lengths, given.rounds)


def _times(files: Mapping[str, Path], lengths: Sequence[int], rounds: int) -> str:
    """All of them in turns, so that a slow minute of the machine slows down all."""
    busy = used_by_others() > BUSY
    times = time_graphs(files, lengths=lengths, rounds=rounds, busy=busy)
    how = "one thread's processor time" if busy else "time on all threads"
    title = f"{how}: milliseconds (of float32's), fastest of {rounds}"
    return "\n" + table_of_times(title, {n: f"{n}" for n in lengths}, times, to=FLOAT32)


def _fewer(held_out: HeldOut, count: int) -> HeldOut:
    """Every n-th text.

    Raises:
        ValueError: there are not so many.
    """
    texts = held_out.texts
    if not 1 <= count <= len(texts):
        raise ValueError(
            f"--texts is {count}; there are {len(texts)}: give a number from 1 to that"
        )
    chosen = [texts[i * len(texts) // count] for i in range(count)]
    return replace(held_out, texts=chosen)


def _row(name: str, agreement: EncoderAgreement, size: float) -> str:
    texts, error = agreement.texts, agreement.map_error
    before, after = texts.accuracy_float32, texts.accuracy_8bit
    cells = [
        name,
        "" if texts.same_label is None else f"{texts.same_label:.2%}",
        "" if before is None or after is None else f"{100 * (after - before):+.2f}",
        f"{error.mean:.4f}, {error.p99:.4f}, {error.max:.3f}",
        f"{size:.3f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
