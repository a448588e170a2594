"""Proves a graph: its form, its numbers against torch, and what must hold of every attention map.

Nothing here stops at the first fault: all of them are gathered, so that one run tells everything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
import torch

from export.graphs import GraphNames, classifier_names
from export.sessions import open_session
from training.model.classifier import BERTClassifier

LIMIT = 1e-4
"""Largest difference from torch, in units of the output's largest value where that is above 1."""

ROW_SUM_LIMIT = 1e-5

Arrays = Mapping[str, np.ndarray]


@dataclass
class Proof:
    """What was found: the largest difference of each kind of output, and every failure in words."""

    differences: dict[str, float] = field(default_factory=dict)
    """Kind of output (`encoder_attentions`: of all layers) -> largest absolute difference."""
    batches: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def expect(self, holds: bool | np.bool_, failure: str) -> None:
        """Notes `failure` unless `holds`."""
        if not holds:
            self.failures.append(failure)


def prove_classifier(graph: onnx.ModelProto, model: BERTClassifier) -> Proof:
    """Checks the float32 graph of a classifier against the torch model it was traced from."""
    proof = Proof()
    names = classifier_names(model.config.encoder.num_hidden_layers)
    check_form(graph, names, proof)
    session = open_session(graph)
    for title, feed in sample_batches(model):
        proof.batches.append(title)
        found = run(session, feed)
        _compare(_torch_outputs(model, feed), found, title, proof)
        check_maps(found, feed, title, proof)
    _check_batch_equals_single(session, model, proof)
    _check_head_mask(session, model, proof)
    return proof


def check_form(graph: onnx.ModelProto, names: GraphNames, proof: Proof) -> None:
    """onnx's own checker, the declared names, and no axis that is empty or frozen."""
    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        proof.failures.append(f"onnx.checker: {error}")
    for kind, expected, values in (
        ("inputs", names.inputs, graph.graph.input),
        ("outputs", names.outputs, graph.graph.output),
    ):
        found = tuple(value.name for value in values)
        proof.expect(found == expected, f"{kind} are {found}, expected {expected}")
    for value in (*graph.graph.input, *graph.graph.output):
        axes = value.type.tensor_type.shape.dim
        sizes = [axis.dim_param or axis.dim_value for axis in axes]
        proof.expect(0 not in sizes, f"{value.name} declares an empty axis: {sizes}")
        proof.expect(bool(axes[0].dim_param), f"{value.name} has a frozen batch axis: {sizes}")


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


def run(session: onnxruntime.InferenceSession, feed: Arrays) -> dict[str, np.ndarray]:
    """All outputs by their names."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feed)), strict=True))


def check_maps(found: Arrays, feed: Arrays, title: str, proof: Proof) -> None:
    """Rows sum to one over the real tokens; padding gets exactly nothing; no value is NaN."""
    real = feed["attention_mask"].astype(bool)
    row_sum = np.where(real.any(axis=1), 1.0, 0.0)[:, None, None]  # 0: nothing to see
    for name, values in found.items():
        proof.expect(np.isfinite(values).all(), f"{title}: {name} is not finite")
        if not name.startswith("encoder_attentions."):
            continue
        off = np.abs(values.sum(axis=-1) - row_sum).max()
        proof.expect(off <= ROW_SUM_LIMIT, f"{title}: rows of {name} miss 1 by {off:.1e}")
        hidden = np.abs(values * ~real[:, None, None, :]).max()
        proof.expect(hidden == 0, f"{title}: {name} gives padding a weight of {hidden:.1e}")


def kind_of(output: str) -> str:
    """`encoder_attentions` for `encoder_attentions.3`."""
    return output.partition(".")[0]


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
    names = classifier_names(len(norms)).outputs
    return {name: output.numpy() for name, output in zip(names, outputs, strict=True)}


def _compare(expected: Arrays, found: Arrays, title: str, proof: Proof) -> None:
    for name, reference in expected.items():
        if found[name].shape != reference.shape:
            proof.failures.append(
                f"{title}: {name} has shape {found[name].shape}, torch gives {reference.shape}"
            )
            continue
        difference = float(np.abs(found[name] - reference).max())
        kind = kind_of(name)
        proof.differences[kind] = max(difference, proof.differences.get(kind, 0.0))
        limit = LIMIT * max(1.0, float(np.abs(reference).max()))
        # Written so that a NaN fails.
        if not difference <= limit:
            proof.failures.append(
                f"{title}: {name} differs from torch by {difference:.1e}, limit {limit:.1e}"
            )


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
            difference = float(np.abs(real - single).max())
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
        _compare(expected, found, f"without layer {i} head {head}", proof)
