"""Makes a checkpoint's graphs: each is traced, proven, and in 8 bit measured beside float32."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import onnx
import onnxruntime

from bundle_format.schema import ReadingGraph, WritingGraph
from export.any_model.opening import make_graph
from export.any_model.proof import Definition, prove_model
from export.bundle.files import DECODER_FILES, TASK_FILES
from export.bundle.write import ExportedGraph
from export.eval_texts import HeldOut, Sources
from export.graphs.decoder import source_width, trace_decoder
from export.graphs.encoder import trace_encoder
from export.graphs.graph_file import size_of
from export.graphs.longest import longest_tried
from export.graphs.map_layers import keep_maps
from export.graphs.names import GraphNames, decoder_names, empty_cache
from export.graphs.spec import is_foreign, pads_left
from export.graphs.tasks import names_of_task
from export.loading import LoadedDecoder, LoadedEncoder
from export.quantize.agreement import compare_decoders, compare_encoders, same_texts
from export.quantize.choices import choices_of
from export.quantize.graph import DECODER_REST, ENCODER_REST, quantize
from export.quantize.schemes import (
    QuantizationOptions,
    missed_limits,
    missed_times,
    not_measured,
)
from export.report import (
    show_decoder_8_bit,
    show_decoder_proof,
    show_encoder_8_bit,
    show_encoder_proof,
    show_measuring,
    show_profile,
    show_untested,
)
from export.runtime.session import Arrays, open_session, run
from export.runtime.timing import BUSY, time_share, used_by_others
from export.runtime.writing import GraphPair, Texts, write_with_graphs, write_with_torch
from export.verification.against_torch import check_texts, prove_decoder, prove_encoder
from export.verification.checks import Checks
from export.verification.decoders import check_targets
from export.verification.graphs import check_batches
from export.verification.inputs import random_feed, sample_batches, sample_targets
from training.model.config import EncoderConfig

Log = Callable[[str], None]
"""Takes what a person is told while the graphs are made."""

_LENGTHS = (32, 128)
"""Tokens of a sentence and of a paragraph, which are timed."""
PASTS = (10, 100)
"""Tokens written before the step that is timed."""


@dataclass(frozen=True, kw_only=True)
class PartResult:
    """One part's graphs by their precision, `float32` or `8bit`."""

    graphs: dict[str, ExportedGraph] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """In words; nothing may be written if there is one."""
    missed_limits: list[str] = field(default_factory=list)
    """Those that the 8-bit graph misses, in words; it is then written only if asked for."""


def export_encoder(
    part: LoadedEncoder, held_out: HeldOut, *, options: QuantizationOptions | None, log: Log
) -> PartResult:
    """The float32 graph, and the 8-bit one where it is asked for."""
    if isinstance(part.sizes, EncoderConfig):
        graph = trace_encoder(part.ours)
        # One session for all that reads this graph. Idle, its threads do not disturb the timing.
        session = open_session(graph)
        checks = prove_encoder(graph, part.ours, part.max_tokens, session)
    else:
        names = names_of_task(part.task, part.sizes, len(part.labels))
        graph = make_graph(part.model, part.sizes, names)
        session = open_session(graph)
        theirs = Definition(part.model, part.sizes, names)
        checks = prove_model(graph, partial(run, session), theirs, part.max_tokens)
    log(show_encoder_proof(TASK_FILES[part.task]["float32"], size_of(graph), checks))
    if not checks.failures and (remark := show_untested(part.sizes)):
        log(remark)
    made = PartResult(failures=checks.failures)
    measured = ReadingGraph(
        file=TASK_FILES[part.task]["float32"],
        difference_from_torch=checks.differences,
        longest_tried=longest_tried(part.sizes, part.max_tokens),
    )
    made.graphs["float32"] = ExportedGraph(model=graph, measured=measured)
    if options:
        _add_8_bit_encoder(made, part, session, held_out, options, log)
    else:
        made.failures.extend(_with_fewer_maps(graph, part, session))
    return made


def fewer_maps(
    graph: onnx.ModelProto,
    layers: Sequence[int] | None,
    names: GraphNames,
    feed: Arrays,
    whole: onnxruntime.InferenceSession | None = None,
) -> list[str]:
    """Leaves out the maps that are not wanted, in place, and gives what does not hold then.

    Args:
        layers: those whose maps are wanted; None: all.
        names: of the graph with their maps alone.
        feed: some texts for it.
        whole: a session on the graph as it was; its outputs must be the same, where it is given.
    """
    if layers is None:
        return []
    keep_maps(graph, layers)
    checks = Checks(errors_pass=True)
    checks.check_form(graph, names)
    if whole:
        found, expected = run(open_session(graph), feed), run(whole, feed)
        for name in names.outputs:
            checks.compare(
                {name: expected[name]}, found, "with fewer maps", source="the whole graph"
            )
    return checks.failures


def _with_fewer_maps(
    graph: onnx.ModelProto, part: LoadedEncoder, whole: onnxruntime.InferenceSession | None = None
) -> list[str]:
    """As `fewer_maps`, of an encoder."""
    side = "left" if pads_left(part.sizes) else "right"
    feed = random_feed(part.sizes, 3, min(17, part.max_tokens), side)
    names = names_of_task(part.task, part.sizes, len(part.labels), part.map_layers)
    return fewer_maps(graph, part.map_layers, names, feed, whole)


def _add_8_bit_encoder(
    made: PartResult,
    part: LoadedEncoder,
    session: onnxruntime.InferenceSession,
    held_out: HeldOut,
    options: QuantizationOptions,
    log: Log,
) -> None:
    """Adds the 8-bit graph, measured, and notes which limits of its profile it misses."""
    graph, profile = made.graphs["float32"].model, options.profile
    small = quantize(graph, profile.encoder, unsigned=options.unsigned, session=session)
    made.failures.extend(_broken_encoder(small, part))
    log(show_measuring(held_out))
    measured = ReadingGraph(
        file=TASK_FILES[part.task]["8bit"],
        profile=options.name,
        integer_weights=options.integer_weights,
        scheme=f"{profile.encoder}; {ENCODER_REST}",
        limits=profile.limits,
        size_ratio=size_of(small) / size_of(graph),
        longest_tried=longest_tried(part.sizes, part.max_tokens),
    )
    if held_out.texts:
        found = compare_encoders(
            session, open_session(small), held_out, pad_id=part.pad_id, choices=choices_of(part)
        )
        measured = replace(
            measured,
            difference_from_float32=found.differences,
            map_error=found.map_error,
            held_out=found.texts,
        )
    for one, whole in ((graph, session), (small, None)):
        made.failures.extend(_with_fewer_maps(one, part, whole))
    others = used_by_others()
    measured = _timed(measured, small, graph, part.max_tokens, busy=others > BUSY)
    made.missed_limits.extend([*(measured.misses or ()), *(measured.latency_misses or ())])
    log(show_encoder_8_bit(size_of(small), size_of(graph), measured, part.task))
    log(show_profile(measured, others if others > BUSY else None))
    made.graphs["8bit"] = ExportedGraph(model=small, measured=measured)


def _timed(
    measured: ReadingGraph,
    small: onnx.ModelProto,
    graph: onnx.ModelProto,
    max_tokens: int,
    *,
    busy: bool,
) -> ReadingGraph:
    """The rest of what is measured: times, and which limits do not hold or say nothing."""
    limits = measured.limits
    assert limits, "an 8-bit graph is held to the limits of its profile"
    slowest = {int(tokens): most for tokens, most in limits.latency_ratio.items()}
    wanted = sorted({*_LENGTHS, *slowest})
    lengths = [length for length in wanted if length <= max_tokens] or [max_tokens]
    shares = time_share(small, graph, lengths=lengths, limits=slowest, busy=busy)
    measured = replace(
        measured,
        latency_ratio={str(tokens): share for tokens, share in shares.items()},
        latency_by="processor time of one thread" if busy else "time on all threads",
    )
    return replace(
        measured,
        misses=tuple(missed_limits(measured, limits)),
        not_measured=tuple(not_measured(measured, limits)),
        latency_misses=tuple(missed_times(measured, limits)),
    )


def _broken_encoder(small: onnx.ModelProto, part: LoadedEncoder) -> list[str]:
    """What does not hold of an 8-bit graph, whatever its numbers are."""
    checks = Checks(errors_pass=True)
    names = names_of_task(part.task, part.sizes, len(part.labels))
    checks.check_form(small, names)
    batches, reads = sample_batches(part.sizes, part.max_tokens), partial(run, open_session(small))
    check_batches(reads, names, batches, checks, real_rows=is_foreign(part.sizes))
    return [f"8 bit, {failure}" for failure in checks.failures]


def export_decoder(
    part: LoadedDecoder,
    encoder: PartResult,
    sources: Sources,
    *,
    options: QuantizationOptions | None,
    log: Log,
) -> PartResult:
    """The float32 graph, and the 8-bit one where it is asked for.

    Args:
        encoder: the graphs that it reads from, of each precision.
    """
    decoder, bridge = part.model.decoder, part.model.bridge
    graph = trace_decoder(decoder, bridge)
    checks = prove_decoder(graph, decoder, bridge, part.limit)
    expected = write_with_torch(part, sources.texts)
    pair = GraphPair.open(encoder.graphs["float32"].model, graph)
    written = write_with_graphs(pair, part, sources.texts)
    check_texts(expected, written, checks)
    greedy = same_texts(sources, expected, written)
    log(
        show_decoder_proof(DECODER_FILES["float32"], size_of(graph), checks, greedy, sources.remark)
    )
    made = PartResult(failures=checks.failures)
    measured = WritingGraph(
        file=DECODER_FILES["float32"],
        difference_from_torch=checks.differences,
        longest_tried=longest_tried(decoder.config, part.limit),
        greedy=greedy,
    )
    made.graphs["float32"] = ExportedGraph(model=graph, measured=measured)
    if options:
        reader = encoder.graphs["8bit"].model
        _add_8_bit_decoder(made, part, (pair, reader), sources, written, options, log)
    return made


def _add_8_bit_decoder(
    made: PartResult,
    part: LoadedDecoder,
    others: tuple[GraphPair, onnx.ModelProto],
    sources: Sources,
    written: Texts,
    options: QuantizationOptions,
    log: Log,
) -> None:
    """Adds the 8-bit graph, measured with the encoder's 8-bit graph in front of it.

    Args:
        others: the float32 graphs, which have `written`, and the encoder's 8-bit one.
    """
    graph, scheme = made.graphs["float32"].model, options.profile.decoder
    float32, reader = others
    small = quantize(graph, scheme, unsigned=options.unsigned)
    made.failures.extend(_broken_decoder(small, part))
    found = compare_decoders(float32, GraphPair.open(reader, small), sources, written, part)
    pasts = [past for past in PASTS if past < part.limit] or [part.limit - 1]
    shares = time_share(small, graph, lengths=pasts)
    measured = WritingGraph(
        file=DECODER_FILES["8bit"],
        profile=options.name,
        integer_weights=options.integer_weights,
        scheme=f"{scheme}; {DECODER_REST}",
        difference_from_float32=found.differences,
        map_error=found.map_error,
        greedy=found.greedy,
        longest_tried=longest_tried(part.model.decoder.config, part.limit),
        latency_ratio={str(past): share for past, share in shares.items()},
    )
    log(show_decoder_8_bit(size_of(small), size_of(graph), measured))
    made.graphs["8bit"] = ExportedGraph(model=small, measured=measured)


def _broken_decoder(small: onnx.ModelProto, part: LoadedDecoder) -> list[str]:
    """As `_broken_encoder`."""
    config = part.model.decoder.config
    width = source_width(part.model.decoder, part.model.bridge)
    checks, names = Checks(errors_pass=True), decoder_names(config, width)
    checks.check_form(small, names)
    session = open_session(small)
    check_targets(
        *(partial(run, session), partial(empty_cache, session), names),
        *(sample_targets(config, width, part.limit), checks),
    )
    return [f"8 bit, {failure}" for failure in checks.failures]
