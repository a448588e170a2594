"""One text, one token after another: always the likeliest word, or one drawn by its probability."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from explorer.decoding.graph import DecoderGraph, Past
from explorer.decoding.processors import against_repeats, for_sampling, softmax
from explorer.decoding.settings import Settings
from explorer.decoding.step import Step, make_step


def write_one_by_one(
    graph: DecoderGraph, past: Past, settings: Settings
) -> Iterator[tuple[Step, ...]]:
    """Gives all steps so far after every new one. Whoever stops asking stops the writing."""
    random = np.random.default_rng(settings.seed)
    written = [graph.decoder.start_id]
    steps: tuple[Step, ...] = ()
    for _ in range(settings.max_tokens):
        outputs, past = graph.run(np.array([written[-1:]], np.int64), past)
        logits = outputs.logits[0, -1]
        token = _choose(against_repeats(logits, written, settings), settings, random)
        written.append(token)
        steps += (
            make_step(
                token,
                logits,
                outputs.self_weights[0, :, :, -1],
                outputs.cross_weights[0, :, :, -1],
                outputs.cross_value_norms,
            ),
        )
        yield steps
        if token == graph.decoder.end_id:
            return


def _choose(scores: NDArray[np.float32], settings: Settings, random: np.random.Generator) -> int:
    if settings.strategy == "greedy":
        return int(scores.argmax())
    # A draw needs probabilities that add up to 1 in double precision.
    probabilities = softmax(for_sampling(scores, settings).astype(np.float64))
    return int(random.choice(len(probabilities), p=probabilities))
