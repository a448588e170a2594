"""Makes a checkpoint's graphs: each is traced, proven, and in 8 bit measured beside float32."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import onnx

from export.bundle.write import Graph
from export.eval_texts import HeldOut, Sources
from export.graphs.decoder import source_width, trace_decoder
from export.graphs.encoder import encoder_names, encoder_of, trace_encoder
from export.graphs.longest import longest_read, longest_written
from export.graphs.names import decoder_names
from export.loading import DecoderPart, EncoderPart
from export.quantize.agreement import (
    DecoderAgreement,
    EncoderAgreement,
    compare_decoders,
    compare_encoders,
    greedy_entry,
)
from export.quantize.graph import DECODER_REST, ENCODER_REST, quantize
from export.quantize.schemes import EightBit, Found, latency_misses, misses, not_measured
from export.report import (
    show_decoder_8_bit,
    show_decoder_proof,
    show_encoder_8_bit,
    show_encoder_proof,
    show_measuring,
    show_profile,
)
from export.runtime.session import open_session, run
from export.runtime.timing import BUSY, time_share, used_by_others
from export.runtime.writing import GraphPair, Texts, same_share, write_with_graphs, write_with_torch
from export.verification.against_torch import check_texts, prove_decoder, prove_encoder
from export.verification.checks import Proof, check_maps, check_step
from export.verification.inputs import run_steps, sample_batches, sample_targets

Tell = Callable[[str], None]
"""Takes what a person is told while the graphs are made."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One part's graphs by their precision, `float32` or `8bit`."""

    graphs: dict[str, Graph] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """In words; nothing may be written if there is one."""
    misses: list[str] = field(default_factory=list)
    """The limits that the 8-bit graph misses, in words; it is then written only if asked for."""


LENGTHS = (32, 128)
"""Tokens of a sentence and of a paragraph."""


def make_encoder(
    part: EncoderPart, held_out: HeldOut, *, eight_bit: EightBit | None, tell: Tell
) -> Made:
    """The float32 graph, and the 8-bit one where it is asked for."""
    graph = trace_encoder(part.model)
    proof = prove_encoder(graph, part.model, part.max_tokens)
    tried = longest_read(encoder_of(part.model).config, part.max_tokens)
    tell(show_encoder_proof(graph.ByteSize(), proof))
    made = Made(failures=proof.failures)
    made.graphs["float32"] = Graph(
        model=graph,
        measured={"difference_from_torch": proof.differences, "longest_tried": tried},
    )
    if eight_bit:
        _add_8_bit_encoder(made, part, held_out, eight_bit, tell)
    return made


def _add_8_bit_encoder(
    made: Made, part: EncoderPart, held_out: HeldOut, eight_bit: EightBit, tell: Tell
) -> None:
    """Adds the 8-bit graph, measured, and says which limits of its profile it misses."""
    graph, profile = made.graphs["float32"].model, eight_bit.profile
    small = quantize(graph, profile.encoder, unsigned=eight_bit.unsigned)
    made.failures.extend(_broken_encoder(small, part))
    tell(show_measuring(held_out))
    agreement = _compare_encoders(graph, small, part, held_out)
    wanted = sorted({*LENGTHS, *profile.limits.latency})
    lengths = [length for length in wanted if length <= part.max_tokens] or [part.max_tokens]
    others = used_by_others()
    shares = time_share(
        *(small, graph), lengths=lengths, limits=profile.limits.latency, busy=others > BUSY
    )
    size = small.ByteSize() / graph.ByteSize()
    found = _found(size, shares, agreement)
    made.misses.extend(misses(found, profile.limits))
    slow = latency_misses(found, profile.limits)
    tell(show_encoder_8_bit(small.ByteSize(), graph.ByteSize(), agreement, shares))
    unknown = not_measured(found, profile.limits)
    tell(show_profile(eight_bit, made.misses, unknown, others if others > BUSY else None))
    measured: dict[str, Any] = {
        **eight_bit.entry(),
        "scheme": f"{profile.encoder}; {ENCODER_REST}",
        "limits": profile.limits.entry(),
        "misses": [miss for miss in made.misses if miss not in slow],
        "not_measured": unknown,
        "size_ratio": size,
        "longest_tried": longest_read(encoder_of(part.model).config, part.max_tokens),
    }
    measured |= agreement.entry() if agreement else {}
    measured["latency_ratio"] = {str(tokens): share for tokens, share in shares.items()}
    measured["latency_misses"] = slow
    measured["latency_by"] = (
        "processor time of one thread" if others > BUSY else "time on all threads"
    )
    made.graphs["8bit"] = Graph(model=small, measured=measured)


def _found(size: float, shares: dict[int, float], agreement: EncoderAgreement | None) -> Found:
    if agreement is None:
        return Found(size=size, latency=shares)
    return Found(
        size=size,
        latency=shares,
        map_error=agreement.map_error,
        texts=agreement.texts,
        same_label=agreement.same_label,
        accuracy=agreement.accuracy,
    )


def _broken_encoder(small: onnx.ModelProto, part: EncoderPart) -> list[str]:
    proof = Proof()
    proof.check_form(small, encoder_names(part.model))
    session = open_session(small)
    for title, feed in sample_batches(encoder_of(part.model).config, part.max_tokens):
        check_maps(run(session, feed), feed, f"8 bit, {title}", proof)
    return proof.failures


def _compare_encoders(
    graph: onnx.ModelProto, small: onnx.ModelProto, part: EncoderPart, held_out: HeldOut
) -> EncoderAgreement | None:
    """None when there is no text to compare on."""
    if not held_out.texts:
        return None
    return compare_encoders(open_session(graph), open_session(small), held_out, pad_id=part.pad_id)


PASTS = (10, 100)
"""Tokens written before the step that is timed."""


def make_decoder(
    part: DecoderPart, encoder: Made, sources: Sources, *, eight_bit: EightBit | None, tell: Tell
) -> Made:
    """The float32 graph, and the 8-bit one where it is asked for.

    Args:
        encoder: the graphs that it reads from, of each precision.
    """
    graph = trace_decoder(part.model.decoder, part.model.bridge)
    proof = prove_decoder(graph, part.model.decoder, part.model.bridge, part.limit)
    expected = write_with_torch(part, sources.texts)
    written = _write(graph, part, encoder, sources)
    check_texts(expected, written, proof)
    same = same_share(expected, written)
    tried = longest_written(part.model.decoder.config, part.limit)
    tell(show_decoder_proof(graph.ByteSize(), proof, sources, same))
    made = Made(failures=proof.failures)
    made.graphs["float32"] = Graph(
        model=graph,
        measured={
            "difference_from_torch": proof.differences,
            "longest_tried": tried,
            "greedy": greedy_entry(sources, same),
        },
    )
    if eight_bit:
        _add_8_bit_decoder(made, part, encoder, sources, written, eight_bit, tell)
    return made


def _write(graph: onnx.ModelProto, part: DecoderPart, encoder: Made, sources: Sources) -> Texts:
    # The sessions end with this function: their threads would disturb the timing.
    pair = GraphPair.open(encoder.graphs["float32"].model, graph)
    return write_with_graphs(pair, part, sources.texts)


def _add_8_bit_decoder(
    made: Made,
    part: DecoderPart,
    encoder: Made,
    sources: Sources,
    written: Texts,
    eight_bit: EightBit,
    tell: Tell,
) -> None:
    """Adds the 8-bit graph, measured with the encoder's 8-bit graph in front of it."""
    graph = made.graphs["float32"].model
    scheme = eight_bit.profile.decoder
    small = quantize(graph, scheme, unsigned=eight_bit.unsigned)
    made.failures.extend(_broken_decoder(small, part))
    agreement = _compare_pairs(graph, small, part, encoder, sources, written)
    pasts = [past for past in PASTS if past < part.limit] or [part.limit - 1]
    shares = time_share(small, graph, lengths=pasts)
    tell(show_decoder_8_bit(small.ByteSize(), graph.ByteSize(), agreement, shares))
    measured: dict[str, Any] = {
        **eight_bit.entry(),
        "scheme": f"{scheme}; {DECODER_REST}",
        **agreement.entry(),
        "longest_tried": longest_written(part.model.decoder.config, part.limit),
    }
    measured["latency_ratio"] = {str(past): share for past, share in shares.items()}
    made.graphs["8bit"] = Graph(model=small, measured=measured)


def _broken_decoder(small: onnx.ModelProto, part: DecoderPart) -> list[str]:
    decoder = part.model.decoder
    width = source_width(decoder, part.model.bridge)
    proof = Proof()
    proof.check_form(small, decoder_names(decoder.config, width))
    session = open_session(small)
    for sample in sample_targets(decoder.config, width, part.limit):
        for number, found in enumerate(run_steps(session, sample), start=1):
            check_step(found, sample, f"8 bit, {sample.title}, piece {number}", proof)
    return proof.failures


def _compare_pairs(
    graph: onnx.ModelProto,
    small: onnx.ModelProto,
    part: DecoderPart,
    encoder: Made,
    sources: Sources,
    written: Texts,
) -> DecoderAgreement:
    float32 = GraphPair.open(encoder.graphs["float32"].model, graph)
    eight_bit = GraphPair.open(encoder.graphs["8bit"].model, small)
    return compare_decoders(float32, eight_bit, sources, written, part)
