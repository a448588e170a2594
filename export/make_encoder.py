"""Makes the encoder's graphs: traced, proven, and in 8 bit measured beside float32.

`make_decoder.py` is its counterpart.
"""

from typing import Any

import onnx

from export.encoder_agreement import EncoderAgreement, compare_encoders
from export.encoder_graph import encoder_names, encoder_of, trace_encoder
from export.encoder_samples import sample_batches
from export.held_out import HeldOut
from export.invariants import check_maps
from export.latency import time_share
from export.made import Graph, Made, Tell
from export.parts import EncoderPart
from export.proof import Proof, run
from export.quantize import ENCODER_SCHEME, quantize
from export.report import show_encoder_8_bit, show_encoder_proof
from export.sessions import open_session
from export.verify_encoder import prove_encoder

LENGTHS = (32, 128)
"""Tokens of a sentence and of a paragraph."""


def make_encoder(part: EncoderPart, held_out: HeldOut, *, eight_bit: bool, tell: Tell) -> Made:
    """The float32 graph, and the 8-bit one where it is asked for."""
    graph = trace_encoder(part.model)
    proof = prove_encoder(graph, part.model)
    tell(show_encoder_proof(graph.ByteSize(), proof))
    made = Made(failures=proof.failures)
    made.graphs["float32"] = Graph(
        model=graph, measured={"difference_from_torch": proof.differences}
    )
    if eight_bit:
        small = quantize(graph)
        made.failures.extend(_broken_invariants(small, part))
        agreement = _compare(graph, small, part, held_out)
        limit = encoder_of(part.model).config.max_position_embeddings
        lengths = [length for length in LENGTHS if length <= limit] or [limit]
        shares = time_share(small, graph, lengths=lengths)
        tell(show_encoder_8_bit(small.ByteSize(), graph.ByteSize(), agreement, shares))
        measured: dict[str, Any] = {"scheme": ENCODER_SCHEME}
        measured |= agreement.entry() if agreement else {}
        measured["latency_ratio"] = {str(tokens): share for tokens, share in shares.items()}
        made.graphs["8bit"] = Graph(model=small, measured=measured)
    return made


def _broken_invariants(small: onnx.ModelProto, part: EncoderPart) -> list[str]:
    proof = Proof()
    proof.check_form(small, encoder_names(part.model))
    session = open_session(small)
    for title, feed in sample_batches(encoder_of(part.model).config):
        check_maps(run(session, feed), feed, f"8 bit, {title}", proof)
    return proof.failures


def _compare(
    graph: onnx.ModelProto, small: onnx.ModelProto, part: EncoderPart, held_out: HeldOut
) -> EncoderAgreement | None:
    """None when there is no text to compare on."""
    if not held_out.texts:
        return None
    return compare_encoders(open_session(graph), open_session(small), held_out, pad_id=part.pad_id)
