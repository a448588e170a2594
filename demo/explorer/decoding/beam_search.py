"""Beam search: several beginnings are kept, and the one whose end scores best per token wins."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.decoding.graph import DecoderGraph, Outputs, Past
from explorer.decoding.processors import against_repeats, log_softmax
from explorer.decoding.settings import Settings
from explorer.decoding.step import Step, make_step


@dataclass(frozen=True, slots=True)
class Beam:
    """A text so far. Texts with one beginning share its steps."""

    score: np.float32
    """The sum of the tokens' log probabilities; of a text that ended, per token."""
    ids: tuple[int, ...]
    """The start token and all that was written."""
    steps: tuple[Step, ...] = ()


def beam_search(graph: DecoderGraph, past: Past, settings: Settings) -> Iterator[tuple[Step, ...]]:
    """Gives the steps of the best text so far after every token, and of the winner at last.

    The same texts as `transformers` finds with length_penalty 1.0 and early_stopping False: a text
    that ended is worth its log probability per token, and the search goes on until the best
    beginning, at its present length, is worth less than the worst of `beams` texts that ended.
    """
    running = [Beam(np.float32(0), (graph.decoder.start_id,))]
    ended: list[Beam] = []
    while running:
        last = np.array([beam.ids[-1:] for beam in running], np.int64)
        outputs, past = graph.run(last, past)
        best = _continuations(running, outputs, settings)
        length = len(running[0].ids)  # so many tokens were written once these are appended
        full = length >= settings.max_tokens
        ends = [full or token == graph.decoder.end_id for _, token, _ in best]
        # Only the best `beams` of twice as many may end; the others are there to go on.
        ended += [
            _extend(running, outputs, row, token, score / np.float32(length))
            for (row, token, score), end in list(zip(best, ends, strict=True))[: settings.beams]
            if end
        ]
        ended = sorted(ended, key=lambda beam: -beam.score)[: settings.beams]
        going = [one for one, end in zip(best, ends, strict=True) if not end][: settings.beams]
        running = [_extend(running, outputs, *one) for one in going]
        if _is_decided(running, ended, length, settings.beams):
            running = []
        if running or ended:  # neither is left where all words are forbidden
            yield (running or ended)[0].steps
        past = past.follow([row for row, _, _ in going]) if running else past


def _continuations(
    running: Sequence[Beam], outputs: Outputs, settings: Settings
) -> list[tuple[int, int, np.float32]]:
    """The best twice `beams` ways to go on, the best first: the text's row, the token, the sum."""
    scores = np.stack(
        [
            against_repeats(log_softmax(logits), beam.ids, settings) + beam.score
            for beam, logits in zip(running, outputs.logits[:, -1], strict=True)
        ]
    )
    flat = scores.reshape(-1)
    best = _largest(flat, min(2 * settings.beams, flat.size))
    vocabulary = scores.shape[1]
    return [
        (int(index) // vocabulary, int(index) % vocabulary, flat[index])
        for index in best
        if np.isfinite(flat[index])
    ]


def _largest(values: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Where the `count` largest are, the largest first."""
    some = np.argpartition(-values, count - 1)[:count]
    return some[np.argsort(-values[some], kind="stable")]


def _extend(
    running: Sequence[Beam], outputs: Outputs, row: int, token: int, score: np.float32
) -> Beam:
    beam = running[row]
    step = make_step(
        token,
        outputs.logits[row, -1],
        # Copies: a view would keep the maps of all beams for as long as one of them lives.
        outputs.self_weights[row, :, :, -1].copy(),
        outputs.cross_weights[row, :, :, -1].copy(),
        outputs.cross_value_norms,
    )
    return Beam(score, (*beam.ids, token), (*beam.steps, step))


def _is_decided(running: Sequence[Beam], ended: Sequence[Beam], length: int, beams: int) -> bool:
    """Whether no running text can win any more, as far as its present score tells."""
    if not running or len(ended) < beams:
        return False
    return bool(running[0].score / np.float32(length) <= ended[-1].score)
