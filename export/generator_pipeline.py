"""Makes a generator's decoder graphs, of any family: traced, opened, proven, in 8 bit measured."""

from dataclasses import dataclass, replace
from functools import partial

import onnx
import onnxruntime

from bundle_format.schema import WritingGraph
from export.bundle.files import DECODER_FILES, ENCODER_FILES
from export.bundle.write import ExportedGraph
from export.eval_texts import Sources
from export.generators.agreement import compare_generators
from export.generators.opening import make_decoder_graph
from export.generators.proof import batch_for, prove_decoder, texts_for
from export.generators.texts import GraphsOfGenerator, GreedyWriter
from export.graphs.graph_file import size_of
from export.graphs.longest import longest_tried
from export.graphs.names import empty_cache, names_of_decoder
from export.loading import LoadedGenerator
from export.pipeline import PASTS, Log, PartResult, fewer_maps
from export.quantize.agreement import same_texts
from export.quantize.graph import DECODER_REST, quantize
from export.quantize.schemes import QuantizationOptions, missed_in_writing
from export.report import show_decoder_8_bit, show_decoder_proof, show_untested
from export.runtime.session import open_session, run
from export.runtime.timing import time_share
from export.runtime.writing import Texts
from export.verification.against_torch import check_texts
from export.verification.checks import Checks
from export.verification.decoders import check_targets


def export_generator(
    part: LoadedGenerator,
    encoder: PartResult,
    sources: Sources,
    *,
    options: QuantizationOptions | None,
    log: Log,
) -> PartResult:
    """The float32 graph of a decoder of `transformers`.

    Args:
        encoder: the graphs that it reads from; none where it is alone.
    """
    graph = make_decoder_graph(part.model, part.sizes)
    session = open_session(graph)
    checks = prove_decoder(graph, part.model, part.sizes, part.max_tokens, session)
    reader = open_session(encoder.graphs["float32"].model) if encoder.graphs else None
    graphs = GraphsOfGenerator(decoder=session, encoder=reader)
    writer = GreedyWriter(model=part.model, spec=part.sizes, max_tokens=part.max_tokens)
    expected, written = writer.by_torch(sources.texts), writer.by_graphs(graphs, sources.texts)
    check_texts(expected, written, checks)
    greedy = same_texts(sources, expected, written)
    file = (ENCODER_FILES if part.sizes.alone else DECODER_FILES)["float32"]
    log(show_decoder_proof(file, size_of(graph), checks, greedy, sources.remark))
    if not checks.failures and (remark := show_untested(part.sizes)):
        log(remark)
    made = PartResult(failures=checks.failures)
    measured = WritingGraph(
        file=file,
        difference_from_torch=checks.differences,
        longest_tried=longest_tried(part.sizes, part.max_tokens),
        greedy=greedy,
    )
    made.graphs["float32"] = ExportedGraph(model=graph, measured=measured)
    if options:
        writes = _Writing(part=part, writer=writer, sources=sources, written=written)
        _add_8_bit_generator(made, writes, graphs, encoder, options, log)
    made.failures.extend(_with_fewer_maps(graph, part, session))
    return made


@dataclass(frozen=True, kw_only=True)
class _Writing:
    """What float32 graphs wrote, of what."""

    part: LoadedGenerator
    writer: GreedyWriter
    sources: Sources
    written: Texts


def _add_8_bit_generator(
    made: PartResult,
    writes: _Writing,
    float32: GraphsOfGenerator,
    encoder: PartResult,
    options: QuantizationOptions,
    log: Log,
) -> None:
    """Adds the 8-bit graph, measured with the encoder's 8-bit graph in front of it, and notes which
    limits of its profile it misses."""
    part, profile = writes.part, options.profile
    graph, limits = made.graphs["float32"].model, profile.writing
    small = quantize(graph, profile.decoder, unsigned=options.unsigned)
    made.failures.extend(_broken_generator(small, part))
    reader = open_session(encoder.graphs["8bit"].model) if encoder.graphs else None
    graphs = GraphsOfGenerator(decoder=open_session(small), encoder=reader)
    found = compare_generators(float32, graphs, writes.writer, writes.sources, writes.written)
    pasts = [past for past in PASTS if past < part.max_tokens] or [part.max_tokens - 1]
    shares = time_share(small, graph, lengths=pasts)
    files = ENCODER_FILES if part.sizes.alone else DECODER_FILES
    measured = WritingGraph(
        file=files["8bit"],
        profile=options.name,
        integer_weights=options.integer_weights,
        scheme=f"{profile.decoder}; {DECODER_REST}",
        difference_from_float32=found.differences,
        map_error=found.map_error,
        greedy=found.greedy,
        limits=limits,
        size_ratio=size_of(small) / size_of(graph),
        longest_tried=longest_tried(part.sizes, part.max_tokens),
        latency_ratio={str(past): share for past, share in shares.items()},
    )
    measured = replace(measured, misses=tuple(missed_in_writing(measured, limits)))
    made.missed_limits.extend(measured.misses or ())
    log(show_decoder_8_bit(size_of(small), size_of(graph), measured))
    made.failures.extend(_with_fewer_maps(small, part))
    made.graphs["8bit"] = ExportedGraph(model=small, measured=measured)


def _broken_generator(small: onnx.ModelProto, part: LoadedGenerator) -> list[str]:
    """As `_broken_encoder`."""
    checks, names = Checks(errors_pass=True), names_of_decoder(part.sizes)
    checks.check_form(small, names)
    session = open_session(small)
    check_targets(
        *(partial(run, session), partial(empty_cache, session), names),
        *(texts_for(part.sizes, part.max_tokens), checks),
    )
    return [f"8 bit, {failure}" for failure in checks.failures]


def _with_fewer_maps(
    graph: onnx.ModelProto, part: LoadedGenerator, whole: onnxruntime.InferenceSession | None = None
) -> list[str]:
    """As `fewer_maps`."""
    session, texts = whole or open_session(graph), batch_for(part.sizes)
    feed = texts.feed(0, texts.target.shape[1]) | empty_cache(session, len(texts.target))
    names = names_of_decoder(part.sizes, part.map_layers)
    return fewer_maps(graph, part.map_layers, names, feed, whole)
