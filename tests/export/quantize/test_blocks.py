"""Products in blocks against what they stand for: an input that is rounded twice, words that are
looked up and scored by one matrix, and weights that lie on a grid already."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.quantize.block_scales import pack_blocks
from export.quantize.blocks import to_blocks, words_to_blocks
from export.quantize.schemes import BlockwiseInt8
from export.runtime.session import open_session

RANDOM = np.random.default_rng(0)
ONCE, TWICE = BlockwiseInt8(16), BlockwiseInt8(16, residual=True)


def two_products(width: int) -> onnx.ModelProto:
    """Two matrices read one input of any number of axes."""
    random = np.random.default_rng(1)
    matrices = [
        numpy_helper.from_array(random.standard_normal((width, n), np.float32), name)
        for name, n in (("wide", 24), ("narrow", 8))
    ]
    nodes = [
        helper.make_node("MatMul", ["hidden", name], [f"of_{name}"], name=f"by_{name}")
        for name in ("wide", "narrow")
    ]
    sizes = {"hidden": width, "of_wide": 24, "of_narrow": 8}
    hidden, *results = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "target", size])
        for name, size in sizes.items()
    )
    graph = helper.make_graph(nodes, "products", [hidden], results, matrices)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def tied(table: np.ndarray) -> onnx.ModelProto:
    """Looks words up in the columns of a table, and scores hidden states with the same table."""
    width, words = table.shape
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["columns"], axis=1),
        helper.make_node("Transpose", ["columns"], ["embedded"], perm=[1, 2, 0]),
        helper.make_node("MatMul", ["hidden", "table"], ["logits"], name="head"),
    ]
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "target"])
    hidden, embedded, logits = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "target", size])
        for name, size in (("hidden", width), ("embedded", width), ("logits", words))
    )
    stored = [numpy_helper.from_array(table, "table")]
    graph = helper.make_graph(nodes, "tied", [ids, hidden], [embedded, logits], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def moved(width: int, kind: BlockwiseInt8, hidden: np.ndarray) -> float:
    """How far the products are at most from those of the weights that the blocks stand for."""
    model = two_products(width)
    matrices = [numpy_helper.to_array(one) for one in model.graph.initializer]
    to_blocks(model, ["by_wide", "by_narrow"], kind)
    onnx.checker.check_model(model, full_check=True)
    found = open_session(model).run(None, {"hidden": hidden})
    furthest = 0.0
    for matrix, result in zip(matrices, found, strict=True):
        expected = hidden @ restored(matrix, kind.size)
        assert result.shape == expected.shape
        furthest = max(furthest, np.abs(result - expected).max(initial=0))
    return furthest


def restored(matrix: np.ndarray, size: int) -> np.ndarray:
    integers, scales = pack_blocks(matrix, size)
    blocks = (integers.astype(np.float32) - 128) * scales[..., None]
    return blocks.reshape(len(blocks), -1)[:, : len(matrix)].T


def test_a_residual_brings_products_to_those_of_float_activations() -> None:
    hidden = RANDOM.standard_normal((2, 3, 48), np.float32)
    hidden[..., 5] *= 50

    once, twice = (moved(48, kind, hidden) for kind in (ONCE, TWICE))

    assert once > 0.1
    assert twice < once / 50


def test_without_positions_there_are_no_products() -> None:
    assert moved(48, TWICE, np.zeros((2, 0, 48), np.float32)) == 0


def test_a_width_that_blocks_do_not_divide_is_rounded_once() -> None:
    hidden = RANDOM.standard_normal((1, 2, 40), np.float32)

    assert moved(40, TWICE, hidden) == moved(40, ONCE, hidden) > 0


@pytest.mark.parametrize("width", [32, 40])
def test_words_are_looked_up_in_what_scores_them(width: int) -> None:
    table = RANDOM.standard_normal((width, 11), np.float32)
    table[:, 4] = 0
    hidden = RANDOM.standard_normal((1, 11, width), np.float32)
    model = tied(table)

    words_to_blocks(model, TWICE)

    onnx.checker.check_model(model, full_check=True)
    assert "table" not in {tensor.name for tensor in model.graph.initializer}
    feed = {"input_ids": np.arange(11)[None], "hidden": hidden}
    embedded, logits = open_session(model).run(["embedded", "logits"], feed)
    near = restored(table, 16)
    np.testing.assert_allclose(embedded[0], near.T, atol=1e-6)
    np.testing.assert_allclose(logits, hidden @ near, atol=0.1 if width % 16 else 2e-3)


def test_weights_are_as_near_as_eight_bits_are_and_zeros_stay() -> None:
    matrix = RANDOM.standard_normal((40, 3), np.float32)
    matrix[:32, 1] = 0

    integers, scales = pack_blocks(matrix, 32)

    assert (integers.shape, scales.shape) == ((3, 2, 32), (3, 2))
    assert (integers[1, 0] == 128).all()
    steps = np.abs(matrix[:32]).max(axis=0) / 128
    assert (np.abs(restored(matrix, 32) - matrix)[:32] <= steps * 1.01).all()


@pytest.mark.parametrize(
    ("levels", "offset", "share"),
    [(15, -8.0, 1e-3), (15, -7.3, 0.6), (254, -127.0, 1e-3)],
    ids=["4 bit, symmetric", "4 bit, with an offset", "8 bit"],
)
def test_weights_of_a_grid_keep_its_steps(levels: int, offset: float, share: float) -> None:
    """Beside a matrix that has the same largest weights and no grid."""
    places = RANDOM.integers(0, levels + 1, (64, 40))
    places[::32], places[1::32], places[2::32] = 0, levels, 1
    grid = (0.037 * (places + offset)).astype(np.float32)
    noise = (grid + RANDOM.uniform(-0.01, 0.01, grid.shape)).astype(np.float32)

    on_grid, off_grid = (np.abs(restored(one, 32) - one).mean() for one in (grid, noise))

    assert on_grid < share * off_grid
