"""What two words do together, beyond what each does by itself.

The interaction of words u and v in the probability p of a text x is
I(u, v) = p(x) - p(x - u) - p(x - v) + p(x - u - v): the effect of v while u is there, less its
effect while u is gone (a second difference, as in the interaction index of Grabisch & Roubens 1999,
here at the whole text only). Above 0 each counts for more beside the other; below 0 for less, as
when one of them is enough. In probability that is so of any two words of a sure answer, as it
cannot rise above 1; in log-odds, which have no end, it says something of the words.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.occlusion import Occlusion, OcclusionPlan, occlusion, plan_occlusion
from explorer.analyses.perturbation import RemovalMode, answers_without
from explorer.inference.cost import TIME_BUDGET, Cost, Progressive, nested
from explorer.inference.encoder import EncoderModel, Reading

MOST_WORDS = 24
"""So many words, in pairs, are a table that can still be read."""


class WordPairs(NamedTuple):
    """The interactions of the words that matter most by themselves."""

    single: Occlusion
    places: list[int]
    """The words that were paired, as places in `single.words`, in reading order."""
    interactions: NDArray[np.float64]
    """In probability, or a regression's number, shape (places, places), symmetric, 0 on the
    diagonal."""
    log_odds_interactions: NDArray[np.float64]
    """The same in log-odds."""

    @property
    def left_out(self) -> int:
        """Words of the text that were not paired."""
        return len(self.single.words) - len(self.places)

    @property
    def strongest(self) -> list[tuple[int, int]]:
        """Pairs of rows of the interactions, the largest in log-odds first, whatever their sign."""
        pairs = combinations(range(len(self.places)), 2)
        return sorted(pairs, key=lambda pair: -abs(self.log_odds_interactions[pair]))

    @property
    def that_matter(self) -> list[tuple[int, int]]:
        """The strongest of them, without those that are next to nothing."""
        sizes, least = np.abs(self.log_odds_interactions), self.single.least
        return [pair for pair in self.strongest if sizes[pair] >= least]


def word_pairs_cost(model: EncoderModel, reading: Reading) -> Cost:
    """What `pairs` will take."""
    plan, paired = _plan(model, reading)
    return model.throughput.cost(plan.texts + paired * (paired - 1) // 2, len(reading.tokens))


def word_pairs(
    model: EncoderModel, reading: Reading, target: int, mode: RemovalMode
) -> Progressive[WordPairs]:
    """Removes every word, then every two of those whose effect is largest: at most `MOST_WORDS`,
    and no more than the time allows.

    Args:
        target: as for `occlusion`.
    """
    plan, paired = _plan(model, reading)
    total = plan.texts + paired * (paired - 1) // 2
    single = yield from nested(occlusion(model, reading, target, mode, plan), 0, total)
    places = sorted(single.strongest[:paired])
    couples = list(combinations(range(len(places)), 2))
    removals = [[single.words[places[row]] for row in couple] for couple in couples]
    steps = answers_without(model, reading, removals, mode)
    without_both = yield from nested(steps, plan.texts, total)
    whole = single.whole
    return WordPairs(
        single,
        places,
        _second_differences(single.effects[places], whole.falls(without_both, target)),
        _second_differences(
            single.log_odds_effects[places], whole.log_odds_falls(without_both, target)
        ),
    )


def _second_differences(
    alone: NDArray[np.float64], both: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of every two words, by the falls without each of them, shape (words,), and without both, one
    for each of the `combinations`."""
    differences = np.zeros((len(alone), len(alone)))
    for (row, column), fall in zip(combinations(range(len(alone)), 2), both, strict=True):
        differences[row, column] = differences[column, row] = alone[row] + alone[column] - fall
    return differences


def _plan(model: EncoderModel, reading: Reading) -> tuple[OcclusionPlan, int]:
    """Which single words are tried, and how many of them are paired."""
    plan = plan_occlusion(model, reading, TIME_BUDGET / 2)
    room = model.throughput.texts_within(TIME_BUDGET, len(reading.tokens)) - plan.texts
    fits = int((1 + np.sqrt(1 + 8 * max(room, 0))) // 2)  # the largest m with m (m - 1) / 2 <= room
    return plan, min(len(plan.words), plan.most, MOST_WORDS, max(fits, 2))
