"""How far to trust a ranking of words: what happens to the answer when it is taken at its word.

DeYoung et al. 2020, "ERASER: A Benchmark to Evaluate Rationalized NLP Models", section 4.2. With
r_k the k % of words that a method ranks highest, and p the probability of the class given:
comprehensiveness is the mean over k of p(x) - p(x without r_k), and high if these words were
needed; sufficiency is the mean of p(x) - p(r_k alone), and low if they were enough. ERASER averages
over 1, 5, 10, 20 and 50%; here it is every ten percent up to all, as sentences are short. Both are
taken in log-odds as well, since the p of a sure answer hardly falls whatever is removed.

Neither number can be read by itself: it depends on the text and on the model. So each is held
against random orders of the same words.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.analyses.occlusion import Occlusion, OcclusionPlan, occlusion, plan_occlusion
from explorer.analyses.perturbation import RemovalMode, Target, answers_without, matter
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import TIME_BUDGET, Cost, Progressive, nested
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading, numbered_layers
from explorer.inference.tokens import Word, group_words
from explorer.maps.maps import merge_keys, norm_weighted
from explorer.maps.view import last_row, rollout_row


def kendall_tau(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's tau-b of two scores of the same things (Kendall 1945, "The Treatment of Ties in
    Ranking Problems"): 1 for the same order, -1 for the reverse, about 0 for orders that have
    nothing to do with each other.

    Args:
        first, second: shape (things,), without NaN.

    Returns:
        NaN where one of them has a single value, and so no order.
    """
    both = np.asarray([first, second], np.float64)
    one, other = (np.sign(np.subtract.outer(scores, scores)) for scores in both)
    untied = np.sqrt(float((one**2).sum()) * float((other**2).sum()))
    return float((one * other).sum() / untied) if untied else float("nan")


ROLLOUT, OCCLUSION = "rollout", "occlusion"
METHODS = ("attention", "norm-weighted attention", ROLLOUT, OCCLUSION)


def methods_of(bundle: Bundle) -> tuple[str, ...]:
    """Those of `METHODS` that a model has the maps for: rollout takes those of all layers."""
    return tuple(name for name in METHODS if name != ROLLOUT or bundle.has_all_maps)


def for_want_of_maps(bundle: Bundle) -> str:
    """What rankings are without, or are of another layer for, where some layers have no maps;
    empty where all have."""
    if bundle.has_all_maps:
        return ""
    told = (
        f"Rollout is left out: it takes the maps of all {bundle.layers} layers, and this model was "
        f"exported with those of {numbered_layers(bundle.map_layers)} alone."
    )
    last = bundle.map_layers[-1] + 1
    if last == bundle.layers:
        return told
    return (
        f"{told} Attention and norm-weighted attention are of layer {last}, the last one with maps."
    )


def attention_received(reading: Reading) -> NDArray[np.float32]:
    """What the token that the answer is read from ([CLS] of a class), or several on average, gives
    to each own word of the text in the last layer that has maps, mean over its heads, shape
    (words,).

    What special tokens receive is not in it, so it sums to less than 1.
    """
    row = last_row(reading.weights, reading.kept_heads, *reading.read_from)
    return _by_word(row, reading)


def word_scores(reading: Reading, found: Occlusion, *, signed: bool) -> dict[str, NDArray]:
    """A score for each own word by each method of `methods_of`: the higher, the more it counts.

    Args:
        signed: whether a word with a negative effect counts less than one without any; false: only
            the size of the effect counts. A word that was not tried counts as without effect.
    """
    asked = reading.read_from
    carried = norm_weighted(reading.weights[-1:, :, list(asked)], reading.value_norms[-1:])
    effects = np.nan_to_num(found.log_odds_effects)
    scores = [
        attention_received(reading),
        _by_word(last_row(carried, reading.kept_heads, *range(len(asked))), reading),
        effects if signed else np.abs(effects),
    ]
    methods = methods_of(found.whole.bundle)
    if ROLLOUT in methods:
        followed = rollout_row(reading.weights, reading.kept_heads, *asked)
        scores.insert(methods.index(ROLLOUT), _by_word(followed, reading))
    return dict(zip(methods, scores, strict=True))


def _by_word(row: NDArray[np.float32], reading: Reading) -> NDArray[np.float32]:
    """A row over all tokens, shape (tokens,), summed over the pieces of each own word."""
    words = group_words(reading.tokens)
    return merge_keys(row, words)[[not word.special for word in words]]


Disagreement = Literal["idle", "against", "unseen"]

_MUCH = 4
"""One word in so many, rounded up, counts as much attended to, or as of much effect."""
_LITTLE = 0.1
"""Of the largest effect in the text: less is next to none."""


def disagreements(
    attention: NDArray[np.float32], effects: NDArray[np.float64], least: float
) -> list[Disagreement | None]:
    """Marks the words on which the two disagree.

    A word is much attended to if it is in the top quarter of the tried words by attention. Such a
    word is `idle` if its effect is less than a tenth of the largest effect, and `against` if it is
    more than that in the other direction: removed, it raises the class. A word of the top
    quarter by the size of its effect is `unseen` if it is in the lower half by attention.

    Where no effect is at least `least`, there is nothing to disagree on. A word that is `against`
    or `unseen` has an effect of at least so much itself.

    Args:
        attention: what each word receives, shape (words,).
        effects: on the log-odds, signed, above 0 for the class, shape (words,); NaN where a word
            was not tried. It gets no mark.
        least: the size from which an effect is more than next to nothing.
    """
    marks: list[Disagreement | None] = [None] * len(effects)
    tried = np.flatnonzero(~np.isnan(effects))
    sizes = np.abs(effects[tried])
    if len(tried) < 2 or not matter(effects, least):
        return marks
    many = -(-len(tried) // _MUCH)
    by_attention = tried[np.argsort(-attention[tried], kind="stable")]
    by_effect = tried[np.argsort(-sizes, kind="stable")]
    little = _LITTLE * float(sizes.max())
    counts = max(little, least)
    lower_half = set(by_attention[-(len(tried) // 2) :].tolist())
    for place in by_effect[:many].tolist():
        if place in lower_half and abs(effects[place]) >= counts:
            marks[place] = "unseen"
    for place in by_attention[:many].tolist():
        if abs(effects[place]) < little:
            marks[place] = "idle"
        elif effects[place] <= -counts:
            marks[place] = "against"
    return marks


def words_that_disagree(reading: Reading, found: Occlusion) -> list[Disagreement | None]:
    """The same for a text; no word where none moves the answer by a point: nobody would see such
    an effect, so that attention which misses it misses nothing."""
    if not found.moves_answer:
        return [None] * len(found.words)
    return disagreements(attention_received(reading), found.log_odds_effects, found.least)


RANDOM_ORDERS = 20
_STEPS = (tuple(range(10, 101, 10)), tuple(range(20, 101, 20)), (50, 100))
"""Percent of the words, from the finest plan to the coarsest."""
_FIRST = TIME_BUDGET / 3
"""Seconds that occlusion may take of it."""


class FaithfulnessScores(NamedTuple):
    """How several orders of one text's words fare, each shape (orders,)."""

    comprehensiveness: NDArray[np.float64]
    sufficiency: NDArray[np.float64]
    agreement: NDArray[np.float64]
    """Kendall's tau with the sizes of occlusion's effects on the log-odds; NaN where either has no
    order, or no effect is more than next to nothing."""
    log_odds_comprehensiveness: NDArray[np.float64]
    log_odds_sufficiency: NDArray[np.float64]


MEASURES = (
    "comprehensiveness", "sufficiency", "log_odds_comprehensiveness", "log_odds_sufficiency"
)  # fmt: skip
"""Of `FaithfulnessScores`, without the agreement."""


class Faithfulness(NamedTuple):
    """The methods against random orders."""

    single: Occlusion
    percents: tuple[int, ...]
    methods: tuple[str, ...]
    """Their names, in the order of `found`."""
    found: FaithfulnessScores
    by_chance: FaithfulnessScores

    @property
    def removal_tells(self) -> bool:
        """Whether it makes a difference in which order words are removed."""
        return self._differ(
            self.found.log_odds_comprehensiveness, self.by_chance.log_odds_comprehensiveness
        )

    @property
    def keeping_tells(self) -> bool:
        """Whether it makes a difference which words are kept alone."""
        return self._differ(self.found.log_odds_sufficiency, self.by_chance.log_odds_sufficiency)

    def _differ(self, own: NDArray[np.float64], by_chance: NDArray[np.float64]) -> bool:
        spread = float(np.ptp(np.concatenate([own, by_chance])))
        return spread >= self.single.whole.least(self.single.target)


def beaten(value: float, by_chance: NDArray[np.float64], *, low: bool = False) -> int:
    """How many random orders a value is better than; a tie is none.

    Args:
        low: whether lower is better.
    """
    return int((by_chance > value).sum() if low else (by_chance < value).sum())


def percentile(value: float, by_chance: NDArray[np.float64], *, low: bool = False) -> float:
    """The share of random orders that a value is better than, from 0 to 1; a tie counts half, so
    that chance is at 0.5."""
    ties = int((by_chance == value).sum())
    return (beaten(value, by_chance, low=low) + ties / 2) / len(by_chance)


def faithfulness_cost(model: EncoderModel, reading: Reading, mode: RemovalMode) -> Cost:
    """What `faithfulness` will take, at most."""
    return _finest(model, reading, mode, plan_occlusion(model, reading, _FIRST))[1]


def faithfulness(
    model: EncoderModel, reading: Reading, target: Target, mode: RemovalMode, seed: int = 0
) -> Progressive[Faithfulness]:
    """Removes the words, and keeps them alone, in the order of each method and in random orders.

    Args:
        target: the class that the answer is about, the likeliest; or the number of a regression,
            whose change counts by its size, whatever its direction; or this class rather than
            another.
        seed: of the random orders.

    Raises:
        RequestError: there are fewer than two words to put in order.
    """
    plan = plan_occlusion(model, reading, _FIRST)
    words = len(plan.words)
    if words < 2:
        raise RequestError("The text has fewer than two words, so there is nothing to rank.")
    percents, (total, _) = _finest(model, reading, mode, plan)
    single = yield from nested(occlusion(model, reading, target, mode, plan), 0, total)
    signed = model.bundle.problem_type != "regression"
    scores = word_scores(reading, single, signed=signed)
    random = np.random.default_rng(seed)
    # An order is a score as well: the highest for its first word.
    chance = [-np.argsort(random.permutation(words)) for _ in range(RANDOM_ORDERS)]
    ranked = [*scores.values(), *chance]
    steps = answers_without(model, reading, _removals(single, ranked, percents), mode)
    changed = yield from nested(steps, plan.texts, total)
    whole = single.whole
    falls = np.stack([whole.falls(changed, target), whole.log_odds_falls(changed, target)])
    falls = falls if signed else np.abs(falls)
    means = falls.reshape(2, len(ranked), len(percents), 2).mean(axis=2)
    agreement = _agreement(single, ranked)
    (removed, kept), (log_removed, log_kept) = means.transpose(0, 2, 1)
    measured = (removed, kept, agreement, log_removed, log_kept)
    found = FaithfulnessScores(*(one[: len(scores)] for one in measured))
    by_chance = FaithfulnessScores(*(one[len(scores) :] for one in measured))
    return Faithfulness(single, percents, tuple(scores), found, by_chance)


def _agreement(single: Occlusion, scores: list[NDArray]) -> NDArray[np.float64]:
    """Of each score with the sizes of the effects, shape (scores,)."""
    if not single.matters:
        return np.full(len(scores), np.nan)
    sizes = np.abs(np.nan_to_num(single.log_odds_effects))
    return np.array([kendall_tau(score, sizes) for score in scores])


def _removals(
    single: Occlusion, scores: list[NDArray], percents: tuple[int, ...]
) -> list[list[Word]]:
    """For each score and each step what is removed: first the words ranked highest, then all
    others."""
    counts = [_count(len(single.words), percent) for percent in percents]
    orders = [np.argsort(-score, kind="stable") for score in scores]
    return [
        [single.words[place] for place in part]
        for order in orders
        for count in counts
        for part in (order[:count], order[count:])
    ]


def _count(words: int, percent: int) -> int:
    """So many words are so many percent, rounded up."""
    return -(-words * percent // 100)


def _finest(
    model: EncoderModel, reading: Reading, mode: RemovalMode, plan: OcclusionPlan
) -> tuple[tuple[int, ...], Cost]:
    """The finest steps that fit into the time, else the coarsest, and what they take.

    A text without some words and the text of these words alone are as long as one whole text, if
    words are deleted; if they are masked, as two.
    """
    words = len(plan.words)
    for percents in _STEPS:
        counts = {_count(words, percent) for percent in percents} - {words}
        texts = 2 * (RANDOM_ORDERS + len(methods_of(model.bundle))) * len(counts) + 2
        whole = texts // 2 if mode == "deleted" else texts
        seconds = model.throughput.cost(plan.texts + whole, len(reading.tokens)).seconds
        if seconds <= TIME_BUDGET:
            break
    return percents, Cost(plan.texts + texts, seconds)
