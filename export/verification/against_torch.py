"""Proves a graph against the torch model that it was traced from.

Torch's numbers are the definitions themselves, computed the long way: the graph takes short cuts
(a small matrix for the value norms, a factor for a head), these do not.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import onnx
import onnxruntime
import torch
from jaxtyping import Float
from torch import Tensor, nn

from export.graphs.decoder import cross_attentions, self_attentions, source_width
from export.graphs.encoder import EncoderModel, encoder_names, encoder_of
from export.graphs.longest import not_tried
from export.graphs.names import decoder_names, empty_cache
from export.runtime.session import Arrays, Run, open_session, run
from export.runtime.writing import Texts
from export.verification.checks import Checks, check_ones, check_targets_alone, check_texts_alone
from export.verification.decoders import check_ones_of_steps, check_targets
from export.verification.graphs import check_batches
from export.verification.inputs import (
    Sample,
    part_of,
    random_feed,
    run_steps,
    sample_batch,
    sample_batches,
    sample_targets,
)
from training.model.attention import MultiHeadAttention
from training.model.classifier import ClassifierOutput
from training.model.decoder import GPTDecoder, Source


def reference_value_norms(
    attention: MultiHeadAttention, values: Float[Tensor, "batch heads key depth"]
) -> Float[Tensor, "batch heads key"]:
    """|v W|: the wide vectors themselves, then their lengths."""
    slices = attention.project.weight.unflatten(1, (values.shape[1], -1))
    return torch.einsum("bhkd,ohd->bhko", values, slices).norm(dim=-1)


@contextmanager
def ablated_head(attention: MultiHeadAttention, head: int) -> Iterator[None]:
    """Inside the block the head adds nothing: its columns of the output projection are 0."""
    weight = attention.project.weight
    depth = weight.shape[1] // attention.num_heads
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[:, head * depth : (head + 1) * depth] = 0
    try:
        yield
    finally:
        with torch.no_grad():
            weight.copy_(kept)


def prove_encoder(
    graph: onnx.ModelProto,
    model: EncoderModel,
    max_tokens: int | None = None,
    session: onnxruntime.InferenceSession | None = None,
) -> Checks:
    """Checks the float32 graph of an encoder against the torch model it was traced from.

    Args:
        max_tokens: the longest text that it will be given; by default all of its positions.
        session: on the graph, where there is one already.
    """
    checks, names = Checks(errors_pass=True), encoder_names(model)
    checks.check_form(graph, names)
    config = encoder_of(model).config
    checks.not_tried = not_tried(config, max_tokens)
    run_graph = partial(run, session or open_session(graph))
    batches, expected = sample_batches(config, max_tokens), partial(encoder_outputs, model)
    check_batches(run_graph, names, batches, checks, expected=expected)
    several = random_feed(config, 3, min(17, config.max_position_embeddings), "right")
    check_texts_alone(run_graph, several, checks)
    _check_head_mask(run_graph, model, checks)
    return checks


def encoder_outputs(model: EncoderModel, feed: Arrays) -> dict[str, np.ndarray]:
    """What torch says, by the graph's names, the value norms by their definition."""
    with torch.no_grad():
        segments = feed.get("token_type_ids")
        result = model(
            torch.from_numpy(feed["input_ids"]),
            torch.from_numpy(feed["attention_mask"]).bool(),
            None if segments is None else torch.from_numpy(segments),
        )
        norms = [
            reference_value_norms(attention, values)
            for attention, values in zip(encoder_of(model).attentions(), result.values, strict=True)
        ]
    logits = (result.logits,) if isinstance(result, ClassifierOutput) else ()
    outputs = (*logits, result.hidden, *result.weights, *norms)
    names = encoder_names(model).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _check_head_mask(run: Run, model: EncoderModel, checks: Checks) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = encoder_of(model).config
    feed = random_feed(config, 1, min(9, config.max_position_embeddings), "none")
    masks = encoder_names(model).optional
    check_ones(run(feed), lambda mask: run({**feed, **mask}), masks, checks)
    attentions, outputs = encoder_of(model).attentions(), partial(encoder_outputs, model, feed)
    ones, norms = masks["head_mask"], "encoder_value_norms"
    for title, mask, expected in _without_heads(attentions, ones, norms, outputs):
        checks.compare(expected, run({**feed, "head_mask": mask}), title)


def _without_heads(
    attentions: Sequence[MultiHeadAttention],
    ones: np.ndarray,
    norms: str,
    outputs: Callable[[], dict[str, np.ndarray]],
) -> Iterator[tuple[str, np.ndarray, dict[str, np.ndarray]]]:
    """One head of each layer removed: in words, by a mask, and torch's outputs without it."""
    for layer, attention in enumerate(attentions):
        head = layer % attention.num_heads
        mask = ones.copy()
        mask[0, layer, head] = 0
        with ablated_head(attention, head):
            expected = outputs()
        # The removed head's own norms are those of its weights before the mask.
        expected.pop(f"{norms}.{layer}", None)
        yield f"without layer {layer} head {head}", mask, expected


def prove_decoder(
    graph: onnx.ModelProto,
    decoder: GPTDecoder,
    bridge: nn.Linear | None = None,
    max_tokens: int | None = None,
    session: onnxruntime.InferenceSession | None = None,
) -> Checks:
    """Checks the float32 graph of a decoder against the torch model it was traced from.

    Args:
        max_tokens: the longest target that it will write; by default all of its positions.
        session: as in `prove_encoder`.
    """
    checks, width = Checks(errors_pass=True), source_width(decoder, bridge)
    names = decoder_names(decoder.config, width)
    checks.check_form(graph, names)
    checks.not_tried = not_tried(decoder.config, max_tokens)
    session = session or open_session(graph)
    run_graph, empty = partial(run, session), partial(empty_cache, session)
    samples = sample_targets(decoder.config, width, max_tokens)
    expected = partial(decoder_outputs, decoder, bridge)
    check_targets(*(run_graph, empty, names, samples, checks), expected=expected, source="torch")
    for sample in samples:
        check_targets_alone(run_graph, empty, sample, checks)
    _check_head_masks(session, decoder, bridge, checks)
    return checks


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
        reference_value_norms(attention, kept.values)
        for attention, kept in zip(cross_attentions(decoder), read, strict=True)
    ]
    logits = decoder.logits(result.hidden)
    outputs = (logits, *present, *result.weights, *result.cross_weights, *norms)
    names = decoder_names(decoder.config).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _check_head_masks(
    session: onnxruntime.InferenceSession,
    decoder: GPTDecoder,
    bridge: nn.Linear | None,
    checks: Checks,
) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = decoder.config
    sample = sample_batch(config, source_width(decoder, bridge))
    kinds = (
        ("head_mask", self_attentions(decoder), "decoder_value_norms"),  # which no graph gives
        ("cross_head_mask", cross_attentions(decoder), "cross_value_norms"),
    )
    names = decoder_names(config)
    check_ones_of_steps(session, names, sample, checks)
    stop = sum(sample.pieces)
    outputs = partial(decoder_outputs, decoder, bridge, sample)
    for kind, attentions, norms in kinds:
        ones = names.optional[kind]
        for title, mask, expected in _without_heads(attentions, ones, norms, outputs):
            *_, found = run_steps(session, sample, {kind: mask})
            last = part_of(expected, stop - sample.pieces[-1], stop)
            checks.compare(last, found, f"{title} in {kind}")


def check_texts(expected: Texts, found: Texts, checks: Checks, way: str = "greedy") -> None:
    """Notes every text that is not torch's, and where it begins to differ.

    Args:
        way: how they are written, in a word.
    """
    for number, (theirs, ours) in enumerate(zip(expected, found, strict=True)):
        if theirs != ours:
            pairs = enumerate(zip(theirs, ours, strict=False))
            shorter = min(len(theirs), len(ours))
            place = next((i for i, (a, b) in pairs if a != b), shorter)
            checks.failures.append(
                f"{way} text of source {number}: token {place + 1} is "
                f"{_token(ours, place)}, torch writes {_token(theirs, place)}"
            )


def _token(text: list[int], place: int) -> str:
    return str(text[place]) if place < len(text) else "the end"
