"""Which of a graph's matrices must be exact: each is made 8 bit alone, and the maps are compared.

An error in an early layer reaches the maps of all layers behind it, one in the last layer's
feed-forward reaches none; and some inputs hold numbers many times as large as the rest, which cost
the others their steps. So a quarter of the matrices makes most of the error, and which these are is
the model's own. Random tokens rank them much as texts do.
"""

from collections.abc import Callable, Iterable

import numpy as np
import onnx
import onnxruntime

from export.sessions import open_session

_TEXTS, _TOKENS = 24, 16


def rank(
    model: onnx.ModelProto, places: Iterable[str], alone: Callable[[str], onnx.ModelProto]
) -> list[str]:
    """Places of a graph of an encoder, the most sensitive first.

    Args:
        model: the float32 graph.
        places: their names.
        alone: the graph with nothing but that place in 8 bit.
    """
    feed = random_feed(model)
    exact = _outputs(open_session(model), feed)
    moved = {place: _moved(exact, _outputs(open_session(alone(place)), feed)) for place in places}
    return sorted(moved, key=lambda place: moved[place], reverse=True)


def random_feed(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Texts of random tokens for a graph of an encoder, the same each time."""
    table = next(node.input[0] for node in model.graph.node if "input_ids" in node.input)
    words = next(tensor.dims[0] for tensor in model.graph.initializer if tensor.name == table)
    ids = np.random.default_rng(0).integers(0, words, (_TEXTS, _TOKENS))
    feed = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
    return {given.name: feed[given.name] for given in model.graph.input if given.name in feed}


def _outputs(
    session: onnxruntime.InferenceSession, feed: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def _moved(exact: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> tuple[float, float]:
    """How far the maps' rows moved on average; and the hidden states, which tell the last apart."""
    maps = [name for name in exact if "attentions" in name]
    apart = [np.abs(found[name] - exact[name]).sum(axis=-1).mean() for name in maps]
    hidden = np.abs(found["last_hidden_state"] - exact["last_hidden_state"]).mean()
    return float(np.mean(apart)), float(hidden)
