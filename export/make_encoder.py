"""Makes the encoder's graphs: traced, proven, and in 8 bit measured beside float32.

`make_decoder.py` is its counterpart.
"""

from typing import Any

import onnx

from export.bundle import Graph
from export.eight_bit import EightBit
from export.encoder_agreement import EncoderAgreement, compare_encoders
from export.encoder_graph import encoder_names, encoder_of, trace_encoder
from export.encoder_samples import sample_batches
from export.held_out import HeldOut
from export.invariants import check_maps
from export.latency import BUSY, time_share, used_by_others
from export.longest import longest_read
from export.made import Made, Tell
from export.parts import EncoderPart
from export.profiles import Found, latency_misses, misses, not_measured
from export.proof import Proof
from export.quantize import ENCODER_REST, quantize
from export.report import (
    show_encoder_8_bit,
    show_encoder_proof,
    show_measuring,
    show_profile,
)
from export.sessions import open_session, run
from export.verify_encoder import prove_encoder

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
