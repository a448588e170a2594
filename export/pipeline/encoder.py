"""Makes what reads: an encoder's graphs, with the classifier or another head on it."""

from dataclasses import replace
from functools import partial

import onnx
import onnxruntime

from bundle_format.graphs import ReadingGraph
from export.any_model.opening import make_graph
from export.any_model.proof import Definition, prove_model
from export.bundle.files import TASK_FILES
from export.bundle.write import ExportedGraph
from export.eval_texts import HeldOut
from export.graphs.encoder import trace_encoder
from export.graphs.graph_file import size_of
from export.graphs.longest import longest_tried
from export.graphs.spec import is_foreign, pads_left
from export.graphs.tasks import names_of_task
from export.loading.checkpoint import LoadedEncoder
from export.pipeline.parts import Log, PartResult, fewer_maps
from export.quantize.agreement import compare_encoders
from export.quantize.choices import choices_of
from export.quantize.graph import ENCODER_REST, quantize
from export.quantize.schemes import (
    QuantizationOptions,
    missed_limits,
    missed_times,
    not_measured,
)
from export.report import (
    show_encoder_8_bit,
    show_encoder_proof,
    show_measuring,
    show_profile,
    show_untested,
)
from export.runtime.session import open_session, run
from export.runtime.timing import BUSY, time_share, used_by_others
from export.verification.against_torch import prove_encoder
from export.verification.checks import Checks
from export.verification.graphs import check_batches
from export.verification.inputs import random_feed, sample_batches
from training.model.config import EncoderConfig

_LENGTHS = (32, 128)
"""Tokens of a sentence and of a paragraph, which are timed."""


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
