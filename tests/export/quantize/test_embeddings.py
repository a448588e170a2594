"""The one int8 table of a decoder, and a head with a matrix of its own, against the numpy formula
of what they claim to do."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.quantize.graph import quantize, random_texts
from export.quantize.matrices import quantize_table
from export.quantize.schemes import Float32, Scheme
from export.runtime.session import open_session

WORDS = 11


def tied(table: np.ndarray) -> onnx.ModelProto:
    """Looks words up in the columns of a table, and scores hidden states with the same table."""
    hidden = len(table)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["columns"], axis=1),
        helper.make_node("Transpose", ["columns"], ["embedded"], perm=[1, 2, 0]),
        helper.make_node("MatMul", ["hidden", "table"], ["logits"]),
    ]
    sizes = {
        "input_ids": (TensorProto.INT64, ["batch", "target"]),
        "hidden": (TensorProto.FLOAT, ["batch", "target", hidden]),
        "embedded": (TensorProto.FLOAT, ["batch", "target", hidden]),
        "logits": (TensorProto.FLOAT, ["batch", "target", WORDS]),
    }
    values = [helper.make_tensor_value_info(name, *size) for name, size in sizes.items()]
    graph = helper.make_graph(
        nodes, "tied", values[:2], values[2:], [numpy_helper.from_array(table, "table")]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture(params=[1, 5, 24, 33])
def table(request: pytest.FixtureRequest) -> np.ndarray:
    """Words of very different lengths, one of them nothing; no width is a multiple of 32."""
    random = np.random.default_rng(request.param)
    lengths = np.exp(random.normal(0, 2, WORDS)).astype(np.float32)
    lengths[4] = 0
    return random.standard_normal((request.param, WORDS), np.float32) * lengths


def in_8_bit(table: np.ndarray, hidden: np.ndarray) -> dict[str, np.ndarray]:
    model = tied(table)
    quantize_table(model)
    onnx.checker.check_model(model, full_check=True)
    feed = {"input_ids": np.arange(WORDS)[None], "hidden": hidden}
    embedded, logits = open_session(model).run(["embedded", "logits"], feed)
    return {"embedded": embedded[0], "logits": logits[0]}


def test_random_texts_are_of_all_words_of_a_table_that_is_read_by_columns() -> None:
    ids = random_texts(tied(np.ones((4, WORDS), np.float32)))["input_ids"]

    assert set(ids.ravel()) == set(range(WORDS))


def test_lookup_and_head_are_the_formula(table: np.ndarray) -> None:
    random = np.random.default_rng(0)
    hidden = random.standard_normal((1, WORDS, len(table)), np.float32)

    found = in_8_bit(table, hidden)

    scales = np.abs(table).max(axis=0) / 127
    words = np.rint(table / np.where(scales == 0, 1, scales))
    sizes = np.abs(hidden[0]).max(axis=1, keepdims=True) / 127
    rounded = np.rint(hidden[0] / sizes)
    assert np.abs(words).max() == np.abs(rounded).max() == 127
    np.testing.assert_allclose(found["embedded"], (words * scales).T, rtol=1e-6)
    expected = (rounded @ words) * scales * sizes
    np.testing.assert_allclose(found["logits"], expected, rtol=1e-5, atol=1e-6)


def test_a_position_does_not_depend_on_those_that_run_with_it(table: np.ndarray) -> None:
    """One scale for all of them would leave nothing of the small ones."""
    random = np.random.default_rng(1)
    hidden = random.standard_normal((1, WORDS, len(table)), np.float32)
    hidden *= np.logspace(-4, 4, WORDS, dtype=np.float32)[None, :, None]

    together = in_8_bit(table, hidden)["logits"]

    for position in range(WORDS):
        alone = in_8_bit(table, hidden[:, [position]])["logits"][0]
        np.testing.assert_array_equal(together[position], alone)
        assert np.abs(alone).max() > 0


def test_a_hidden_state_of_zeros_scores_zeros(table: np.ndarray) -> None:
    found = in_8_bit(table, np.zeros((1, 1, len(table)), np.float32))

    assert (found["logits"] == 0).all()


def test_the_table_is_stored_once(table: np.ndarray) -> None:
    model = tied(table)

    quantize_table(model)

    stored = [t for t in model.graph.initializer if list(t.dims) == list(table.shape)]
    assert [numpy_helper.to_array(t).dtype for t in stored][:1] == [np.int8]
    assert len(stored) == (2 if len(table) == 1 else 1), "one row of scales looks the same"


def untied(table: np.ndarray) -> onnx.ModelProto:
    """As a masked language model whose head is a matrix of its own: twice the table, turned."""
    hidden = len(table)
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["last_hidden_state"]),
        helper.make_node("MatMul", ["last_hidden_state", "head"], ["logits"]),
    ]
    sizes = {
        "input_ids": (TensorProto.INT64, ["batch", "target"]),
        "last_hidden_state": (TensorProto.FLOAT, ["batch", "target", hidden]),
        "logits": (TensorProto.FLOAT, ["batch", "target", WORDS]),
    }
    values = [helper.make_tensor_value_info(name, *size) for name, size in sizes.items()]
    stored = {"words": np.ascontiguousarray(table.T), "head": 2 * table[::-1]}
    weights = [numpy_helper.from_array(np.array(one), name) for name, one in stored.items()]
    graph = helper.make_graph(nodes, "untied", values[:1], values[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("unsigned", [False, True])
def test_a_head_with_a_matrix_of_its_own_is_the_formula_too(
    table: np.ndarray, unsigned: bool
) -> None:
    whole = untied(table)

    small = quantize(whole, Scheme(Float32()), unsigned=unsigned)

    onnx.checker.check_model(small, full_check=True)
    assert {t.data_type for t in small.graph.initializer if t.name.endswith(".8bit")} <= {2, 3}
    assert {"words", "head"}.isdisjoint(t.name for t in small.graph.initializer)
    names = ["last_hidden_state", "logits"]
    hidden, logits = open_session(small).run(names, {"input_ids": np.arange(WORDS)[None]})
    head = 2 * table[::-1]
    scales = np.abs(head).max(axis=0) / 127
    words = np.rint(head / np.where(scales == 0, 1, scales))
    sizes = np.abs(hidden[0]).max(axis=1, keepdims=True) / 127
    rounded = np.rint(hidden[0] / np.where(sizes == 0, 1, sizes))
    expected = (rounded @ words) * scales * sizes
    np.testing.assert_allclose(logits[0], expected, rtol=1e-4, atol=1e-5)
