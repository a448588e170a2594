"""What every word does to the answer, and what two do together beyond what each does by itself.

Leave-one-out, or occlusion (Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional
Networks", section 4.2, on images; Li et al. 2016, "Understanding Neural Networks through
Representation Erasure", on text): the answer with the word, less the answer without it. The effect
has a sign: above 0 the word speaks for the class.

The interaction of words u and v in the probability p of a text x is
I(u, v) = p(x) - p(x - u) - p(x - v) + p(x - u - v): the effect of v while u is there, less its
effect while u is gone (a second difference, as in the interaction index of Grabisch & Roubens 1999,
here at the whole text only). Above 0 each counts for more beside the other; below 0 for less, as
when one of them is enough. In probability that is so of any two words of a sure answer, as it
cannot rise above 1; in log-odds, which have no end, it says something of the words.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.perturbation import (
    LEAST_POINT,
    Answers,
    RemovalMode,
    Target,
    answers_without,
    matter,
    sentence_spans,
    stays,
)
from explorer.inference.cost import LEAST_TEXTS, TIME_BUDGET, Cost, Progressive, nested
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading
from explorer.inference.tokens import Word, own_words


class OcclusionPlan(NamedTuple):
    """Which words are tried within a given time."""

    words: list[Word]
    """All words of the text, without special tokens."""
    sentences: list[range]
    """Removed first, as ranges of places in `words`; none if every word can be tried."""
    most: int
    """So many words are tried."""

    @property
    def texts(self) -> int:
        """How many changed texts are read, at most."""
        return len(self.sentences) + self.most


class Occlusion(NamedTuple):
    """The answers without each word."""

    words: list[Word]
    """All words of the text, without special tokens."""
    target: Target
    """The class, or the number of a regression, that the effects are on; or one class rather than
    another."""
    whole: Answers
    """To the unchanged text, shape (labels,)."""
    changed: Answers
    """Without each word, shape (words, labels); NaN where a word was not tried."""
    sentences: list[range]
    """As in `OcclusionPlan`."""
    changed_sentences: Answers
    """Without each sentence, shape (sentences, labels)."""

    @property
    def effects(self) -> NDArray[np.float64]:
        """Of each word on the target's probability, or a regression's number, shape (words,): above
        0, the word raises it. NaN where it was not tried."""
        return self.whole.falls(self.changed, self.target)

    @property
    def log_odds_effects(self) -> NDArray[np.float64]:
        """The same on its log-odds."""
        return self.whole.log_odds_falls(self.changed, self.target)

    @property
    def least(self) -> float:
        """The size from which an effect on the log-odds is more than next to nothing."""
        return self.whole.least(self.target)

    @property
    def matters(self) -> bool:
        """Whether any word does more than next to nothing by itself."""
        return matter(self.log_odds_effects, self.least)

    @property
    def moves_answer(self) -> bool:
        """Whether any word by itself does more than next to nothing, and moves the probability by a
        point at least; a regression has no points."""
        if self.whole.bundle.problem_type == "regression":
            return self.matters
        return self.matters and matter(self.effects, LEAST_POINT)

    @property
    def tried(self) -> list[int]:
        """Places of the words that were tried, those that raise the target most first."""
        effects = self.log_odds_effects
        order = np.argsort(-effects, kind="stable")  # NaN comes last
        return [int(place) for place in order if not np.isnan(effects[place])]

    @property
    def strongest(self) -> list[int]:
        """Places of the words that were tried, the largest effects first, whatever their sign."""
        sizes = np.abs(self.log_odds_effects)
        return sorted(self.tried, key=lambda place: -sizes[place])


def plan_occlusion(
    model: EncoderModel, reading: Reading, seconds: float = TIME_BUDGET
) -> OcclusionPlan:
    """Every word where the time allows; else the sentences, then the words of those that matter
    most."""
    words = own_words(reading.tokens)
    room = max(LEAST_TEXTS, model.throughput.texts_within(seconds, len(reading.tokens)))
    if len(words) <= room:
        return OcclusionPlan(words, [], len(words))
    sentences = sentence_spans(words, room // 2)
    return OcclusionPlan(words, sentences, room - len(sentences))


def occlusion_cost(model: EncoderModel, reading: Reading) -> Cost:
    """What `occlusion` will take."""
    return model.throughput.cost(plan_occlusion(model, reading).texts, len(reading.tokens))


def occlusion(
    model: EncoderModel,
    reading: Reading,
    target: Target,
    mode: RemovalMode,
    plan: OcclusionPlan | None = None,
) -> Progressive[Occlusion]:
    """Removes each word in turn; of a long text each sentence, then the words of those that
    moved the answer most.

    Args:
        target: the class, or the number of a regression, whose change counts; or one class rather
            than another.
        plan: which words are tried; as many as the time allows if not given.
    """
    plan = plan or plan_occlusion(model, reading)
    words = plan.words
    sentences = ([words[place] for place in span] for span in plan.sentences)
    steps = answers_without(model, reading, sentences, mode)
    without_sentences = yield from nested(steps, 0, plan.texts)
    whole = Answers(model.bundle, reading.logits)
    chosen = _chosen(plan, np.abs(whole.log_odds_falls(without_sentences, target)))
    steps = answers_without(model, reading, ([words[place]] for place in chosen), mode)
    without_words = yield from nested(steps, len(plan.sentences), plan.texts)
    logits = np.full((len(words), len(reading.logits)), np.nan, np.float32)
    logits[chosen] = without_words.logits
    logits[[stays(model, reading.encoded, word, mode) for word in words]] = np.nan
    changed = Answers(model.bundle, logits)
    return Occlusion(words, target, whole, changed, plan.sentences, without_sentences)


def _chosen(plan: OcclusionPlan, moved: NDArray[np.float64]) -> list[int]:
    """Places of the words to try: those of the sentences that moved the answer most, each sentence
    whole if it fits; of the first one as many as fit."""
    if not plan.sentences:
        return list(range(len(plan.words)))
    chosen: list[int] = []
    for sentence in np.argsort(-moved, kind="stable"):
        span: Sequence[int] = plan.sentences[sentence]
        if not chosen:
            span = span[: plan.most]
        if len(chosen) + len(span) <= plan.most:
            chosen += span
    return sorted(chosen)


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
    model: EncoderModel, reading: Reading, target: Target, mode: RemovalMode
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
