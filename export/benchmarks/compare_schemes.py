"""Measures ways to 8 bit beside each other, those that the exporter offers and those that lost.

    python export/benchmarks/compare_schemes.py checkpoints/reviews
    python export/benchmarks/compare_schemes.py model.gguf

Of each: the share of held-out texts with float32's label, the accuracy, how far the maps move and
the size as a share of float32's; then the times. Only a fine-tuned model tells them apart. Of what
goes on from a prompt: the share of float32's tokens, how far the next token's probabilities are
from float32's, and the maps, along reviews and, where it has a chat template, answers.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import onnx

from bundle_format.graphs import MapError
from export.bundle.text_files import read_texts
from export.command import DONE, command_parser, run_command
from export.eval_texts import Sources, many_texts
from export.generators.agreement import compare_generators
from export.generators.opening import make_decoder_graph
from export.generators.texts import GraphsOfGenerator, TextWriter
from export.graphs.encoder import trace_encoder
from export.graphs.graph_file import save_graph, size_of
from export.graphs.tasks import GENERATE
from export.loading.checkpoint import LoadedGenerator, load_checkpoint
from export.loading.encoders import find_task, is_by_ours
from export.loading.generators import load_generator
from export.loading.gguf_file import opened_source
from export.quantize.agreement import DecoderAgreement, EncoderAgreement, compare_encoders
from export.quantize.graph import quantize
from export.quantize.schemes import (
    BROWSER,
    BROWSER_DECODER,
    DECODER,
    FAITHFUL,
    FAST,
    GENERATOR,
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
from training.data.batches import EncodedText
from training.readers.packaged import read_reviews

_Any = TypeVar("_Any")

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
_BLOCKS, _RESIDUAL = BlockwiseInt8(32), BlockwiseInt8(32, residual=True)
WRITING = {
    "generator": GENERATOR,
    "blocks of 32, a scale for each word": DECODER,
    "blocks of 32, words too": Scheme(_BLOCKS, words=_BLOCKS),
    "blocks of 32, words with residual": Scheme(_BLOCKS, words=_RESIDUAL),
    "blocks of 32 with residual, a scale for each word": Scheme(_RESIDUAL),
    "blocks of 16 with residual": Scheme(
        BlockwiseInt8(16, residual=True), words=BlockwiseInt8(16, residual=True)
    ),
    "rows": BROWSER_DECODER,
    "blocks of 32, words too, float activations": Scheme(
        BlockwiseInt8(32, level=0), words=BlockwiseInt8(32, level=0)
    ),
}
"""Of what goes on from a prompt."""
QUESTIONS = (
    "What is the capital of France?",
    "Name the three primary colors.",
    "How many days are in a leap year?",
    "Write one sentence about the sea.",
    "What do bees make?",
    "Who wrote Romeo and Juliet?",
    "Explain in one sentence what gravity is.",
    "Translate 'good morning' into Spanish.",
)
_REVIEWS, _TOKENS = 12, 128
_PASTS = (10, 100)


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = command_parser("compare_schemes.py", __doc__)
    add = parser.add_argument
    add("checkpoint", nargs="?", default="checkpoints/reviews")
    add("--held-out", metavar="DATA", help="labelled texts, as to_onnx.py takes them")
    add("--texts", type=int, help="so many of them, evenly chosen (default: all)")
    add("--only", nargs="+", choices=[*SCHEMES, *WRITING], metavar="SCHEME", help="default: all")
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
    with opened_source(given.checkpoint) as source:
        folder = source.folder
        if not is_by_ours(folder, None) and find_task(folder, None) is GENERATE:
            generator = load_generator(folder).generator
            assert generator, "a folder that writes has a generator"
            yield from _of_generator(generator, given)
        else:
            yield from _of_encoder(folder, given)


def _asked(given: argparse.Namespace, schemes: Mapping[str, Scheme]) -> dict[str, Scheme]:
    """Raises ValueError: a scheme was asked for that is for another kind of model."""
    names = given.only or list(schemes)
    if strange := [name for name in names if name not in schemes]:
        raise ValueError(
            f"{', '.join(strange)}: not tried on such a model; choose from {', '.join(schemes)}"
        )
    return {name: schemes[name] for name in names}


def _of_encoder(folder: str, given: argparse.Namespace) -> Iterator[str]:
    schemes, record = _asked(given, SCHEMES), find_record(Path(folder))
    part = load_checkpoint(folder).reader
    held_out = many_texts(given.held_out, record, (record or {}).get("examples", ()), part)
    if given.texts is not None:
        held_out = replace(held_out, texts=_fewer(held_out.texts, given.texts))
    graph = trace_encoder(part.ours)
    origin = "; ".join(f"{count} of {name}" for name, count in held_out.origin.items())
    yield f"{len(held_out.texts)} texts, chosen from: {origin}\n"
    yield "| | same label | accuracy | maps: mean, 99th percentile, largest | size |"
    yield "|---|---:|---:|---:|---:|"
    exact = open_session(graph)
    with tempfile.TemporaryDirectory() as place:
        files = {FLOAT32: Path(place) / "float32.onnx"}
        onnx.save(graph, files[FLOAT32])
        for number, (name, scheme) in enumerate(schemes.items()):
            unsigned = given.integer_weights == "uint8"
            small = quantize(graph, scheme, unsigned=unsigned, session=exact)
            files[name] = Path(place) / f"{number}.onnx"
            onnx.save(small, files[name])
            agreement = compare_encoders(exact, open_session(small), held_out, pad_id=part.pad_id)
            yield _row(name, agreement, small.ByteSize() / graph.ByteSize())
        if given.rounds:
            lengths = [length for length in LENGTHS if length <= part.max_tokens]
            yield _times(files, lengths, given.rounds)


def _of_generator(part: LoadedGenerator, given: argparse.Namespace) -> Iterator[str]:
    schemes = _asked(given, WRITING)
    if not part.sizes.alone:
        raise ValueError(
            f"{part.folder.name} reads a source; expected a decoder alone, or a classifier of ours"
        )
    sources = _prompts(part, given)
    graph = make_decoder_graph(part.model, part.sizes)
    writer = TextWriter(model=part.model, spec=part.sizes, max_tokens=part.max_tokens)
    exact = GraphsOfGenerator(decoder=open_session(graph), encoder=None)
    written = writer.by_graphs(exact, sources.texts)
    yield f"{len(sources.texts)} prompts: {sources.origin}\n"
    yield (
        "| | divergence | same token | same text | maps: mean, 99th percentile, largest | size |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    with tempfile.TemporaryDirectory() as place:
        files = {FLOAT32: Path(place) / "float32.onnx"}
        save_graph(graph, files[FLOAT32])
        for number, (name, scheme) in enumerate(schemes.items()):
            small = quantize(graph, scheme, unsigned=given.integer_weights == "uint8")
            files[name] = Path(place) / f"{number}.onnx"
            save_graph(small, files[name])
            other = GraphsOfGenerator(decoder=open_session(small), encoder=None)
            agreement = compare_generators(exact, other, writer, sources, written)
            yield _row_of_writing(name, agreement, size_of(small) / size_of(graph))
        if given.rounds:
            pasts = [past for past in _PASTS if past < part.max_tokens]
            yield _times(files, pasts, given.rounds)


def _prompts(part: LoadedGenerator, given: argparse.Namespace) -> Sources:
    """Packaged reviews, or texts of a file, and questions where there is a template for them."""
    tokenizer, most = part.tokenizer, min(_TOKENS, part.max_tokens)
    if given.held_out:
        texts, origin = [one["text"] for one in read_texts(Path(given.held_out))], "a file"
    else:
        texts = [row.text for row in _fewer(read_reviews("imdb").parts["all"], _REVIEWS)]
        origin = "reviews"
    if given.texts is not None:
        texts = _fewer(texts, given.texts)
    found = [tokenizer(text.replace("<br />", " "))["input_ids"][:most] for text in texts]
    if tokenizer.chat_template:
        for question in QUESTIONS:
            asked = [{"role": "user", "content": question}]
            text = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
            found.append(tokenizer(text, add_special_tokens=False)["input_ids"])
        origin += f", and {len(QUESTIONS)} questions"
    return Sources(
        texts=[EncodedText(tuple(ids), (0,) * len(ids), 0, len(ids)) for ids in found],
        origin=origin,
    )


def _times(files: Mapping[str, Path], lengths: Sequence[int], rounds: int) -> str:
    """All of them in turns, so that a slow minute of the machine slows down all."""
    busy = used_by_others() > BUSY
    times = time_graphs(files, lengths=lengths, rounds=rounds, busy=busy)
    how = "one thread's processor time" if busy else "time on all threads"
    title = f"{how}: milliseconds (of float32's), fastest of {rounds}"
    return "\n" + table_of_times(title, {n: f"{n}" for n in lengths}, times, to=FLOAT32)


def _fewer(texts: Sequence[_Any], count: int) -> list[_Any]:
    """Every n-th text.

    Raises:
        ValueError: there are not so many.
    """
    if not 1 <= count <= len(texts):
        raise ValueError(
            f"--texts is {count}; there are {len(texts)}: give a number from 1 to that"
        )
    return [texts[i * len(texts) // count] for i in range(count)]


def _row(name: str, agreement: EncoderAgreement, size: float) -> str:
    texts = agreement.texts
    before, after = texts.accuracy_float32, texts.accuracy_8bit
    return _cells(
        name,
        "" if texts.same_label is None else f"{texts.same_label:.2%}",
        "" if before is None or after is None else f"{100 * (after - before):+.2f}",
        _maps(agreement.map_error),
        f"{size:.3f}",
    )


def _row_of_writing(name: str, agreement: DecoderAgreement, size: float) -> str:
    greedy, error = agreement.greedy, agreement.map_error.decoder_attentions
    assert error, "a decoder alone has maps of its own text"
    shares = (f"{greedy.same_token:.1%}", f"{greedy.same_text:.0%}")
    return _cells(name, f"{greedy.divergence:.5f}", *shares, _maps(error), f"{size:.3f}")


def _maps(error: MapError) -> str:
    return f"{error.mean:.4f}, {error.p99:.4f}, {error.max:.3f}"


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
