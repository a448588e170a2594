"""Which heads matter for an answer, and how many can go before it changes.

Each head is ablated in turn, and the text read again (Michel, Levy & Neubig 2019, "Are Sixteen
Heads Really Better than One?", section 3.2 for one head, 3.3 for a whole layer): its output is
multiplied by 0 before the output projection. Then heads are ablated one after another, each time
those whose absence moves the answer least. Section 4 there prunes greedily by importance over a
whole test set; here it is one text, and the importance of a head is measured by ablating it,
beside all that went before it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.perturbation import Answers, Target, answers, matter
from explorer.inference.cost import LEAST_TEXTS, TIME_BUDGET, Cost, Progressive, nested
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Heads, Reading, ablation_mask, heads_left


class HeadEffects(NamedTuple):
    """What an answer becomes without each head. Heads that were out before stay out."""

    whole: Answers
    """Before any further head is ablated, shape (labels,)."""
    without_head: Answers
    """Without one head, shape (layers, heads, labels). NaN for a head that was out before, or was
    not tried."""
    without_layer: Answers
    """Without all heads of a layer, shape (layers, labels)."""
    not_tried: int
    """Heads for which there was no time."""

    def effects(self, target: Target) -> NDArray[np.float64]:
        """By how much the target's probability falls without each head, shape (layers, heads);
        below 0 where it rises: the head speaks against it."""
        return self.whole.falls(self.without_head, target)

    def log_odds_effects(self, target: Target) -> NDArray[np.float64]:
        """The same for its log-odds."""
        return self.whole.log_odds_falls(self.without_head, target)

    def matters(self, target: Target) -> bool:
        """Whether any head does more than next to nothing by itself."""
        return matter(self.log_odds_effects(target), self.whole.least(target))


def current_mask(model: EncoderModel, reading: Reading) -> NDArray[np.float32]:
    """The mask that a text was read with, shape (1, layers, heads). Raises RequestError where the
    graph has none."""
    model.check_can_ablate()
    if reading.head_mask is not None:
        return reading.head_mask
    return ablation_mask((), model.bundle.layers, model.bundle.heads)


def head_effects_cost(model: EncoderModel, reading: Reading) -> Cost:
    """What `head_effects` will take. Raises RequestError as it does."""
    heads = heads_left(current_mask(model, reading))
    fixed = 1 + model.bundle.layers
    return model.throughput.cost(
        fixed + min(len(heads), _room(model, reading)), len(reading.tokens)
    )


def head_effects(model: EncoderModel, reading: Reading, target: Target) -> Progressive[HeadEffects]:
    """Ablates each layer, then each head. Where time is short, the heads of those layers come
    first without which the log-odds of `target` change most, and the last are not tried.

    Raises:
        RequestError: the graph has no `head_mask`.
    """
    mask = current_mask(model, reading)
    layers, heads = mask.shape[1:]
    room, inside = _room(model, reading), heads_left(mask)
    total = 1 + layers + min(len(inside), room)

    whole_layers = [tuple((i, j) for j in range(heads)) for i in range(layers)]
    masks = ablation_masks(mask, [(), *whole_layers])
    texts = [reading.encoded] * len(masks)
    found = yield from nested(answers(model, texts, masks), 0, total)
    whole, without_layer = found[0], found[1:]
    moved = np.abs(whole.log_odds_falls(without_layer, target))
    tried = sorted(inside, key=lambda one: (-moved[one[0]], one))[:room]
    logits = np.full((layers, heads, len(whole.logits)), np.nan, np.float32)
    if tried:
        masks = ablation_masks(mask, [(one,) for one in tried])
        steps = answers(model, [reading.encoded] * len(tried), masks)
        alone = yield from nested(steps, 1 + layers, total)
        logits[tuple(np.transpose(tried))] = alone.logits
    without_head = Answers(model.bundle, logits)
    return HeadEffects(whole, without_head, without_layer, len(inside) - len(tried))


def ablation_masks(mask: NDArray[np.float32], groups: Sequence[Heads]) -> NDArray[np.float32]:
    """A mask of shape (1, layers, heads) once for each group of heads, which it ablates too."""
    layers, heads = mask.shape[1:]
    return np.concatenate([mask * ablation_mask(group, layers, heads) for group in groups])


def _room(model: EncoderModel, reading: Reading) -> int:
    """How many single heads can be tried in the time; some are in any case."""
    within = model.throughput.texts_within(TIME_BUDGET, len(reading.tokens))
    return max(within - 1 - model.bundle.layers, LEAST_TEXTS)


class PruningPlan(NamedTuple):
    """How finely heads are ablated."""

    groups: tuple[Heads, ...]
    """What goes together: one head, or where time is short several neighbours of one layer."""
    every: int
    """After so many groups have gone, the effect of those that stay is measured again."""

    @property
    def heads_at_once(self) -> int:
        return max(map(len, self.groups), default=1)

    @property
    def once(self) -> bool:
        """Whether the effects are measured at the beginning only."""
        return self.every >= len(self.groups)

    @property
    def texts(self) -> int:
        """How many texts are read."""
        count = len(self.groups)
        rounds = range(0, count, self.every)
        # The first to go in each round was measured alone already.
        return 1 + sum(count - gone for gone in rounds) + count - len(rounds)


class PruningCurve(NamedTuple):
    """What the answer becomes while heads go."""

    plan: PruningPlan
    order: tuple[Heads, ...]
    """The groups in the order in which they went."""
    answers: Answers
    """After 0, 1, ... groups have gone, shape (groups + 1, labels)."""

    @property
    def heads_gone(self) -> list[int]:
        """How many heads have gone at each point of the curve."""
        return [0, *np.cumsum([len(group) for group in self.order], dtype=int).tolist()]


def pruning_cost(model: EncoderModel, reading: Reading, *, again: bool = True) -> Cost:
    """What `prune` will take. Raises RequestError as it does."""
    plan = pruning_plan(model, reading, again=again)
    return model.throughput.cost(plan.texts, len(reading.tokens))


def pruning_plan(model: EncoderModel, reading: Reading, *, again: bool = True) -> PruningPlan:
    """The finest plan that fits into the time; where none does, whole layers go.

    Args:
        again: measure the effects again and again, as often as there is time; false: once.
    """
    inside = heads_left(current_mask(model, reading))
    within = model.throughput.texts_within(TIME_BUDGET, len(reading.tokens))
    for plan in _plans(inside, model.bundle.heads, again=again):
        if plan.texts <= within:
            return plan
    return plan


def prune(
    model: EncoderModel, reading: Reading, target: Target, *, again: bool = True
) -> Progressive[PruningCurve]:
    """Ablates group after group, those first that move the log-odds of `target` least, until no
    head is left. Groups of equal effect go in the order of their layers and heads.

    Raises:
        RequestError: the graph has no `head_mask`.
    """
    plan = pruning_plan(model, reading, again=again)
    mask = current_mask(model, reading)
    first = yield from nested(answers(model, [reading.encoded], mask), 0, plan.texts)
    points, order, staying, read = [first], [], list(plan.groups), 1
    while staying:
        alone = yield from _read(model, reading, ablation_masks(mask, staying), read, plan)
        read += len(staying)
        moved = np.abs(points[-1][-1].log_odds_falls(alone, target))
        going = np.argsort(moved, kind="stable")[: plan.every].tolist()
        points.append(alone[going[:1]])
        masks = np.cumprod(ablation_masks(mask, [staying[index] for index in going]), axis=0)
        if len(going) > 1:
            points.append((yield from _read(model, reading, masks[1:], read, plan)))
            read += len(going) - 1
        order += [staying[index] for index in going]
        staying = [group for index, group in enumerate(staying) if index not in going]
        mask = masks[-1:]
    logits = np.concatenate([each.logits for each in points])
    return PruningCurve(plan, tuple(order), Answers(model.bundle, logits))


def _read(
    model: EncoderModel, reading: Reading, masks: NDArray[np.float32], read: int, plan: PruningPlan
) -> Progressive[Answers]:
    steps = answers(model, [reading.encoded] * len(masks), masks)
    return nested(steps, read, plan.texts)


def _plans(inside: Heads, heads: int, *, again: bool) -> Iterator[PruningPlan]:
    """Plans from the finest to the coarsest."""
    for size in range(1, heads + 1):
        groups = tuple(_groups(inside, size))
        for every in range(1, len(groups)) if again else ():
            yield PruningPlan(groups, every)
        yield PruningPlan(groups, max(len(groups), 1))


def _groups(inside: Heads, size: int) -> Iterator[Heads]:
    """The heads of each layer in groups of at most `size`."""
    for layer in sorted({layer for layer, _ in inside}):
        row = [one for one in inside if one[0] == layer]
        yield from (tuple(row[start : start + size]) for start in range(0, len(row), size))
