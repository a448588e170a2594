"""Proves a classifier's graph: its numbers against torch, and what must hold of every map."""

from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime
import torch

from export.graphs import classifier_names
from export.proof import LIMIT, Arrays, Proof, largest_difference, run
from export.sessions import open_session
from training.model.classifier import BERTClassifier


def prove_classifier(graph: onnx.ModelProto, model: BERTClassifier) -> Proof:
    """Checks the float32 graph of a classifier against the torch model it was traced from."""
    proof = Proof()
    proof.check_form(graph, classifier_names(model.config.encoder))
    session = open_session(graph)
    for title, feed in sample_batches(model):
        proof.batches.append(title)
        found = run(session, feed)
        proof.compare(_torch_outputs(model, feed), found, title)
        check_maps(found, feed, title, proof)
    _check_batch_equals_single(session, model, proof)
    _check_head_mask(session, model, proof)
    return proof


def sample_batches(model: BERTClassifier) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Random batches of several sizes, with each kind of padding, up to the model's limit."""
    limit = model.config.encoder.max_position_embeddings
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
    model: BERTClassifier, batch: int, tokens: int, padding: str
) -> dict[str, np.ndarray]:
    config = model.config.encoder
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
    return {
        "input_ids": random.integers(0, config.vocab_size, (batch, tokens)),
        "attention_mask": mask,
        "token_type_ids": random.integers(0, config.type_vocab_size, (batch, tokens)),
    }


def _torch_outputs(model: BERTClassifier, feed: Arrays) -> dict[str, np.ndarray]:
    """What torch says, by the graph's names, the value norms by their definition: |v W|."""
    with torch.no_grad():
        result = model(
            torch.from_numpy(feed["input_ids"]),
            torch.from_numpy(feed["attention_mask"]).bool(),
            torch.from_numpy(feed["token_type_ids"]),
        )
        norms = []
        for attention, values in zip(model.encoder.attentions(), result.values, strict=True):
            slices = attention.project.weight.unflatten(1, (values.shape[1], -1))
            wide = torch.einsum("bhkd,ohd->bhko", values, slices)
            norms.append(wide.norm(dim=-1))
    outputs = (result.logits, result.hidden, *result.weights, *norms)
    names = classifier_names(model.config.encoder).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _check_batch_equals_single(
    session: onnxruntime.InferenceSession, model: BERTClassifier, proof: Proof
) -> None:
    """A text's results must not depend on what it was padded with or batched beside."""
    feed = _random_feed(model, 3, min(17, model.config.encoder.max_position_embeddings), "right")
    together = run(session, feed)
    for row, length in enumerate(feed["attention_mask"].sum(axis=1)):
        alone = run(session, {name: array[row : row + 1, :length] for name, array in feed.items()})
        for name, single in alone.items():
            batched = together[name][row : row + 1]
            real = batched[tuple(slice(0, size) for size in single.shape)]
            difference = largest_difference(real, single)
            proof.expect(
                difference <= LIMIT * max(1.0, float(np.abs(single).max())),
                f"{name} of a padded row differs by {difference:.1e} from the row alone",
            )


def _check_head_mask(
    session: onnxruntime.InferenceSession, model: BERTClassifier, proof: Proof
) -> None:
    """Ones change nothing, and a zero removes one head: torch with that head's columns zeroed."""
    config = model.config.encoder
    feed = _random_feed(model, 1, min(9, config.max_position_embeddings), "none")
    shape = (1, config.num_hidden_layers, config.num_attention_heads)
    ones = np.ones(shape, np.float32)
    for name, values in run(session, {**feed, "head_mask": ones}).items():
        same = np.array_equal(values, run(session, feed)[name])
        proof.expect(same, f"a head_mask of ones changes {name}")
    for i, attention in enumerate(model.encoder.attentions()):
        head = i % config.num_attention_heads
        without = ones.copy()
        without[0, i, head] = 0
        weight = attention.project.weight
        kept = weight.detach().clone()
        with torch.no_grad():
            weight[:, head * config.head_size : (head + 1) * config.head_size] = 0
        expected = _torch_outputs(model, feed)
        with torch.no_grad():
            weight.copy_(kept)
        # The removed head's own norms are those of its weights before the mask.
        del expected[f"encoder_value_norms.{i}"]
        found = run(session, {**feed, "head_mask": without})
        proof.compare(expected, found, f"without layer {i} head {head}")
