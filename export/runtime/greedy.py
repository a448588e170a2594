"""Writes greedily, always the likeliest token: one loop for torch and for onnxruntime.

Both are asked step by step, with their caches, in float32.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnxruntime
from onnxruntime import OrtValue

from decoding.rules import Rules
from export.graphs.names import empty_cache, input_names, present_name

NextLogits = Callable[[np.ndarray], np.ndarray]
"""Takes the newest token of every text, (batch, 1), and scores the next, (batch, vocabulary)."""


def write_greedily(
    step: NextLogits, batch: int, *, start: int, end: int | None, most: int
) -> list[list[int]]:
    """The token ids of each text of a batch, without `start` and `end`, at most `most` of them.

    `end` is None for texts that are not to end by themselves.
    """
    newest = np.full((batch, 1), start, np.int64)
    written: list[np.ndarray] = []
    ended = np.zeros(batch, bool)
    for _ in range(most):
        newest = step(newest).argmax(axis=-1)[:, None]
        written.append(newest)
        ended |= newest[:, 0] == end
        if ended.all():
            break
    rows = np.concatenate(written, axis=1).tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def write_by_rules(step: NextLogits, given: Sequence[int], rules: Rules) -> list[int]:
    """The token ids of one text behind what is given, the end among them, as `generate` has them.

    Args:
        step: takes the newest tokens of the one text, (1, new), at first all that is given.
        given: the start token, or a prompt.
    """
    ids, newest = list(given), list(given)
    longest = rules.longest or len(ids)
    while len(ids) < longest:
        scores = rules.apply(step(np.array([newest], np.int64))[0], ids)
        newest = [int(scores.argmax())]
        ids += newest
        if newest[0] in rules.ends:
            break
    return ids[len(given) :]


def graph_next_logits(
    session: onnxruntime.InferenceSession, hidden: np.ndarray, mask: np.ndarray
) -> NextLogits:
    """The steps of a decoder's graph on a batch of sources; all maps are fetched at each of them.

    Keys and values stay in onnxruntime from step to step.

    Args:
        hidden: the encoder's, (batch, source, hidden).
        mask: 1 for a real token, (batch, source).
    """
    source = {
        "encoder_hidden_states": OrtValue.ortvalue_from_numpy(hidden),
        "encoder_attention_mask": OrtValue.ortvalue_from_numpy(mask),
    }
    return _steps(session, len(hidden), lambda _: source)


def lone_next_logits(session: onnxruntime.InferenceSession) -> NextLogits:
    """The steps of the graph of a decoder alone on one text, as `graph_next_logits`."""
    tells_positions = "position_ids" in input_names(session)
    written = 0

    def beside(new: int) -> dict[str, OrtValue]:
        nonlocal written
        places = np.arange(written, written + new)[None]
        written += new
        given = {"attention_mask": np.ones((1, written), np.int64)}
        given |= {"position_ids": places} if tells_positions else {}
        return {name: OrtValue.ortvalue_from_numpy(array) for name, array in given.items()}

    return _steps(session, 1, beside)


def _steps(
    session: onnxruntime.InferenceSession,
    batch: int,
    beside: Callable[[int], Mapping[str, OrtValue]],
) -> NextLogits:
    """Runs of a decoder's graph, each with the cache of those before.

    Args:
        beside: gives the inputs of a step of so many new tokens, but for these and the past.
    """
    seen = [v.name for v in session.get_outputs() if not v.name.startswith("present.")]
    past = {
        name: OrtValue.ortvalue_from_numpy(empty)
        for name, empty in empty_cache(session, batch).items()
    }
    presents = [present_name(name) for name in past]

    def step(newest: np.ndarray) -> np.ndarray:
        given = beside(newest.shape[1])
        feed = {"input_ids": OrtValue.ortvalue_from_numpy(newest), **given, **past}
        found = session.run_with_ort_values([*seen, *presents], feed)
        past.update(zip(past, found[len(seen) :], strict=True))
        outputs = {name: value.numpy() for name, value in zip(seen, found, strict=False)}
        return outputs["logits"][:, -1]

    return step
