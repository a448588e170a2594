"""Exports a model to ONNX with every attention map as a graph output, and proves the result.

A checkpoint folder of ours goes in, or any model in Hugging Face's format: an encoder of any family
that classifies texts or tokens, marks answers, fills masks or embeds texts, sentence-transformers'
among them, or what writes, a decoder alone or one behind an encoder, of any family.
A bundle that demo/app.py opens comes out. Nothing is written unless every check passes.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bundle_format.graphs import Proof, WritingGraph
from export.bundle.card import ModelCard, make_card
from export.bundle.text_files import read_texts
from export.bundle.write import BUNDLE, describe, write_bundle
from export.clients.triton_repository import MODEL, lay_out, model_folder
from export.command import DONE, FAILED, STOPPED, command_parser, run_command
from export.eval_texts import HeldOut, find_sources, many_texts
from export.graphs.graph_file import size_of
from export.graphs.map_layers import parse_layers
from export.graphs.tasks import GENERATE, TASKS
from export.loading.checkpoint import (
    LoadedCheckpoint,
    LoadedGenerator,
    load_checkpoint,
    lower_limits,
)
from export.loading.encoders import find_task, is_by_ours, load_any_model
from export.loading.generators import load_generator
from export.loading.gguf_file import Source, opened_source, public_stem
from export.loading.memory import bytes_of, check_memory, free_memory
from export.pipeline.decoder import export_decoder
from export.pipeline.encoder import export_encoder
from export.pipeline.parts import PartResult
from export.quantize.schemes import (
    PROFILES,
    SIZE,
    QuantizationOptions,
    check_writes,
    profiles_beside,
)
from export.report import (
    show_bundle,
    show_checkpoint,
    show_examples,
    show_options_after_a_miss,
    show_search,
    show_triton,
)
from export.runtime import other_runtimes
from export.runtime.session import CHOICES, choose_integer_weights
from export.verification.bundle import UnsoundBundleError, verify_bundle
from export.verify import show_proof
from hosting.build import build_space, find_kind, show_space
from hosting.folder import check_target as check_space_folder
from hosting.kinds import KINDS
from training.checkpoints.atomic_folder import check_given, check_target
from training.checkpoints.record import find_record

DEFAULT_CHECKPOINT = "checkpoints/reviews"


def build_parser(description: str | None = None) -> argparse.ArgumentParser:
    """The command's flags, under a description of what it does."""
    example = "example: python export/to_onnx.py checkpoints/reviews --quantize"
    parser = command_parser("to_onnx.py", description, example)
    add = parser.add_argument
    add(
        "checkpoint",
        nargs="?",
        help="a checkpoint folder, a folder in Hugging Face's format, a GGUF file, or a model's "
        f"name on the Hub (default: {DEFAULT_CHECKPOINT}, trained first if it is not there)",
    )
    add(
        "--task",
        choices=(*TASKS, GENERATE.name),
        help="what the model is for, where its config.json names no class; embed makes a vector of "
        "a text with the encoder of any model (default: as the class says)",
    )
    add("--out", type=Path, help="the bundle's folder (default: bundles/<name>)")
    _add_flags_of_the_page(parser)
    _add_8_bit_flags(parser)
    add(
        "--decoder-tokenizer",
        metavar="NAME",
        help="folder or Hub name of the tokenizer that an EncoderDecoderModel writes with "
        "(default: its folder's decoder/, else the encoder's)",
    )
    _add_flags_of_other_places(parser)
    add("--no-train", action="store_true", help="without a checkpoint stop instead of training one")
    return parser


def _add_flags_of_other_places(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--triton",
        type=Path,
        metavar="FOLDER",
        help="also lay the bundle out in this model repository of the Triton server, as "
        "triton_repository.py does",
    )
    add(
        "--space",
        type=Path,
        metavar="FOLDER",
        help="also make this folder of a Space from the bundle, as demo/build_space.py does",
    )
    add(
        "--sdk",
        choices=tuple(KINDS),
        default="gradio",
        help="with --space: the kind of Space (default: %(default)s)",
    )


def _add_flags_of_the_page(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--title", help="the page's heading (default: from training)")
    add("--licence", help="a sentence on weights and texts (default: from training)")
    examples = parser.add_mutually_exclusive_group()
    examples.add_argument(
        "--examples",
        type=Path,
        help="texts for the page to offer, which become public with it: a text a line (.txt), "
        "or a CSV or JSON with text and text_pair (default: of a training on the packaged "
        "reviews its own; rows of other data are never offered by themselves)",
    )
    examples.add_argument(
        "--no-examples", action="store_true", help="offer none, of the packaged reviews neither"
    )
    add(
        "--max-tokens",
        type=int,
        metavar="N",
        help="the longest text that the page reads or writes, in tokens: what a model of many "
        "positions is tried on hangs on it (default: as many as the model can)",
    )
    add(
        "--layers",
        metavar="N,N",
        help="the layers, from 0, whose maps the page shows, such as 0,5,11 or 0-3: of a model of "
        "many layers few are looked at, and all cost memory; of a decoder behind an encoder both "
        "must have them, and a decoder of ours shows all (default: all)",
    )


def _add_8_bit_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("8 bit").add_argument
    add(
        "--quantize",
        action="store_true",
        help="also write the 8-bit graphs, and measure them on held-out texts",
    )
    add("--only-8bit", action="store_true", help="--quantize, and leave the float32 graphs out")
    add(
        "--profile",
        choices=tuple(PROFILES),
        default="faithful",
        help="what the 8-bit graph of the encoder is held to: maps near to float32's, the same in "
        "products that are quick in a browser, or speed; a limit that cannot be measured (no "
        "labels, a model that reads less) is named and counts neither as held nor as missed "
        "(default: %(default)s)",
    )
    add(
        "--allow-miss",
        action="store_true",
        help="write the 8-bit graphs although a limit of their profile is missed",
    )
    add(
        "--integer-weights",
        choices=CHOICES,
        default="auto",
        help="int8 is the faster; uint8 is exact on x86 without VNNI too, in clients that do not "
        "set onnxruntime's session.x64quantprecision (default: by this processor)",
    )
    add(
        "--held-out",
        metavar="DATA",
        help="labelled texts to measure the 8-bit graph on, as train_classifier.py's --data; its "
        "test and validation parts are used (default: those of the training). For a model that "
        "does not classify texts, a file of texts alone, as --examples: of one that fills, a word "
        "of each is masked; one that answers has its question as text, its context as text_pair; "
        "one that writes goes on from each, or writes from it",
    )


_LONGEST = 500
"""Characters of a failed check: some libraries tell all that they were given."""
_NAMES = (
    *("the checkpoint's name", "--examples", "--held-out", "--decoder-tokenizer"),
    *("--title", "--licence"),
)


_log = partial(print, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0 when the bundle is written, 1 when a check failed, 2 on bad input."""
    return run_command("to_onnx.py", _run, build_parser(__doc__).parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    read = (given.checkpoint, given.examples, given.held_out, given.decoder_tokenizer)
    for what, name in zip(_NAMES, (*read, given.title, given.licence), strict=True):
        check_given(name, what)
    name = public_stem(given.checkpoint or DEFAULT_CHECKPOINT)
    out = given.out or Path("bundles") / name
    given.out = check_target(out, kind=BUNDLE, inputs=read)
    if given.space:
        find_kind(given.sdk)
        given.space = check_space_folder(given.space, [given.out, *_local(read)])
    given.checkpoint = given.checkpoint or _default_checkpoint(given.no_train)
    with opened_source(given.checkpoint) as source:
        failures = _export(given, source)
    for failure in failures:
        print(f"failed: {failure[:_LONGEST]}", file=sys.stderr)
    if failures:
        print(f"{len(failures)} checks failed; no bundle was written", file=sys.stderr)
    return FAILED if failures else DONE


def _local(names: Sequence[str | Path | None]) -> list[Path]:
    """Those that lie here, and not on the Hub."""
    return [Path(name) for name in names if name is not None and Path(name).exists()]


def _default_checkpoint(no_train: bool) -> str:
    if not Path(DEFAULT_CHECKPOINT).exists():
        command = "python training/train_classifier.py"
        if no_train:
            raise FileNotFoundError(f"{DEFAULT_CHECKPOINT} is not there. Make it: {command}")
        print(f"{DEFAULT_CHECKPOINT} is not there; training it first, as {command} does\n")
        from training.train_classifier import main as train

        code = train(["--out", DEFAULT_CHECKPOINT])
        if code == STOPPED:
            raise KeyboardInterrupt
        if code:
            raise ValueError(f"the training stopped with code {code}; nothing was exported")
        print()
    return DEFAULT_CHECKPOINT


def _export(given: argparse.Namespace, source: Source) -> list[str]:
    """Everything between the flags and the bundle; returns the failed checks."""
    record = find_record(Path(given.checkpoint))
    loaded = source.named(_open(given, source.folder))
    card = make_card(
        *(given.checkpoint, record, loaded),
        title=given.title,
        licence=given.licence,
        examples=given.examples,
        no_examples=given.no_examples,
    )
    describe(loaded, card)  # what no reader would open is refused before the work
    encoder, decoder = _make_graphs(given, record, loaded, card)
    if failures := encoder.failures + decoder.failures:
        return failures
    if given.only_8bit:
        for made in (encoder, decoder):
            made.graphs.pop("float32", None)
    try:
        write_bundle(
            *(given.out, loaded, card), encoder=encoder.graphs, decoder=decoder.graphs, prove=_prove
        )
    except UnsoundBundleError as unsound:
        return unsound.failures
    _log(show_bundle(given.out))
    if given.triton:
        _log(show_triton(lay_out(given.out, given.triton)))
    if given.space:
        build_space(given.out, given.space, find_kind(given.sdk))
        _log(show_space(given.space, given.sdk))
    return []


def _make_graphs(
    given: argparse.Namespace,
    record: Mapping[str, Any] | None,
    loaded: LoadedCheckpoint,
    card: ModelCard,
) -> tuple[PartResult, PartResult]:
    """The encoder's graphs and the decoder's, of which there may be none."""
    options, held_out, encoder, decoder = None, HeldOut([], False), PartResult(), PartResult()
    if given.quantize or given.only_8bit:
        weights = choose_integer_weights(given.integer_weights)
        options = QuantizationOptions(name=given.profile, integer_weights=weights)
        if loaded.encoder:
            held_out = many_texts(given.held_out, record, card.examples, loaded.encoder)
    _log(show_checkpoint(given.checkpoint, loaded))
    _log(show_examples(card, given.examples, loaded))
    if loaded.encoder:
        encoder = export_encoder(loaded.encoder, held_out, options=options, log=_log)
    if encoder.missed_limits and not given.allow_miss:
        if failures := _leave_out_8_bit(encoder, given):
            return PartResult(failures=failures), decoder
        options = None
    if loaded.decoder and card.decoder:
        _log(show_search())
        find = partial(find_sources, record, part=loaded.first)
        if isinstance(loaded.decoder, LoadedGenerator):
            sources = find(card.decoder.examples)
            if given.held_out:
                file = Path(given.held_out)
                sources = find(read_texts(file), origin=file.name)
        else:
            sources = find(card.decoder.examples, given=[given.held_out] if given.held_out else [])
        decoder = export_decoder(loaded.decoder, encoder, sources, options=options, log=_log)
    if decoder.missed_limits and not given.allow_miss:
        encoder.graphs.pop("8bit", None)  # it was measured in front of the other
        encoder.failures.extend(_leave_out_8_bit(decoder, given))
    return encoder, decoder


def _open(given: argparse.Namespace, folder: str) -> LoadedCheckpoint:
    """The checkpoint, after it is clear that its graphs and the disk can hold it.

    Raises:
        OSError, ValueError: as `load_checkpoint`, `lower_limits`, `parse_layers`, `bytes_of`,
            `check_memory` and `check_target`.
    """
    if is_by_ours(folder, given.task):
        loaded = load_checkpoint(folder, decoder_tokenizer=given.decoder_tokenizer)
    elif find_task(folder, given.task) is GENERATE:
        if given.decoder_tokenizer:
            raise ValueError(
                "--decoder-tokenizer is for an EncoderDecoderModel of a BERT, or a relative of it, "
                "and a GPT-2; this model has one tokenizer for all. Leave it out"
            )
        if given.quantize or given.only_8bit:
            check_writes(given.profile)
        loaded = load_generator(folder)
    else:
        loaded = load_any_model(folder, given.task)
    if given.max_tokens is not None:
        loaded = lower_limits(loaded, given.max_tokens)
    if given.layers is not None:
        loaded = _with_layers(loaded, given.layers)
    size = bytes_of(loaded)
    check_memory(size, free_memory())
    float32 = 0 if given.only_8bit else 1
    share = float32 + (SIZE if given.quantize or given.only_8bit else 0)
    check_target(given.out, kind=BUNDLE, needs=round(share * size))
    if given.triton:
        reads = [loaded.encoder.task] if loaded.encoder else []
        for task in [*reads, *(["generate"] if loaded.decoder else [])]:
            check_target(model_folder(given.out, given.triton, task), kind=MODEL)
    return loaded


def _with_layers(loaded: LoadedCheckpoint, layers: str) -> LoadedCheckpoint:
    """With the maps of some layers alone. Raises ValueError as `parse_layers`."""
    encoder, generator = loaded.encoder, loaded.generator
    if encoder:
        chosen = parse_layers(layers, encoder.sizes.num_hidden_layers)
        loaded = replace(loaded, encoder=replace(encoder, map_layers=chosen))
    if generator:
        chosen = parse_layers(layers, generator.sizes.num_hidden_layers)
        loaded = replace(loaded, decoder=replace(generator, map_layers=chosen))
    return loaded


def _leave_out_8_bit(part: PartResult, given: argparse.Namespace) -> list[str]:
    """Takes back a graph that misses its limits, and says so; a failure if no other is wanted."""
    writes = isinstance(part.graphs["8bit"].measured, WritingGraph)
    others = profiles_beside(given.profile, writes=writes)
    _log(show_options_after_a_miss(others, size_of(part.graphs["float32"].model)))
    missed = [f"8 bit, profile {given.profile}: {miss}" for miss in part.missed_limits]
    if given.only_8bit:
        return missed
    for miss in missed:
        print(f"8-bit graphs are left out: {miss}", file=sys.stderr)
    del part.graphs["8bit"]
    return []


def _prove(folder: Path) -> Proof:
    """The finished bundle once more, alone, in every runtime; what `bundle.json` keeps of it."""
    found = verify_bundle(folder, other_runtimes.OTHERS)
    _log(f"\n{show_proof(found)}\n")
    if found.failures:
        raise UnsoundBundleError(found.failures)
    return found.proof


if __name__ == "__main__":
    sys.exit(main())
