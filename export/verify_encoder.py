"""Proves an encoder's graph: its numbers against torch, and what must hold of every map.

`verify_decoder.py` is its counterpart.
"""

from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime
import torch

from export.by_definition import value_norms_by_definition, without_head
from export.encoder_graph import EncoderModel, encoder_names, encoder_of
from export.proof import Arrays, Proof, run
from export.sessions import open_session
from training.model.classifier import Classified


def prove_encoder(graph: onnx.ModelProto, model: EncoderModel) -> Proof:
    """Checks the float32 graph of an encoder against the torch model it was traced from."""
    proof = Proof()
    proof.check_form(graph, encoder_names(model))
    session = open_session(graph)
    for title, feed in sample_batches(model):
        proof.batches.append(title)
        found = run(session, feed)
        proof.compare(_torch_outputs(model, feed), found, title)
        check_maps(found, feed, title, proof)
    _check_batch_equals_single(session, model, proof)
    _check_head_mask(session, model, proof)
    return proof


def sample_batches(model: EncoderModel) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Random batches of several sizes, with each kind of padding, up to the model's limit."""
    limit = encoder_of(model).config.max_position_embeddings
    middle = min(17, limit)
    for batch, tokens, padding in (
        (1, 1, "none"),
        (1, min(2, limit), "none"),
        (4, 1, "none"),
        (3, middle, "right"),
        (3, middle, "left"),
        (2, middle, "everything"),
        (2, limit, "right"),
    ):
        title = f"{batch} x {tokens} tokens, padding: {padding}"
        yield title, _random_feed(model, batch, tokens, padding)


def check_maps(found: Arrays, feed: Arrays, title: str, proof: Proof) -> None:
    """Rows sum to one over the real tokens; padding gets exactly nothing; no value is NaN."""
    proof.check_finite(found, title)
    real = feed["attention_mask"].astype(bool)[:, None, None, :]
    for name, values in found.items():
        if name.startswith("encoder_attentions."):
            proof.check_map(values, real, f"{title}: {name}")


def _random_feed(
    model: EncoderModel, batch: int, tokens: int, padding: str
) -> dict[str, np.ndarray]:
    config = encoder_of(model).config
    random = np.random.default_rng(seed=batch * 1000 + tokens)
    mask = np.ones((batch, tokens), np.int64)
    for row in range(1, batch):
        gone = int(random.integers(1, tokens)) if tokens > 1 else 0
        if padding == "right":
            mask[row, tokens - gone :] = 0
        elif padding == "left":
            mask[row, :gone] = 0
        elif padding == "everything":
            mask[row] = 0
    feed = {
        "input_ids": random.integers(0, config.vocab_size, (batch, tokens)),
        "attention_mask": mask,
    }
    if config.has_segments:
        feed["token_type_ids"] = random.integers(0, config.type_vocab_size, (batch, tokens))
    return feed


def _torch_outputs(model: EncoderModel, feed: Arrays) -> dict[str, np.ndarray]:
    """What torch says, by the graph's names, the value norms by their definition."""
    with torch.no_grad():
        segments = feed.get("token_type_ids")
        result = model(
            torch.from_numpy(feed["input_ids"]),
            torch.from_numpy(feed["attention_mask"]).bool(),
            None if segments is None else torch.from_numpy(segments),
        )
        norms = [
            value_norms_by_definition(attention, values)
            for attention, values in zip(encoder_of(model).attentions(), result.values, strict=True)
        ]
    logits = (result.logits,) if isinstance(result, Classified) else ()
    outputs = (*logits, result.hidden, *result.weights, *norms)
    names = encoder_names(model).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _check_batch_equals_single(
    session: onnxruntime.InferenceSession, model: EncoderModel, proof: Proof
) -> None:
    """A text's results must not depend on what it was padded with or batched beside."""
    limit = encoder_of(model).config.max_position_embeddings
    feed = _random_feed(model, 3, min(17, limit), "right")
    together = run(session, feed)
    for row, length in enumerate(feed["attention_mask"].sum(axis=1)):
        alone = run(session, {name: array[row : row + 1, :length] for name, array in feed.items()})
        proof.compare_row(together, alone, row)


def _check_head_mask(
    session: onnxruntime.InferenceSession, model: EncoderModel, proof: Proof
) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = encoder_of(model).config
    feed = _random_feed(model, 1, min(9, config.max_position_embeddings), "none")
    shape = (1, config.num_hidden_layers, config.num_attention_heads)
    ones = np.ones(shape, np.float32)
    for name, values in run(session, {**feed, "head_mask": ones}).items():
        same = np.array_equal(values, run(session, feed)[name])
        proof.expect(same, f"a head_mask of ones changes {name}")
    for i, attention in enumerate(encoder_of(model).attentions()):
        head = i % config.num_attention_heads
        without = ones.copy()
        without[0, i, head] = 0
        with without_head(attention, head):
            expected = _torch_outputs(model, feed)
        # The removed head's own norms are those of its weights before the mask.
        del expected[f"encoder_value_norms.{i}"]
        found = run(session, {**feed, "head_mask": without})
        proof.compare(expected, found, f"without layer {i} head {head}")
