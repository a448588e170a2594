"""Makes the decoder's graphs: traced, proven with the encoder's, and in 8 bit measured.

`make_encoder.py` is its counterpart.
"""

from typing import Any

import onnx

from export.bundle import Graph
from export.decoder_agreement import DecoderAgreement, compare_decoders, greedy_entry
from export.decoder_graph import source_width, trace_decoder
from export.decoder_samples import run_steps, sample_targets
from export.eight_bit import EightBit
from export.graph_names import decoder_names
from export.graph_pair import GraphPair
from export.invariants import check_step
from export.latency import time_share
from export.longest import longest_written
from export.made import Made, Tell
from export.parts import DecoderPart
from export.proof import Proof
from export.quantize import DECODER_REST, quantize
from export.report import show_decoder_8_bit, show_decoder_proof
from export.sessions import open_session
from export.sources import Sources
from export.verify_decoder import check_texts, prove_decoder
from export.verify_writing import (
    Texts,
    same_share,
    write_with_graphs,
    write_with_torch,
)

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
