"""Proves an encoder's graph: its numbers against torch, and what must hold of every map.

`verify_decoder.py` is its counterpart.
"""

from functools import partial

import numpy as np
import onnx
import onnxruntime
import torch

from export.by_definition import value_norms_by_definition, without_head
from export.encoder_graph import EncoderModel, encoder_names, encoder_of
from export.encoder_samples import random_feed, sample_batches
from export.invariants import check_maps, check_ones, check_texts_alone
from export.longest import not_read
from export.proof import Proof
from export.sessions import Arrays, open_session, run
from training.model.classifier import ClassifierOutput


def prove_encoder(
    graph: onnx.ModelProto, model: EncoderModel, max_tokens: int | None = None
) -> Proof:
    """Checks the float32 graph of an encoder against the torch model it was traced from.

    Args:
        max_tokens: the longest text that it will be given; by default all of its positions.
    """
    proof = Proof()
    proof.check_form(graph, encoder_names(model))
    session = open_session(graph)
    config = encoder_of(model).config
    proof.not_tried = not_read(config, max_tokens)
    for title, feed in sample_batches(config, max_tokens):
        proof.batches.append(title)
        found = run(session, feed)
        proof.compare(encoder_outputs(model, feed), found, title)
        check_maps(found, feed, title, proof)
    several = random_feed(config, 3, min(17, config.max_position_embeddings), "right")
    check_texts_alone(partial(run, session), several, proof)
    _check_head_mask(session, model, proof)
    return proof


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
            value_norms_by_definition(attention, values)
            for attention, values in zip(encoder_of(model).attentions(), result.values, strict=True)
        ]
    logits = (result.logits,) if isinstance(result, ClassifierOutput) else ()
    outputs = (*logits, result.hidden, *result.weights, *norms)
    names = encoder_names(model).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _check_head_mask(
    session: onnxruntime.InferenceSession, model: EncoderModel, proof: Proof
) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = encoder_of(model).config
    feed = random_feed(config, 1, min(9, config.max_position_embeddings), "none")
    masks = encoder_names(model).optional
    check_ones(run(session, feed), lambda mask: run(session, {**feed, **mask}), masks, proof)
    ones = masks["head_mask"]
    for i, attention in enumerate(encoder_of(model).attentions()):
        head = i % config.num_attention_heads
        without = ones.copy()
        without[0, i, head] = 0
        with without_head(attention, head):
            expected = encoder_outputs(model, feed)
        # The removed head's own norms are those of its weights before the mask.
        del expected[f"encoder_value_norms.{i}"]
        found = run(session, {**feed, "head_mask": without})
        proof.compare(expected, found, f"without layer {i} head {head}")
