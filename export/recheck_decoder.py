"""Checks a decoder's graph by itself: as `recheck_encoder.py`, and cached steps against one run."""

from functools import partial

import numpy as np
import onnxruntime

from export.decoder_samples import Sample, part_of, run_steps, sample_batch, sample_targets, steps
from export.greedy import graph_steps, write_greedily
from export.invariants import check_ones, check_shapes, check_step, check_targets_alone
from export.longest import longest_written, not_written
from export.opened_graph import Case, OpenedGraph, without_warnings
from export.past import make_past
from export.proof import Proof
from export.sessions import Arrays, run
from training.model.config import DecoderConfig

_WRITTEN = 6
"""Tokens that the decoder writes of each example, to be followed then in other ways."""


def written_sample(
    encoder: onnxruntime.InferenceSession,
    decoder: onnxruntime.InferenceSession,
    texts: Arrays,
    config: DecoderConfig,
    start: int,
) -> Sample:
    """Sources that were read by the bundle's encoder, and what its decoder writes of them.

    Args:
        texts: a batch for the encoder.
        start: the id of the token that begins a target.
    """
    hidden, mask = run(encoder, texts)["last_hidden_state"], texts["attention_mask"]
    most = min(_WRITTEN, config.max_position_embeddings - 1)
    step = graph_steps(decoder, hidden, mask)
    written = write_greedily(step, len(mask), start=start, end=None, most=most)
    target = np.array([[start, *row] for row in written], np.int64)
    alone = min(3, most)
    pieces = (target.shape[1] - alone, *[1] * alone)
    return Sample(source=hidden, mask=mask, target=target, pieces=pieces)


def recheck_decoder(
    graph: OpenedGraph,
    config: DecoderConfig,
    max_tokens: int,
    width: int,
    real: Sample,
    proof: Proof,
) -> list[Case]:
    """Runs the matrix of targets, and gives what the other runtimes are tried on.

    Args:
        max_tokens: the longest target that the bundle writes.
        width: of the encoder's hidden states.
        real: what the decoder wrote itself of real sources.
    """
    proof.not_tried = not_written(config, max_tokens)
    with without_warnings(proof):
        samples = sample_targets(config, width, max_tokens)
        for sample in [*samples, real]:
            proof.batches.append(sample.title)
            # 8 bit was measured on real texts; random ids and states are for float32 alone.
            exact = sample is real or graph.precision == "float32"
            with proof.attempt(sample.title):
                _check_steps(graph, sample, exact, proof)
        with proof.attempt(f"{real.title}, each by itself"):
            check_targets_alone(graph.run, partial(make_past, graph.session), real, proof)
        with proof.attempt(f"{real.title}, with head masks of ones"):
            *_, plain = run_steps(graph.session, real)
            check_ones(
                plain,
                lambda masks: list(run_steps(graph.session, real, masks))[-1],
                graph.names.optional,
                proof,
            )
    tried = [real]
    if graph.precision == "float32":
        tried += [sample_batch(config, width), samples[-1]]
    longest = longest_written(config, max_tokens)
    return [_case(graph, sample, large=sample.target.shape[1] == longest) for sample in tried]


def _check_steps(graph: OpenedGraph, sample: Sample, exact: bool, proof: Proof) -> None:
    """Every step by itself; and, if `exact`, as the part of one run over the whole target."""
    (whole,) = run_steps(graph.session, sample.in_one_piece()) if exact else ({},)
    start = 0
    for piece, found in zip(sample.pieces, run_steps(graph.session, sample), strict=True):
        stop = start + piece
        title = f"{sample.title}, tokens {start + 1} to {stop}"
        check_step(found, sample, title, proof)
        batch, source = sample.mask.shape
        lengths = {"batch": batch, "source": source, "target": piece, "past": start}
        check_shapes(found, lengths, graph.names, title, proof)
        if len(sample.pieces) > 1:
            cut = part_of(whole, start, stop)
            proof.compare(cut, found, title, source="one run over the whole target")
        start = stop


def _case(graph: OpenedGraph, sample: Sample, *, large: bool) -> Case:
    empty = make_past(graph.session, len(sample.target))
    return Case(
        title=sample.title,
        runs=lambda run: steps(run, empty, sample),
        large=large,
    )
