"""Makes what writes: a decoder's graphs, of ours or of any family, alone or behind its encoder."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import onnx
import onnxruntime

from bundle_format.graphs import WritingGraph
from export.bundle.write import ExportedGraph
from export.eval_texts import Sources
from export.graphs.graph_file import size_of
from export.graphs.longest import longest_tried
from export.graphs.names import empty_cache
from export.loading.checkpoint import LoadedDecoder, LoadedGenerator
from export.pipeline.parts import Log, PartResult, fewer_maps
from export.pipeline.writers import Writer, writer_of
from export.quantize.agreement import same_texts
from export.quantize.graph import quantize, rest_of
from export.quantize.schemes import QuantizationOptions, missed_in_writing
from export.report import show_decoder_8_bit, show_decoder_proof, show_untested
from export.runtime.session import open_session, run
from export.runtime.timing import time_share
from export.runtime.writing import Texts
from export.verification.against_torch import check_texts
from export.verification.checks import Checks
from export.verification.decoders import check_targets

_PASTS = (10, 100)
"""Tokens written before the step that is timed."""


def export_decoder(
    part: LoadedDecoder | LoadedGenerator,
    encoder: PartResult,
    sources: Sources,
    *,
    options: QuantizationOptions | None,
    log: Log,
) -> PartResult:
    """The float32 graph, and the 8-bit one where it is asked for.

    Args:
        encoder: the graphs that it reads from, of each precision; none where it is alone.
    """
    writer = writer_of(part)
    graph = writer.trace()
    session = open_session(graph)
    checks = writer.prove(graph, session)
    graphs = writer.open(session, _reader(encoder, "float32"))
    expected, written = writer.by_torch(sources.texts), writer.by_graphs(graphs, sources.texts)
    check_texts(expected, written, checks)
    greedy = same_texts(sources, expected, written)
    beams = writer.prove_beams(graphs, sources.texts, checks)
    file = writer.files["float32"]
    log(show_decoder_proof(file, size_of(graph), checks, greedy, sources.remark, beams))
    if not checks.failures and (remark := show_untested(writer.sizes)):
        log(remark)
    made = PartResult(failures=checks.failures)
    measured = WritingGraph(
        file=file,
        difference_from_torch=checks.differences,
        longest_tried=longest_tried(writer.sizes, writer.limit),
        greedy=greedy,
    )
    made.graphs["float32"] = ExportedGraph(model=graph, measured=measured)
    if options:
        found = _Float32(writer=writer, graphs=graphs, sources=sources, written=written)
        _add_8_bit(made, found, _reader(encoder, "8bit"), options, log)
    made.failures.extend(_with_fewer_maps(graph, writer, session))
    return made


def _reader(encoder: PartResult, precision: str) -> onnx.ModelProto | None:
    """The graph that reads, where there is one."""
    return encoder.graphs[precision].model if encoder.graphs else None


@dataclass(frozen=True, kw_only=True)
class _Float32:
    """What float32 graphs wrote, of what."""

    writer: Writer
    graphs: Any
    sources: Sources
    written: Texts


def _add_8_bit(
    made: PartResult,
    float32: _Float32,
    reader: onnx.ModelProto | None,
    options: QuantizationOptions,
    log: Log,
) -> None:
    """Adds the 8-bit graph, measured with the encoder's 8-bit graph in front of it, and notes which
    limits of its profile it misses, if it has any."""
    writer, graph = float32.writer, made.graphs["float32"].model
    scheme = writer.scheme(options.profile)
    small = quantize(graph, scheme, unsigned=options.unsigned)
    session = open_session(small)
    made.failures.extend(_broken(small, session, writer))
    graphs = writer.open(session, reader)
    found = writer.compare(float32.graphs, graphs, float32.sources, float32.written)
    pasts = [past for past in _PASTS if past < writer.limit] or [writer.limit - 1]
    shares, limits = time_share(small, graph, lengths=pasts), writer.limits(options.profile)
    measured = WritingGraph(
        file=writer.files["8bit"],
        profile=options.name,
        integer_weights=options.integer_weights,
        scheme=f"{scheme}; {rest_of(scheme)}",
        difference_from_float32=found.differences,
        map_error=found.map_error,
        greedy=found.greedy,
        limits=limits,
        size_ratio=size_of(small) / size_of(graph) if limits else None,
        longest_tried=longest_tried(writer.sizes, writer.limit),
        latency_ratio={str(past): share for past, share in shares.items()},
    )
    if limits:
        measured = replace(measured, misses=tuple(missed_in_writing(measured, limits)))
        made.missed_limits.extend(measured.misses or ())
    log(show_decoder_8_bit(size_of(small), size_of(graph), measured))
    made.failures.extend(_with_fewer_maps(small, writer))
    made.graphs["8bit"] = ExportedGraph(model=small, measured=measured)


def _broken(
    small: onnx.ModelProto, session: onnxruntime.InferenceSession, writer: Writer
) -> list[str]:
    """What does not hold of an 8-bit graph, whatever its numbers are."""
    checks, names = Checks(errors_pass=True), writer.names()
    checks.check_form(small, names)
    steps = partial(run, session), partial(empty_cache, session)
    check_targets(*steps, names, writer.targets(), checks)
    return [f"8 bit, {failure}" for failure in checks.failures]


def _with_fewer_maps(
    graph: onnx.ModelProto, writer: Writer, whole: onnxruntime.InferenceSession | None = None
) -> list[str]:
    """As `fewer_maps`, of a decoder."""
    if writer.map_layers is None:
        return []
    session, texts = whole or open_session(graph), writer.few()
    feed = texts.feed(0, texts.target.shape[1]) | empty_cache(session, len(texts.target))
    names = writer.names(writer.map_layers)
    return fewer_maps(graph, writer.map_layers, names, feed, whole)
