"""The traced graph: names, axes, the optional input, and `transformers` as the judge."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from transformers import BertForSequenceClassification

from export.runtime.session import open_session, run

TEXT = ("input_ids", "attention_mask", "token_type_ids")


def feed(batch: int, tokens: int, vocabulary: int = 40) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    mask = np.ones((batch, tokens), np.int64)
    mask[-1, max(1, tokens // 2) :] = 0
    return {
        "input_ids": random.integers(0, vocabulary, (batch, tokens)),
        "attention_mask": mask,
        "token_type_ids": random.integers(0, 2, (batch, tokens)),
    }


def declared(values) -> dict[str, list[str | int]]:
    return {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in values
    }


def test_names_and_axes_are_those_of_the_contract(graph: onnx.ModelProto) -> None:
    square = ["batch", 2, "sequence", "sequence"]

    assert declared(graph.graph.input) == {
        **{name: ["batch", "sequence"] for name in TEXT},
        "head_mask": ["head_mask_batch", 2, 2],
    }
    assert declared(graph.graph.output) == {
        "logits": ["batch", 3],
        "last_hidden_state": ["batch", "sequence", 32],
        "encoder_attentions.0": square,
        "encoder_attentions.1": square,
        "encoder_value_norms.0": ["batch", 2, "sequence"],
        "encoder_value_norms.1": ["batch", 2, "sequence"],
    }


def test_the_head_mask_is_invisible_to_clients_that_do_not_know_it(graph: onnx.ModelProto) -> None:
    session = open_session(graph)

    assert [value.name for value in session.get_inputs()] == list(TEXT)
    assert [value.name for value in session.get_overridable_initializers()] == ["head_mask"]


def test_each_row_of_a_batch_may_have_its_own_head_mask(graph: onnx.ModelProto) -> None:
    session = open_session(graph)
    one = {name: array[:1] for name, array in feed(2, 6).items()}
    masks = np.ones((3, 2, 2), np.float32)
    masks[1, 0, 1] = masks[2, 1, 0] = 0

    together = run(session, {n: a.repeat(3, axis=0) for n, a in one.items()} | {"head_mask": masks})

    for row in range(3):
        alone = run(session, one | {"head_mask": masks[row : row + 1]})
        np.testing.assert_allclose(together["logits"][row], alone["logits"][0], atol=1e-6)
    assert len(np.unique(together["logits"].round(6), axis=0)) == 3


def test_only_standard_operators_no_if_and_no_trace_of_the_machine(graph: onnx.ModelProto) -> None:
    assert [(opset.domain, opset.version) for opset in graph.opset_import] == [("", 20)]
    assert "If" not in {node.op_type for node in graph.graph.node}
    assert str(Path(__file__).parents[3]).encode() not in graph.SerializeToString()
    assert b"site-packages" not in graph.SerializeToString()


def test_the_weights_are_stored_once(graph: onnx.ModelProto, model) -> None:
    stored = sum(len(tensor.raw_data) for tensor in graph.graph.initializer)
    needed = sum(4 * parameter.numel() for parameter in model.parameters())

    # Beside the weights: the roots of the value norms, the columns of the padding, few constants.
    roots, columns = 4 * 2 * 2 * 16 * 16, 4 * 2 * 2 * 2 * 32
    assert needed < stored < needed + roots + columns + 500


@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (3, 9), (2, 32)])
def test_the_reference_evaluator_of_onnx_agrees(
    graph: onnx.ModelProto, batch: int, tokens: int
) -> None:
    given = feed(batch, tokens)
    names = [value.name for value in graph.graph.output]

    # The evaluator does not know inputs with a default, so the mask is given.
    full = given | {"head_mask": np.ones((1, 2, 2), np.float32)}
    expected = dict(zip(names, ReferenceEvaluator(graph).run(None, full), strict=True))

    for name, values in run(open_session(graph), given).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5, err_msg=name)


def test_transformers_gives_the_same_logits_and_maps(
    graph: onnx.ModelProto, checkpoint: Path
) -> None:
    theirs = BertForSequenceClassification.from_pretrained(checkpoint, attn_implementation="eager")
    given = feed(3, 11)

    found = run(open_session(graph), given)

    with torch.no_grad():
        expected = theirs.eval()(
            **{name: torch.from_numpy(array) for name, array in given.items()},
            output_attentions=True,
            output_hidden_states=True,
        )
    assert len(expected.attentions) == 2
    np.testing.assert_allclose(found["logits"], expected.logits, atol=1e-4)
    real = given["attention_mask"].astype(bool)
    hidden = expected.hidden_states[-1].numpy()
    np.testing.assert_allclose(found["last_hidden_state"][real], hidden[real], atol=1e-4)
    for layer, weights in enumerate(expected.attentions):
        np.testing.assert_allclose(found[f"encoder_attentions.{layer}"], weights, atol=1e-4)
