"""Proves a decoder's graph: cached steps against torch's full pass, and what must hold of maps.

`verify_encoder.py` is its counterpart.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from export.by_definition import value_norms_by_definition, without_head
from export.decoder_graph import (
    cross_attentions,
    self_attentions,
    source_width,
)
from export.decoder_samples import Sample, part_of, run_steps, sample_batch, sample_targets
from export.graph_names import decoder_names
from export.invariants import check_ones, check_step, check_targets_alone
from export.longest import not_written
from export.past import make_past
from export.proof import Proof
from export.sessions import open_session, run
from export.verify_writing import Texts
from training.model.attention import MultiHeadAttention
from training.model.decoder import GPTDecoder, Source


def prove_decoder(
    graph: onnx.ModelProto,
    decoder: GPTDecoder,
    bridge: nn.Linear | None = None,
    max_tokens: int | None = None,
) -> Proof:
    """Checks the float32 graph of a decoder against the torch model it was traced from.

    Args:
        max_tokens: the longest target that it will write; by default all of its positions.
    """
    proof = Proof()
    width = source_width(decoder, bridge)
    proof.check_form(graph, decoder_names(decoder.config, width))
    session = open_session(graph)
    proof.not_tried = not_written(decoder.config, max_tokens)
    samples = sample_targets(decoder.config, width, max_tokens)
    for sample in samples:
        proof.batches.append(sample.title)
        expected = decoder_outputs(decoder, bridge, sample)
        start = 0
        for piece, found in zip(sample.pieces, run_steps(session, sample), strict=True):
            stop = start + piece
            title = f"{sample.title}, tokens {start + 1} to {stop}"
            proof.compare(part_of(expected, start, stop), found, title)
            check_step(found, sample, title, proof)
            start = stop
    for sample in samples:
        check_targets_alone(partial(run, session), partial(make_past, session), sample, proof)
    _check_head_masks(session, decoder, bridge, proof)
    return proof


@torch.no_grad()
def decoder_outputs(
    decoder: GPTDecoder, bridge: nn.Linear | None, sample: Sample
) -> dict[str, np.ndarray]:
    """Torch's full pass over the whole target, the value norms by their definition."""
    hidden = torch.from_numpy(sample.source)
    source = Source(bridge(hidden) if bridge else hidden, torch.from_numpy(sample.mask).bool())
    result = decoder(torch.from_numpy(sample.target), source)
    read = [layer.source for layer in result.past if layer.source]
    present = [tensor for layer in result.past for kept in layer if kept for tensor in kept]
    norms = [
        value_norms_by_definition(attention, kept.values)
        for attention, kept in zip(cross_attentions(decoder), read, strict=True)
    ]
    outputs = (result.logits, *present, *result.weights, *result.cross_weights, *norms)
    names = decoder_names(decoder.config).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _check_head_masks(
    session: onnxruntime.InferenceSession,
    decoder: GPTDecoder,
    bridge: nn.Linear | None,
    proof: Proof,
) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = decoder.config
    sample = sample_batch(config, source_width(decoder, bridge))
    kinds: dict[str, Sequence[MultiHeadAttention]] = {
        "head_mask": self_attentions(decoder),
        "cross_head_mask": cross_attentions(decoder),
    }
    *_, plain = run_steps(session, sample)
    masks = decoder_names(config).optional
    check_ones(plain, lambda mask: list(run_steps(session, sample, mask))[-1], masks, proof)
    stop = sum(sample.pieces)
    for kind, attentions in kinds.items():
        for i, attention in enumerate(attentions):
            head = i % config.num_attention_heads
            without = masks[kind].copy()
            without[0, i, head] = 0
            with without_head(attention, head):
                expected = decoder_outputs(decoder, bridge, sample)
            if kind == "cross_head_mask":
                # The removed head's own norms are those of its weights before the mask.
                del expected[f"cross_value_norms.{i}"]
            *_, found = run_steps(session, sample, {kind: without})
            last = part_of(expected, stop - sample.pieces[-1], stop)
            proof.compare(last, found, f"without layer {i} head {head} in {kind}")


def check_texts(expected: Texts, found: Texts, proof: Proof) -> None:
    """Notes every text that is not torch's, and where it begins to differ."""
    for number, (theirs, ours) in enumerate(zip(expected, found, strict=True)):
        if theirs != ours:
            pairs = enumerate(zip(theirs, ours, strict=False))
            shorter = min(len(theirs), len(ours))
            place = next((i for i, (a, b) in pairs if a != b), shorter)
            proof.failures.append(
                f"greedy text of source {number}: token {place + 1} is "
                f"{_token(ours, place)}, torch writes {_token(theirs, place)}"
            )


def _token(text: list[int], place: int) -> str:
    return str(text[place]) if place < len(text) else "the end"
