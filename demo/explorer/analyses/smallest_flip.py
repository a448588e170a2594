"""A small set of words without which the model answers otherwise.

Words go one after another, those first that speak most for the answer, until it flips; then each of
them is restored if the answer stays flipped all the same. Martens & Provost 2014, "Explaining
Data-Driven Document Classifications", define such sets (SEDC, section 4) and search them best
first. The set that is found need not be the smallest; what is known of smaller ones is told: every
single word was tried, and where the time allows every pair.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.occlusion import Occlusion, OcclusionPlan, occlusion, plan_occlusion
from explorer.analyses.perturbation import (
    Answers,
    Contrast,
    RemovalMode,
    Target,
    answers_without,
    flips,
)
from explorer.errors import RequestError
from explorer.inference.cost import TIME_BUDGET, Cost, Progressive, nested
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading

_AT_ONCE = 8
"""So many words are removed before it is looked whether the answer has flipped."""


class Flip(NamedTuple):
    """The words that were enough."""

    single: Occlusion
    places: list[int] | None
    """As places in `single.words`, in reading order; None if no set was found."""
    changed: Answers
    """The answer without them, shape (labels,); without all tried words if none was found."""
    tried_pairs: bool
    """Whether every pair of words was tried as well."""

    @property
    def is_smallest(self) -> bool:
        """Whether every smaller set was tried."""
        if self.places is None or self.single.sentences:
            return False
        return len(self.places) <= 2 or (len(self.places) == 3 and self.tried_pairs)


class _FlipPlan(NamedTuple):
    singles: OcclusionPlan
    words: int
    pairs: int
    """0 if there is no time to try them."""

    @property
    def texts(self) -> int:
        return self.singles.texts + 2 * self.words + self.pairs


def flip_cost(model: EncoderModel, reading: Reading) -> Cost:
    """What `smallest_flip` will take, at most."""
    return model.throughput.cost(_plan(model, reading).texts, len(reading.tokens))


def smallest_flip(
    model: EncoderModel, reading: Reading, target: Target, mode: RemovalMode
) -> Progressive[Flip]:
    """Looks for few words without which the answer flips.

    Args:
        target: the class that the answer is about: the likeliest. A multi-label model flips where
            it says otherwise of this class alone; asked about this class rather than another, any
            model flips where the other is likelier.

    Raises:
        RequestError: a regression has no label that could flip.
    """
    if model.bundle.problem_type == "regression":
        raise RequestError(
            f"{model.bundle.title} gives a number, so there is no label that could flip."
        )
    plan = _plan(model, reading)
    steps = occlusion(model, reading, target, mode, plan.singles)
    single = yield from nested(steps, 0, plan.texts)
    search = _Search(model, reading, single, mode)
    best = search.furthest(single.changed)
    if best is not None:
        return Flip(single, [best], single.changed[best], False)
    tried_pairs = False
    done = plan.singles.texts
    found = yield from nested(search.greedy(), done, plan.texts)
    if plan.pairs and (found is None or len(found) > 2):
        pair = yield from nested(search.pair(), done + 2 * plan.words, plan.texts)
        tried_pairs = True
        found = pair or found
    removed = single.tried if found is None else found
    changed = yield from nested(search.without_words([removed]), plan.texts - 1, plan.texts)
    return Flip(single, None if found is None else sorted(found), changed[0], tried_pairs)


def _plan(model: EncoderModel, reading: Reading) -> _FlipPlan:
    """The greedy search fits into the time, since it takes words away and puts them back once each;
    pairs are tried if they fit into what is left."""
    plan = plan_occlusion(model, reading, TIME_BUDGET / 3)
    words = min(plan.most, len(plan.words))
    pairs = 0 if plan.sentences else words * (words - 1) // 2
    greedy = plan.texts + 2 * words
    room = model.throughput.texts_within(TIME_BUDGET, len(reading.tokens)) - greedy
    return _FlipPlan(plan, words, pairs if pairs <= room else 0)


class _Search:
    """What the steps of one search share."""

    def __init__(
        self, model: EncoderModel, reading: Reading, single: Occlusion, mode: RemovalMode
    ) -> None:
        self._model, self._reading, self._single, self._mode = model, reading, single, mode
        chosen = model.bundle.problem_type == "single_label" and not isinstance(
            single.target, Contrast
        )
        said = chosen or single.whole.target_log_odds(single.target) > 0
        self._sign = 1 if said else -1
        away = self._gone(single.changed)
        self._order = sorted(single.tried, key=lambda place: -away[place])

    def without_words(self, removals: list[list[int]]) -> Progressive[Answers]:
        """The answers without each set of words, given by their places."""
        words = self._single.words
        sets = [[words[place] for place in places] for places in removals]
        return answers_without(self._model, self._reading, sets, self._mode)

    def furthest(self, changed: Answers) -> int | None:
        """Of the answers that flipped the one that went furthest; None if none flipped."""
        flipped = np.flatnonzero(self._flips(changed))
        return int(flipped[self._gone(changed)[flipped].argmax()]) if len(flipped) else None

    def greedy(self) -> Progressive[list[int] | None]:
        """The first words of the order that are enough, less those that can be restored."""
        order = self._order
        for start in range(1, len(order), _AT_ONCE):
            sizes = range(start + 1, min(start + _AT_ONCE, len(order)) + 1)
            changed = yield from nested(
                self.without_words([order[:size] for size in sizes]), start, 2 * len(order)
            )
            flipped = np.flatnonzero(self._flips(changed))
            if len(flipped):
                return (yield from self._put_back(order[: sizes[int(flipped[0])]]))
        return None

    def pair(self) -> Progressive[list[int] | None]:
        """Of all pairs that are enough the one without which the answer goes furthest."""
        couples = [list(couple) for couple in combinations(self._single.tried, 2)]
        best = self.furthest((yield from self.without_words(couples)))
        return None if best is None else couples[best]

    def _put_back(self, removed: list[int]) -> Progressive[list[int]]:
        """Less the words that are not needed, those tried first whose own effect is least."""
        for done, place in enumerate(reversed(removed)):
            fewer = [one for one in removed if one != place]
            before, total = len(self._order) + done, 2 * len(self._order)
            changed = yield from nested(self.without_words([fewer]), before, total)
            if self._flips(changed)[0]:
                removed = fewer
        return removed

    def _flips(self, changed: Answers) -> NDArray[np.bool_]:
        return flips(self._single.whole, changed, self._single.target)

    def _gone(self, changed: Answers) -> NDArray[np.float64]:
        """How far each answer has gone from what the model said of the target, in log-odds."""
        return self._sign * self._single.whole.log_odds_falls(changed, self._single.target)
