"""Times a checkpoint's graphs beside the alternatives, and prints the tables.

    python export/benchmark.py checkpoints/reviews
    python export/benchmark.py --random        # random weights of the default sizes
    python export/benchmark.py --part encoder --optimum FILE     # beside Optimum's export with maps
    python export/benchmark.py --random --part report  # the demo's report beside a pipeline
    python export/benchmark.py --part generate         # GPT-2's and BART's sizes beside generate

All of them hold the same weights and use the same two threads. Each measurement is a process of
its own; they take turns, and a ratio compares neighbours of the same round.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from transformers import PreTrainedTokenizerBase

from export.benchmarks.corpus import export_bundle, save_table, table_of_corpus, time_corpus
from export.benchmarks.decoder import save_graphs, table_of_steps, table_of_writing
from export.benchmarks.encoder import (
    ALL_MAPS,
    NO_MAPS,
    OPENED,
    OPENED_8_BIT,
    mixed_lengths,
    save_encoders,
    table_of_batches,
    table_of_goals,
    table_of_reading,
    time_reading,
)
from export.benchmarks.generators import (
    SIZES,
    save_random_model,
    table_of_generator_steps,
    table_of_generators,
)
from export.command import DONE, command_parser, run_command
from export.loading.checkpoint import LoadedDecoder, LoadedEncoder, load_checkpoint
from export.runtime.timing import LENGTHS
from training.checkpoints.classifier import (
    find_folder,
    load_tokenizer,
    minilm_folder,
    save_classifier,
)
from training.checkpoints.hybrid import TextTokens, save_decoder
from training.checkpoints.record import find_record
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, DecoderConfig, EncoderConfig
from training.model.decoder import GPTDecoder

PASTS = (10, 100, 400)
ENCODER = EncoderConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
DECODER = DecoderConfig(
    vocab_size=ENCODER.vocab_size,
    hidden_size=ENCODER.hidden_size,
    num_hidden_layers=4,
    num_attention_heads=ENCODER.num_attention_heads,
    intermediate_size=ENCODER.intermediate_size,
    max_position_embeddings=ENCODER.max_position_embeddings,
)
"""Those of `--random`: the default sizes, before a model of them is trained."""


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = command_parser("benchmark.py", __doc__)
    add = parser.add_argument
    add("checkpoint", nargs="?", default="checkpoints/reviews")
    add("--random", action="store_true", help="a random model in place of a checkpoint")
    add(
        "--part",
        choices=("encoder", "batches", "decoder", "report", "generate"),
        help="time this alone: one text that is read, many texts, one that is written; or, which "
        "are timed only if they are named, a whole table through demo/report.py, and what random "
        "models of GPT-2's and BART's sizes write, for which no checkpoint is read",
    )
    add(
        "--bundle",
        type=Path,
        help="what is reported with, in each precision that it has (default: the classifier is "
        "exported in float32; to make 8 bit takes minutes)",
    )
    add("--texts", type=int, default=1500, help="rows of that table (default: %(default)s)")
    add("--rounds", type=int, help="turns of each (default: 5, and 2 of a table)")
    _add_flags_of_reading(parser)
    add("--tokens", type=int, default=64, help="tokens of a text that is written (default: 64)")
    add(
        "--pasts",
        type=int,
        nargs="+",
        default=list(PASTS),
        help="tokens written before a step that is timed (default: %(default)s)",
    )
    return parser


def _add_flags_of_reading(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--lengths",
        type=int,
        nargs="+",
        default=list(LENGTHS),
        help="tokens of a text that is read (default: %(default)s)",
    )
    add(
        "--quantized",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="8-bit graphs of the encoder (default: the faithful and the fast one are made)",
    )
    add(
        "--optimum",
        type=Path,
        metavar="FILE",
        help="the model.onnx that clients/optimum_with_maps.py wrote, of the same checkpoint",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    given = build_parser().parse_args(argv)
    given.rounds = given.rounds or (2 if given.part == "report" else 5)
    return run_command("benchmark.py", _run, given)


def _run(given: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as place:
        if given.random:
            given.checkpoint = str(Path(place) / "random")
            tokenizer = load_tokenizer(minilm_folder())
            save_random_checkpoint(Path(given.checkpoint), tokenizer)
        _measure(given, Path(place))
    return DONE


def _measure(given: argparse.Namespace, place: Path) -> None:
    """Prints each table as soon as it is measured."""
    for file in (*given.quantized, *filter(None, [given.optimum])):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is no file; give the ONNX graph itself")
    if given.part == "generate":
        _time_generators(given, place)
        return
    loaded = load_checkpoint(given.checkpoint)
    if given.part == "report":
        _time_report(given, loaded.reader, place)
    elif given.part != "decoder" and loaded.reader.classifies:
        _time_encoder(given, loaded.reader, place)
    if given.part in (None, "decoder"):
        ours = loaded.decoder if isinstance(loaded.decoder, LoadedDecoder) else None
        _time_decoder(given, ours, place)


def _time_encoder(given: argparse.Namespace, part: LoadedEncoder, place: Path) -> None:
    if given.part != "batches" and max(given.lengths) > part.max_tokens:
        raise ValueError(
            f"{max(given.lengths)} tokens are more than the {part.max_tokens} that the encoder "
            "reads; give less with --lengths"
        )
    files = save_encoders(part, place, given.quantized)
    if given.part != "batches":
        times = time_reading(part, files, given.lengths, given.rounds, optimum=given.optimum)
        print(table_of_reading(times, given.lengths, given.rounds), flush=True)
        graph = onnx.load(files[ALL_MAPS])
        print(f"\n{table_of_goals(times, graph, given.lengths)}", flush=True)
    if given.part != "encoder":
        record = find_record(Path(given.checkpoint))
        others = (*NO_MAPS.values(), OPENED, *OPENED_8_BIT.values())
        with_maps = {name: file for name, file in files.items() if name not in others}
        lengths = mixed_lengths(part, record)
        print(f"\n{table_of_batches(with_maps, lengths, given.rounds)}", flush=True)


def _time_decoder(given: argparse.Namespace, part: LoadedDecoder | None, place: Path) -> None:
    if part is None:
        print(
            f"\n{given.checkpoint} has no decoder to time; add one with: "
            f"python training/train_hybrid.py {given.checkpoint}"
        )
        return
    longest = max(given.tokens, *(past + 1 for past in given.pasts))
    if longest > part.limit:
        raise ValueError(
            f"{longest} tokens are more than the {part.limit} that the decoder takes; "
            "give less with --tokens and --pasts"
        )
    root = Path(given.checkpoint)
    folder = root if root.is_dir() else find_folder(given.checkpoint)
    graphs = save_graphs(part, place)
    print(f"\n{table_of_writing(graphs, folder, given.tokens, given.rounds)}", flush=True)
    print(f"\n{table_of_steps(graphs, given.pasts, given.rounds)}")


def _time_generators(given: argparse.Namespace, place: Path) -> None:
    for family in SIZES:
        print(f"tracing a random {family}", file=sys.stderr, flush=True)
        folder, graph = save_random_model(family, place)
        speeds = table_of_generators(folder, graph, given.tokens, given.rounds)
        print(f"{family}:\n{speeds}", flush=True)
        print(f"\n{table_of_generator_steps(folder, graph, given.pasts, given.rounds)}\n")


def _time_report(given: argparse.Namespace, part: LoadedEncoder, place: Path) -> None:
    if not part.classifies:
        raise ValueError(f"{given.checkpoint} does not classify; a report is of classes")
    table = place / "texts.csv"
    save_table(table, given.texts)
    bundle = given.bundle or export_bundle(part.folder, place / "bundle")
    speeds = time_corpus(part.folder, bundle, table, given.texts, given.rounds)
    print(table_of_corpus(speeds, given.texts, given.rounds))


def save_random_checkpoint(
    folder: Path,
    tokenizer: PreTrainedTokenizerBase,
    *,
    encoder: EncoderConfig = ENCODER,
    decoder: DecoderConfig = DECODER,
) -> None:
    """Writes a classifier and a decoder of random weights, seed 0, into a new folder.

    Args:
        tokenizer: of a BERT; [CLS] begins a text and [SEP] ends it.
    """
    torch.manual_seed(0)
    for part in ("encoder", "decoder"):
        (folder / part).mkdir(parents=True)
    labels = ("negative", "positive")
    classifier = BERTClassifier(ClassifierConfig(encoder=encoder, labels=labels))
    save_classifier(folder / "encoder", classifier, tokenizer)
    tokens = TextTokens(
        start=tokenizer.cls_token_id, end=tokenizer.sep_token_id, pad=tokenizer.pad_token_id
    )
    save_decoder(folder / "decoder", GPTDecoder(decoder), tokenizer, tokens)


if __name__ == "__main__":
    sys.exit(main())
