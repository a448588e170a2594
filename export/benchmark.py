"""Times a checkpoint's graphs beside the alternatives, and prints the tables.

    python export/benchmark.py checkpoints/reviews
    python export/benchmark.py --random        # random weights of the default sizes

All of them hold the same weights and use the same two threads. Each measurement is a process of
its own; they take turns, and a ratio compares neighbours of the same round.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.benchmark_decoder import save_graphs, table_of_steps, table_of_writing
from export.benchmark_encoder import table_of_reading
from export.latency import LENGTHS
from export.parts import open_parts
from export.random_checkpoint import save_random_checkpoint
from training.checkpoint import find_folder, load_tokenizer
from training.starting_point import minilm_folder

PASTS = (10, 100, 400)


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="benchmark.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("checkpoint", nargs="?", default="checkpoints/reviews")
    add("--random", action="store_true", help="a random model in place of a checkpoint")
    add("--part", choices=("encoder", "decoder"), help="time this alone (default: both)")
    add("--rounds", type=int, default=5, help="turns of each (default: %(default)s)")
    add(
        "--lengths",
        type=int,
        nargs="+",
        default=list(LENGTHS),
        help="tokens of a text that is read (default: %(default)s)",
    )
    add("--tokens", type=int, default=64, help="tokens of a text that is written (default: 64)")
    add(
        "--pasts",
        type=int,
        nargs="+",
        default=list(PASTS),
        help="tokens written before a step that is timed (default: %(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    given = build_parser().parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as place:
            if given.random:
                given.checkpoint = str(Path(place) / "random")
                tokenizer = load_tokenizer(minilm_folder())
                save_random_checkpoint(Path(given.checkpoint), tokenizer)
            _run(given, Path(place))
    except (FileNotFoundError, ValueError) as error:
        print(f"benchmark.py: {error}", file=sys.stderr)
        return 2
    return 0


def _run(given: argparse.Namespace, place: Path) -> None:
    """Prints each table as soon as it is measured."""
    parts = open_parts(given.checkpoint)
    if given.part != "decoder" and parts.encoder.classifies:
        print(table_of_reading(parts.encoder, place, given.lengths, given.rounds), flush=True)
    if given.part == "encoder":
        return
    if parts.decoder is None:
        print(
            f"\n{given.checkpoint} has no decoder to time; add one with: "
            f"python training/train_hybrid.py {given.checkpoint}"
        )
        return
    longest = max(given.tokens, *(past + 1 for past in given.pasts))
    if longest > parts.decoder.limit:
        raise ValueError(
            f"{longest} tokens are more than the {parts.decoder.limit} that the decoder takes; "
            "give less with --tokens and --pasts"
        )
    root = Path(given.checkpoint)
    folder = root if root.is_dir() else find_folder(given.checkpoint)
    graphs = save_graphs(parts.decoder, place)
    print(f"\n{table_of_writing(graphs, folder, given.tokens, given.rounds)}", flush=True)
    print(f"\n{table_of_steps(graphs, given.pasts, given.rounds)}")


if __name__ == "__main__":
    sys.exit(main())
