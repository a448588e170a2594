"""The proof bites: a graph that is opened wrongly in one place is told by what it gives."""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.any_model.opening import make_graph
from export.any_model.proof import Definition, prove_model
from export.any_model.random_models import random_model
from export.any_model.refusal import Refusal
from export.graphs.names import classifier_names
from export.graphs.tasks import TASKS
from export.loading.encoders import make_spec
from export.runtime.session import open_session, run
from export.verification.checks import Checks


@pytest.fixture(scope="module")
def theirs() -> Definition:
    model = random_model("mpnet", TASKS["classify"], num_hidden_layers=2)
    spec, _ = make_spec(model)
    return Definition(model, spec, classifier_names(spec, 4))


@pytest.fixture
def opened(theirs: Definition, traced_once: Callable[..., onnx.ModelProto]) -> onnx.ModelProto:
    model = random_model("mpnet", TASKS["classify"], num_hidden_layers=2)
    return traced_once("mpnet", lambda: make_graph(model, theirs.spec, theirs.names))


def prove(graph: onnx.ModelProto, theirs: Definition) -> Checks:
    return prove_model(graph, partial(run, open_session(graph)), theirs, 20)


def layers_change_places(graph: onnx.GraphProto) -> None:
    names = {"encoder_attentions.0": "encoder_attentions.1"}
    names |= {one: other for other, one in names.items()}
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]


def mask_is_of_another_layer(graph: onnx.GraphProto) -> None:
    change(graph, "head_mask.0.layer", lambda _: np.array(1))


def roots_are_of_other_heads(graph: onnx.GraphProto) -> None:
    change(graph, "encoder_value_norms.1.root", lambda roots: roots[:, ::-1])


def mask_does_more_than_remove(graph: onnx.GraphProto) -> None:
    change(graph, "head_mask", lambda ones: ones * 1.001)


def weights_are_another_models(graph: onnx.GraphProto) -> None:
    (last,) = (t.name for t in graph.initializer if t.name.endswith("out_proj.bias"))
    change(graph, last, lambda bias: bias + 0.01)


def change(graph: onnx.GraphProto, name: str, made: Callable[[np.ndarray], np.ndarray]) -> None:
    (tensor,) = (tensor for tensor in graph.initializer if tensor.name == name)
    array = np.ascontiguousarray(made(numpy_helper.to_array(tensor)))
    shape = array.shape if tensor.dims else ()
    tensor.CopyFrom(numpy_helper.from_array(array.reshape(shape), name))


def test_where_a_graph_stops_is_told_in_a_sentence(
    opened: onnx.ModelProto, theirs: Definition
) -> None:
    (table,) = (t.name for t in opened.graph.initializer if tuple(t.dims) == (41, 40))
    change(opened.graph, table, lambda rows: rows[:11])

    with pytest.raises(Refusal) as refused:
        prove(opened, theirs)

    said = str(refused.value)
    assert said.startswith(
        "its graph stops at 3 texts of 17 tokens, so it may have fewer positions"
    )
    assert "onnxruntime: " in said
    assert said.isprintable()


def test_a_graph_as_it_was_opened_holds(opened: onnx.ModelProto, theirs: Definition) -> None:
    checks = prove(opened, theirs)

    assert checks.failures == []
    assert checks.differences.keys() == {
        *("logits", "last_hidden_state", "encoder_attentions"),
        *("without a head", "encoder_value_norms"),
    }
    assert max(checks.differences.values()) < 1e-4


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (layers_change_places, "encoder_attentions.0 differs from torch"),
        (mask_is_of_another_layer, "without layer 0 head 0: encoder_attentions.1 differs"),
        (roots_are_of_other_heads, "by their definition: encoder_value_norms.1 differs"),
        (mask_does_more_than_remove, "a head_mask of ones changes"),
        (weights_are_another_models, "logits differs from torch"),
    ],
)
def test_one_wrong_place_is_told(
    spoil: Callable[[onnx.GraphProto], None],
    expected: str,
    opened: onnx.ModelProto,
    theirs: Definition,
) -> None:
    spoil(opened.graph)

    assert any(expected in failure for failure in prove(opened, theirs).failures)
