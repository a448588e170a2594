"""Proves a decoder's graph: cached steps against torch's full pass, and what must hold of maps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from export.decoder_graph import decoder_names
from export.proof import LIMIT, Proof, largest_difference, run
from export.sessions import open_session
from training.model.attention import MultiHeadAttention
from training.model.decoder import GPTDecoder, Source


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A source to read, and a target that is fed in pieces, each with the cache of those before."""

    source: np.ndarray
    """The encoder's hidden states: (batch, source, hidden)."""
    mask: np.ndarray
    """1 for a real token: (batch, source)."""
    target: np.ndarray
    """(batch, target)."""
    pieces: tuple[int, ...]
    """Their lengths; they add up to the target's."""

    @property
    def title(self) -> str:
        batch, target = self.target.shape
        steps = "+".join(map(str, self.pieces)) if len(self.pieces) < 9 else f"{target} x 1"
        return f"{batch} x {self.mask.shape[1]} source tokens, target {steps}"

    def row(self, index: int) -> "Sample":
        """One text of the batch by itself, without its padding."""
        one = slice(index, index + 1)
        real = self.mask[index].astype(bool)
        return Sample(
            source=self.source[one][:, real],
            mask=self.mask[one][:, real],
            target=self.target[one],
            pieces=self.pieces,
        )


def prove_decoder(
    graph: onnx.ModelProto, decoder: GPTDecoder, bridge: nn.Linear | None = None
) -> Proof:
    """Checks the float32 graph of a decoder against the torch model it was traced from."""
    proof = Proof()
    proof.check_form(graph, decoder_names(decoder.config))
    session = open_session(graph)
    width = bridge.in_features if bridge else decoder.config.hidden_size
    for sample in sample_targets(decoder, width):
        proof.batches.append(sample.title)
        expected = _torch_outputs(decoder, bridge, sample)
        start = 0
        for piece, found in zip(sample.pieces, run_steps(session, sample), strict=True):
            stop = start + piece
            title = f"{sample.title}, tokens {start + 1} to {stop}"
            proof.compare(_part(expected, start, stop), found, title)
            check_step(found, sample, title, proof)
            start = stop
    _check_batch_equals_single(session, decoder, width, proof)
    _check_head_masks(session, decoder, bridge, proof)
    return proof


def sample_targets(decoder: GPTDecoder, width: int) -> Iterator[Sample]:
    """Random sources and targets: one token, many, whole, piece by piece, up to the limit."""
    limit = decoder.config.max_position_embeddings
    for batch, source, pieces in (
        (1, 1, (1,)),
        (1, 1, (1, 1, 1)),
        (2, 9, (4, 1, 1, 2)),
        (3, 17, (1,) * 5),
        (2, 5, (limit,)),
        (1, 40, (limit - 1, 1)),
    ):
        random = np.random.default_rng(seed=batch * 100 + source)
        mask = np.ones((batch, source), np.int64)
        for row in range(1, batch):
            mask[row, int(random.integers(1, source)) :] = 0
        yield Sample(
            source=random.standard_normal((batch, source, width), np.float32),
            mask=mask,
            target=random.integers(0, decoder.config.vocab_size, (batch, sum(pieces))),
            pieces=pieces,
        )


def run_steps(
    session: onnxruntime.InferenceSession,
    sample: Sample,
    masks: dict[str, np.ndarray] | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """The outputs of each piece; `present.*` of one is `past_key_values.*` of the next."""
    past = {
        value.name: np.zeros((len(sample.target), value.shape[1], 0, value.shape[3]), np.float32)
        for value in session.get_inputs()
        if value.name.startswith("past_key_values.")
    }
    start = 0
    for piece in sample.pieces:
        feed = {
            "input_ids": sample.target[:, start : start + piece],
            "encoder_attention_mask": sample.mask,
            "encoder_hidden_states": sample.source,
        }
        found = run(session, feed | past | (masks or {}))
        past = {name: found[name.replace("past_key_values", "present")] for name in past}
        start += piece
        yield found


def check_step(found: dict[str, np.ndarray], sample: Sample, title: str, proof: Proof) -> None:
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
    """Torch's full pass over the whole target, the value norms by their definition: |v W|."""
    hidden = torch.from_numpy(sample.source)
    source = Source(bridge(hidden) if bridge else hidden, torch.from_numpy(sample.mask).bool())
    result = decoder(torch.from_numpy(sample.target), source)
    read = [layer.source for layer in result.past if layer.source]
    present = [tensor for layer in result.past for kept in layer if kept for tensor in kept]
    norms = [
        torch.einsum(
            "bhkd,ohd->bhko", kept.values, attention.project.weight.unflatten(1, (heads, -1))
        ).norm(dim=-1)
        for attention, kept in zip(_cross_attentions(decoder), read, strict=True)
        for heads in [kept.values.shape[1]]
    ]
    outputs = (result.logits, *present, *result.weights, *result.cross_weights, *norms)
    names = decoder_names(decoder.config).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _part(whole: dict[str, np.ndarray], start: int, stop: int) -> dict[str, np.ndarray]:
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
    session: onnxruntime.InferenceSession, decoder: GPTDecoder, width: int, proof: Proof
) -> None:
    """A text's results must not depend on what its source was padded with or batched beside."""
    samples = [sample for sample in sample_targets(decoder, width) if len(sample.target) > 1]
    for sample in samples[:2]:
        *_, together = run_steps(session, sample)
        for row in range(len(sample.target)):
            *_, alone = run_steps(session, sample.row(row))
            for name, single in alone.items():
                batched = together[name][row : row + 1]
                real = batched[tuple(slice(0, size) for size in single.shape)]
                difference = largest_difference(real, single)
                proof.expect(
                    difference <= LIMIT * max(1.0, float(np.abs(single).max())),
                    f"{name} of a padded row differs by {difference:.1e} from the row alone",
                )


def _check_head_masks(
    session: onnxruntime.InferenceSession,
    decoder: GPTDecoder,
    bridge: nn.Linear | None,
    proof: Proof,
) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = decoder.config
    width = bridge.in_features if bridge else config.hidden_size
    sample = next(s for s in sample_targets(decoder, width) if len(s.pieces) == 4)
    ones = np.ones((1, config.num_hidden_layers, config.num_attention_heads), np.float32)
    kinds: dict[str, Sequence[MultiHeadAttention]] = {
        "head_mask": _self_attentions(decoder),
        "cross_head_mask": _cross_attentions(decoder),
    }
    *_, plain = run_steps(session, sample)
    for kind, attentions in kinds.items():
        *_, masked = run_steps(session, sample, {kind: ones})
        for name, values in masked.items():
            same = np.array_equal(values, plain[name])
            proof.expect(same, f"a {kind} of ones changes {name}")
        for i, attention in enumerate(attentions):
            head = i % config.num_attention_heads
            without = ones.copy()
            without[0, i, head] = 0
            expected = _without_head(decoder, bridge, sample, attention, head)
            if kind == "cross_head_mask":
                # The removed head's own norms are those of its weights before the mask.
                del expected[f"cross_value_norms.{i}"]
            *_, found = run_steps(session, sample, {kind: without})
            stop = sum(sample.pieces)
            part = _part(expected, stop - sample.pieces[-1], stop)
            proof.compare(part, found, f"without layer {i} head {head} in {kind}")


def _without_head(
    decoder: GPTDecoder,
    bridge: nn.Linear | None,
    sample: Sample,
    attention: MultiHeadAttention,
    head: int,
) -> dict[str, np.ndarray]:
    """Torch's outputs while a head's columns of its output projection are 0."""
    weight = attention.project.weight
    depth = weight.shape[1] // attention.num_heads
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[:, head * depth : (head + 1) * depth] = 0
    outputs = _torch_outputs(decoder, bridge, sample)
    with torch.no_grad():
        weight.copy_(kept)
    return outputs


def _self_attentions(decoder: GPTDecoder) -> list[MultiHeadAttention]:
    return [layer.attention for layer in decoder.layers]


def _cross_attentions(decoder: GPTDecoder) -> list[MultiHeadAttention]:
    return [layer.cross_attention for layer in decoder.layers]
