"""Proves a decoder's graph: cached steps against torch's full pass, and what must hold of maps.

`verify_encoder.py` is its counterpart.
"""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from export.by_definition import value_norms_by_definition, without_head
from export.decoder_graph import (
    cross_attentions,
    decoder_names,
    self_attentions,
    source_width,
)
from export.decoder_samples import Sample, run_steps, sample_batch, sample_targets
from export.proof import Arrays, Proof
from export.sessions import open_session
from training.model.attention import MultiHeadAttention
from training.model.decoder import GPTDecoder, Source


def prove_decoder(
    graph: onnx.ModelProto, decoder: GPTDecoder, bridge: nn.Linear | None = None
) -> Proof:
    """Checks the float32 graph of a decoder against the torch model it was traced from."""
    proof = Proof()
    proof.check_form(graph, decoder_names(decoder.config))
    session = open_session(graph)
    samples = sample_targets(decoder.config, source_width(decoder, bridge))
    for sample in samples:
        proof.batches.append(sample.title)
        expected = _torch_outputs(decoder, bridge, sample)
        start = 0
        for piece, found in zip(sample.pieces, run_steps(session, sample), strict=True):
            stop = start + piece
            title = f"{sample.title}, tokens {start + 1} to {stop}"
            proof.compare(_part(expected, start, stop), found, title)
            check_step(found, sample, title, proof)
            start = stop
    for sample in samples:
        _check_batch_equals_single(session, sample, proof)
    _check_head_masks(session, decoder, bridge, proof)
    return proof


def check_step(found: Arrays, sample: Sample, title: str, proof: Proof) -> None:
    """Rows sum to one, over the source's real tokens and over the past; the future gets nothing."""
    proof.check_finite(found, title)
    real = sample.mask.astype(bool)[:, None, None, :]
    for name, values in found.items():
        if name.startswith("cross_attentions."):
            proof.check_map(values, real, f"{title}: {name}")
        if name.startswith("decoder_attentions."):
            query, key = values.shape[2:]
            causal = np.tri(query, key, key - query, dtype=bool)[None, None]
            proof.check_map(values, causal, f"{title}: {name}")


@torch.no_grad()
def _torch_outputs(
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


def _part(whole: Arrays, start: int, stop: int) -> dict[str, np.ndarray]:
    """What a step over target tokens `start` to `stop` must give, cut from the full pass."""
    cut = {}
    for name, values in whole.items():
        if name == "logits":
            cut[name] = values[:, start:stop]
        elif name.startswith("decoder_attentions."):
            cut[name] = values[:, :, start:stop, :stop]
        elif name.startswith("cross_attentions."):
            cut[name] = values[:, :, start:stop]
        elif ".decoder." in name:
            cut[name] = values[:, :, :stop]
        else:
            cut[name] = values
    return cut


def _check_batch_equals_single(
    session: onnxruntime.InferenceSession, sample: Sample, proof: Proof
) -> None:
    """A text's results must not depend on what its source was padded with or batched beside."""
    if len(sample.target) == 1:
        return
    *_, together = run_steps(session, sample)
    for row in range(len(sample.target)):
        *_, alone = run_steps(session, sample.row(row))
        proof.compare_row(together, alone, row)


def _check_head_masks(
    session: onnxruntime.InferenceSession,
    decoder: GPTDecoder,
    bridge: nn.Linear | None,
    proof: Proof,
) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = decoder.config
    sample = sample_batch(config, source_width(decoder, bridge))
    ones = np.ones((1, config.num_hidden_layers, config.num_attention_heads), np.float32)
    kinds: dict[str, Sequence[MultiHeadAttention]] = {
        "head_mask": self_attentions(decoder),
        "cross_head_mask": cross_attentions(decoder),
    }
    *_, plain = run_steps(session, sample)
    stop = sum(sample.pieces)
    for kind, attentions in kinds.items():
        *_, masked = run_steps(session, sample, {kind: ones})
        for name, values in masked.items():
            same = np.array_equal(values, plain[name])
            proof.expect(same, f"a {kind} of ones changes {name}")
        for i, attention in enumerate(attentions):
            head = i % config.num_attention_heads
            without = ones.copy()
            without[0, i, head] = 0
            with without_head(attention, head):
                expected = _torch_outputs(decoder, bridge, sample)
            if kind == "cross_head_mask":
                # The removed head's own norms are those of its weights before the mask.
                del expected[f"cross_value_norms.{i}"]
            *_, found = run_steps(session, sample, {kind: without})
            last = _part(expected, stop - sample.pieces[-1], stop)
            proof.compare(last, found, f"without layer {i} head {head} in {kind}")
