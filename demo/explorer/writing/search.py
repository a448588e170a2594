"""How the tokens of a text are chosen: always the likeliest one; one drawn by its probability; or
by beam search, where several beginnings are kept and the one whose end scores best for its
length wins.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from decoding.beams import BeamSearch
from decoding.rules import Rules
from explorer.inference.logits import log_softmax, softmax
from explorer.writing.decoder import DecoderSession, KVCache, Outputs
from explorer.writing.settings import Settings, for_sampling
from explorer.writing.steps import Step, make_step


def write_one_by_one(
    graph: DecoderSession, cache: KVCache, given: Sequence[int], rules: Rules, settings: Settings
) -> Iterator[tuple[Step, ...]]:
    """Gives all steps so far after every new one. Whoever stops asking stops the writing.

    Args:
        given: the ids that are there before: of the start token, or of a prompt.
    """
    random = np.random.default_rng(settings.seed)
    written, new = list(given), list(given)
    steps: tuple[Step, ...] = ()
    while len(written) < _longest(rules):
        outputs, cache = graph.run(np.array([new], np.int64), cache)
        scores = rules.apply(outputs.logits[0, -1], written)
        token = _choose(scores, settings, random)
        written.append(token)
        new = [token]
        steps += (make_step(token, outputs),)
        yield steps
        if token in rules.ends:
            return


def _longest(rules: Rules) -> int:
    assert rules.longest is not None, "see TextGenerator"
    return rules.longest


def _choose(scores: NDArray[np.float32], settings: Settings, random: np.random.Generator) -> int:
    if settings.strategy == "greedy" or scores.max() == -np.inf:  # with nothing left to draw from
        return int(scores.argmax())
    # A draw needs probabilities that add up to 1 in double precision.
    probabilities = softmax(for_sampling(scores, settings).astype(np.float64))
    return int(random.choice(len(probabilities), p=probabilities))


def beam_search(
    graph: DecoderSession, cache: KVCache, given: Sequence[int], rules: Rules, settings: Settings
) -> Iterator[tuple[Step, ...]]:
    """Gives the steps of the best text so far after every token, and of the winner at last."""
    search = BeamSearch[Step](given, rules, graph.decoder.settings, beams=settings.beams)
    while search.running:
        outputs, cache = graph.run(search.newest, cache)
        scores = [log_softmax(logits) for logits in outputs.logits[:, -1]]
        rows = search.choose(scores, _steps_of(outputs))
        if search.best:  # there is none where all words are forbidden
            yield search.best.notes
        if rows:
            cache = cache.follow(rows)


def _steps_of(outputs: Outputs) -> Callable[[int, int], Step]:
    """Makes the record of a choice, of a beginning's place and a token."""
    return lambda row, token: make_step(token, outputs, row)
