"""Writes greedily, always the likeliest token: one loop for torch and for onnxruntime.

Both are asked step by step, with their caches, in float32.
"""

from collections.abc import Callable

import numpy as np
import onnxruntime
from onnxruntime import OrtValue

from export.graphs.names import empty_cache, present_name

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


def graph_next_logits(
    session: onnxruntime.InferenceSession, hidden: np.ndarray, mask: np.ndarray
) -> NextLogits:
    """The steps of a decoder's graph on a batch of sources; all maps are fetched at each of them.

    Keys and values stay in onnxruntime from step to step.

    Args:
        hidden: the encoder's, (batch, source, hidden).
        mask: 1 for a real token, (batch, source).
    """
    seen = [v.name for v in session.get_outputs() if not v.name.startswith("present.")]
    past = {
        name: OrtValue.ortvalue_from_numpy(empty)
        for name, empty in empty_cache(session, len(hidden)).items()
    }
    presents = [present_name(name) for name in past]
    source = {
        "encoder_hidden_states": OrtValue.ortvalue_from_numpy(hidden),
        "encoder_attention_mask": OrtValue.ortvalue_from_numpy(mask),
    }

    def step(newest: np.ndarray) -> np.ndarray:
        feed = {"input_ids": OrtValue.ortvalue_from_numpy(newest), **source, **past}
        found = session.run_with_ort_values([*seen, *presents], feed)
        past.update(zip(past, found[len(seen) :], strict=True))
        outputs = {name: value.numpy() for name, value in zip(seen, found, strict=False)}
        return outputs["logits"][:, -1]

    return step
