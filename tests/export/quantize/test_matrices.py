"""Integer products against the numpy formula of what they claim to do."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.quantize.matrices import channel_sizes, find_outlier_channels, to_integer_products
from export.runtime.session import open_session

WIDE, OUT = 48, 20


@pytest.fixture
def matrices() -> list[np.ndarray]:
    """Two that read the same hidden states; columns of very different lengths, one nothing."""
    random = np.random.default_rng(3)
    made = []
    for _ in range(2):
        matrix = random.standard_normal((WIDE, OUT), np.float32)
        matrix *= np.exp(random.normal(0, 2, OUT)).astype(np.float32)
        matrix[:, 5] = 0
        made.append(matrix)
    return made


@pytest.fixture
def hidden() -> np.ndarray:
    """Two channels are far larger than the rest; positions differ in size, one is nothing."""
    random = np.random.default_rng(4)
    values = random.standard_normal((2, 7, WIDE), np.float32)
    values[..., [3, 30]] *= 40
    values *= np.logspace(-3, 3, 7, dtype=np.float32)[:, None]
    values[1, 2] = 0
    return values


def model_of(matrices: list[np.ndarray], *, gelu: bool = False) -> onnx.ModelProto:
    names = [f"matrix_{i}" for i in range(len(matrices))]
    nodes = [helper.make_node("Gelu" if gelu else "Identity", ["given"], ["hidden"])]
    nodes += [
        helper.make_node("MatMul", ["hidden", name], [f"result_{i}"], name=f"product_{i}")
        for i, name in enumerate(names)
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "tokens", size])
        for name, size in (("given", WIDE), *((f"result_{i}", OUT) for i in range(len(names))))
    ]
    stored = [numpy_helper.from_array(m, n) for m, n in zip(matrices, names, strict=True)]
    graph = helper.make_graph(nodes, "products", values[:1], values[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def products(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == "MatMul"]


def run(model: onnx.ModelProto, given: np.ndarray) -> list[np.ndarray]:
    onnx.checker.check_model(model)
    return open_session(model).run(None, {"given": given})


def columns(matrix: np.ndarray) -> np.ndarray:
    """A matrix after int8 with one scale a column."""
    scales = np.abs(matrix).max(axis=0) / 127
    return np.rint(matrix / np.where(scales == 0, 1, scales)) * scales


def rows(hidden: np.ndarray) -> np.ndarray:
    """Hidden states after 8 bit with one scale a position."""
    scales = np.abs(hidden).max(axis=-1, keepdims=True) / 127
    return np.rint(hidden / np.where(scales == 0, 1, scales)) * scales


@pytest.mark.parametrize("apart", [[], [3, 30]], ids=["all in 8 bit", "two channels apart"])
def test_products_are_the_formula(
    matrices: list[np.ndarray], hidden: np.ndarray, apart: list[int]
) -> None:
    model = model_of(matrices)
    channels = {"hidden": np.array(apart, np.int64)}

    to_integer_products(model, products(model), channels)

    rest = hidden.copy()
    rest[..., apart] = 0
    for found, matrix in zip(run(model, hidden), matrices, strict=True):
        small = matrix.copy()
        small[apart] = 0
        expected = rows(rest) @ columns(small) + hidden[..., apart] @ matrix[apart]
        sizes = np.abs(expected).max(axis=-1, keepdims=True)
        assert np.abs(found - expected).max() <= 1e-5 * sizes.max()
        assert (np.abs(found - expected) <= 1e-4 * sizes + 1e-12).all(), "small positions as well"
        assert (found[1, 2] == 0).all(), "nothing in, nothing out"


def test_channels_apart_make_the_rest_finer(matrices: list[np.ndarray], hidden: np.ndarray) -> None:
    exact = hidden @ matrices[0]
    errors = []
    for apart in ([], [3, 30]):
        model = model_of(matrices[:1])
        to_integer_products(model, products(model), {"hidden": np.array(apart, np.int64)})
        relative = np.abs(run(model, hidden)[0] - exact) / (
            np.abs(exact).max(-1, keepdims=True) + 1e-9
        )
        errors.append(relative.mean())
    assert errors[1] < errors[0] / 4


def test_after_gelu_the_steps_are_finer_and_nothing_is_cut_off(
    matrices: list[np.ndarray],
) -> None:
    given = np.random.default_rng(5).uniform(-6, 6, (1, 9, WIDE)).astype(np.float32)
    given[0, 0], given[0, 1] = -0.75, 0.01  # GELU's lowest value, and a row of tiny ones
    exact = run(model_of(matrices[:1], gelu=True), given)[0]
    model = model_of(matrices[:1], gelu=True)

    to_integer_products(model, products(model), {})

    (found,) = run(model, given)
    step = 6 / 239
    reach = np.abs(matrices[0]).sum(axis=0)
    of_weights = 6 * WIDE * np.abs(matrices[0]).max(axis=0) / 254
    assert (np.abs(found - exact) <= step / 2 * reach + of_weights + 1e-4).all()
    assert np.abs(found[0, 0] - exact[0, 0]).max() < 0.2 * np.abs(exact[0, 0]).max()


@pytest.mark.parametrize("one_scale", [False, True], ids=["rows", "one scale"])
def test_uint8_weights_give_the_same_numbers(
    matrices: list[np.ndarray], hidden: np.ndarray, one_scale: bool
) -> None:
    """What is exact without VNNI is what VNNI gives."""
    results = []
    for unsigned in (False, True):
        model = model_of(matrices)
        to_integer_products(model, products(model), {}, one_scale=one_scale, unsigned=unsigned)
        kinds = {
            numpy_helper.to_array(t).dtype for t in model.graph.initializer if "8bit" in t.name
        }
        assert kinds == {np.dtype(np.uint8 if unsigned else np.int8)}
        results.append(run(model, hidden))
    for signed, same in zip(*results, strict=True):
        np.testing.assert_array_equal(signed, same)


def test_weights_that_16_bits_cannot_add_up_are_multiplied_exactly() -> None:
    """255 x 127 + 255 x 127 is more than 32767: without VNNI onnxruntime would cut it off there."""
    model = model_of([np.full((WIDE, OUT), 1, np.float32)])
    to_integer_products(model, products(model), {}, unsigned=True)

    (found,) = run(model, np.full((1, 3, WIDE), 2, np.float32))

    np.testing.assert_allclose(found, 2 * WIDE, rtol=1e-6)


def test_one_scale_is_the_formula(matrices: list[np.ndarray]) -> None:
    given = np.random.default_rng(6).standard_normal((2, 5, WIDE), np.float32)
    model = model_of(matrices)

    to_integer_products(model, products(model), {}, one_scale=True)

    scale = (max(given.max(), 0) - min(given.min(), 0)) / 255
    zero = np.rint(-min(given.min(), 0) / scale)
    stored = (np.clip(np.rint(given / scale) + zero, 0, 255) - zero) * scale
    for found, matrix in zip(run(model, given), matrices, strict=True):
        expected = stored @ columns(matrix)
        np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


def test_the_largest_channels_are_found_and_few_stay_apart(
    matrices: list[np.ndarray], hidden: np.ndarray
) -> None:
    sizes = channel_sizes(model_of(matrices), ["hidden"], {"given": hidden})

    np.testing.assert_allclose(sizes["hidden"], np.abs(hidden).max(axis=(0, 1)))
    assert find_outlier_channels(sizes["hidden"], 2).tolist() == [3, 30]
    assert len(find_outlier_channels(sizes["hidden"], 40)) == WIDE // 16
    assert len(find_outlier_channels(np.ones(8), 8)) == 0
