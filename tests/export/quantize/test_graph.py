"""The 8-bit graph against the arithmetic it claims to do, and what it must leave alone."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.eval_texts import HeldOut
from export.graphs.encoder import encoder_names
from export.quantize.agreement import compare_encoders
from export.quantize.graph import quantize
from export.runtime.session import open_session, run
from export.verification.checks import Checks, check_maps
from export.verification.inputs import sample_batches
from training.data.batches import EncodedText


@pytest.fixture(scope="module")
def small(graph: onnx.ModelProto) -> onnx.ModelProto:
    before = graph.SerializeToString(deterministic=True)
    made = quantize(graph)
    assert graph.SerializeToString(deterministic=True) == before, (
        "the float32 graph is left as it was"
    )
    return made


def arrays(graph: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}


def test_every_large_matrix_is_8_bit_and_the_attention_products_stay(
    graph: onnx.ModelProto, small: onnx.ModelProto
) -> None:
    def count(model: onnx.ModelProto, kind: str) -> int:
        return sum(node.op_type == kind for node in model.graph.node)

    # Of 8 matrices (queries, keys and values are one): a third each.
    assert count(small, "MatMulNBits") == 3
    assert count(small, "MatMulIntegerToFloat") == 5
    # Scores, context and value norms have no weights, or tiny ones; the channels that stay apart.
    assert count(small, "MatMul") == 2 * 3 + 3
    assert count(small, "Softmax") == count(graph, "Softmax") == 2
    assert small.ByteSize() < 0.6 * graph.ByteSize()


def test_each_row_of_the_embeddings_has_its_own_scale(
    graph: onnx.ModelProto, small: onnx.ModelProto
) -> None:
    name = "model.encoder.embeddings.word.weight"
    table, stored = arrays(graph)[name], arrays(small)

    restored = stored[f"{name}.8bit"].astype(np.float32) * stored[f"{name}.scales"]

    steps = np.abs(table).max(axis=1, keepdims=True) / 127
    assert (np.abs(restored - table) <= steps / 2 + 1e-7).all()
    assert name not in stored
    assert not np.isnan(stored[f"{name}.scales"]).any(), "the padding row is all zeros"


def test_form_and_invariants_of_the_maps_hold(small: onnx.ModelProto, model) -> None:
    checks, session = Checks(), open_session(small)

    checks.check_form(small, encoder_names(model))
    for title, feed in sample_batches(model.encoder.config):
        check_maps(run(session, feed), feed["attention_mask"], title, checks)

    assert checks.failures == []


def test_agreement_is_measured_on_real_tokens_only(graph: onnx.ModelProto) -> None:
    """The same graph twice agrees wholly; a graph with another table does not."""
    texts = [EncodedText(tuple(range(2, 2 + n)), (0,) * n, n % 3, n) for n in (3, 4, 9, 12, 20, 31)]
    session = open_session(graph)
    other = onnx.ModelProto()
    other.CopyFrom(graph)
    table = next(t for t in other.graph.initializer if t.name.endswith("word.weight"))
    shuffled = numpy_helper.to_array(table)[::-1].copy()
    table.CopyFrom(numpy_helper.from_array(shuffled, table.name))

    same = compare_encoders(session, session, HeldOut(texts, True), pad_id=0)
    far = compare_encoders(session, open_session(other), HeldOut(texts, False), pad_id=0)

    assert (same.texts.texts, same.texts.same_label, same.map_error.max) == (6, 1.0, 0.0)
    assert same.texts.accuracy_8bit is not None
    assert same.texts.accuracy_float32 == same.texts.accuracy_8bit
    assert far.texts.accuracy_8bit is None
    assert 0.01 < far.map_error.mean < far.map_error.p99 <= far.map_error.max <= 1


def test_map_error_is_the_total_variation_distance(
    graph: onnx.ModelProto, small: onnx.ModelProto
) -> None:
    text = EncodedText((2, 7, 9, 3), (0, 0, 0, 0), 0, 4)
    sessions = open_session(graph), open_session(small)

    agreement = compare_encoders(*sessions, HeldOut([text], False), pad_id=0)

    feed = {
        "input_ids": np.array([text.token_ids]),
        "attention_mask": np.ones((1, 4), np.int64),
        "token_type_ids": np.zeros((1, 4), np.int64),
    }
    full, eight = (run(session, feed) for session in sessions)
    rows = [
        0.5 * np.abs(full[f"encoder_attentions.{i}"] - eight[f"encoder_attentions.{i}"]).sum(-1)
        for i in range(2)
    ]
    assert agreement.map_error.mean == pytest.approx(np.mean(rows), rel=1e-4)
    assert agreement.map_error.max == pytest.approx(np.max(rows), rel=1e-4)
