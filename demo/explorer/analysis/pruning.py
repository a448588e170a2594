"""How many heads can go before the answer changes: heads are left out one after another, each time
those whose absence moves the answer least.

Michel, Levy & Neubig 2019, "Are Sixteen Heads Really Better than One?", section 4, prune greedily
by importance over a whole test set. Here it is one text, and the importance of a head is measured
by leaving it out, beside all that went before it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.answers import answers
from explorer.analysis.effects import Answers
from explorer.analysis.knock_out import heads_out_of, masks_without
from explorer.analysis.pace import LONGEST, Cost
from explorer.analysis.steps import Steps, part_of
from explorer.left_out import Heads, heads_in
from explorer.reading import Reading
from explorer.runner import Runner
from explorer.tokens import Encoded


class Plan(NamedTuple):
    """How finely heads are left out."""

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

    plan: Plan
    order: tuple[Heads, ...]
    """The groups in the order in which they went."""
    answers: Answers
    """After 0, 1, ... groups have gone, shape (groups + 1, labels)."""

    @property
    def heads_gone(self) -> list[int]:
        """How many heads have gone at each point of the curve."""
        return [0, *np.cumsum([len(group) for group in self.order], dtype=int).tolist()]


def pruning_cost(runner: Runner, reading: Reading, *, again: bool = True) -> Cost:
    """What `prune` will take. Raises RequestError as it does."""
    plan = pruning_plan(runner, reading, again=again)
    return runner.pace.cost(plan.texts, len(reading.tokens))


def pruning_plan(runner: Runner, reading: Reading, *, again: bool = True) -> Plan:
    """The finest plan that fits into the time; where none does, whole layers go.

    Args:
        again: measure the effects again and again, as often as there is time; false: once.
    """
    inside = heads_in(heads_out_of(runner, reading))
    within = runner.pace.texts_within(LONGEST, len(reading.tokens))
    for plan in _plans(inside, runner.bundle.heads, again=again):
        if plan.texts <= within:
            return plan
    return plan


def prune(
    runner: Runner, reading: Reading, label: int, *, again: bool = True
) -> Steps[PruningCurve]:
    """Leaves out group after group, those first that move the log-odds of `label` least, until no
    head is left. Groups of equal effect go in the order of their layers and heads.

    Raises:
        RequestError: the graph has no `head_mask`.
    """
    plan = pruning_plan(runner, reading, again=again)
    encoded = runner.encode(reading.text, reading.text_pair)
    mask = heads_out_of(runner, reading)
    first = yield from part_of(answers(runner, [encoded], mask), 0, plan.texts)
    points, order, staying, read = [first], [], list(plan.groups), 1
    while staying:
        alone = yield from _read(runner, encoded, masks_without(mask, staying), read, plan)
        read += len(staying)
        moved = np.abs(points[-1][-1].log_odds_falls(alone, label))
        going = np.argsort(moved, kind="stable")[: plan.every].tolist()
        points.append(alone[going[:1]])
        masks = np.cumprod(masks_without(mask, [staying[index] for index in going]), axis=0)
        if len(going) > 1:
            points.append((yield from _read(runner, encoded, masks[1:], read, plan)))
            read += len(going) - 1
        order += [staying[index] for index in going]
        staying = [group for index, group in enumerate(staying) if index not in going]
        mask = masks[-1:]
    logits = np.concatenate([each.logits for each in points])
    return PruningCurve(plan, tuple(order), Answers(runner.bundle, logits))


def _read(
    runner: Runner, encoded: Encoded, masks: NDArray[np.float32], read: int, plan: Plan
) -> Steps[Answers]:
    steps = answers(runner, [encoded] * len(masks), masks)
    return part_of(steps, read, plan.texts)


def _plans(inside: Heads, heads: int, *, again: bool) -> Iterator[Plan]:
    """Plans from the finest to the coarsest."""
    for size in range(1, heads + 1):
        groups = tuple(_groups(inside, size))
        for every in range(1, len(groups)) if again else ():
            yield Plan(groups, every)
        yield Plan(groups, max(len(groups), 1))


def _groups(inside: Heads, size: int) -> Iterator[Heads]:
    """The heads of each layer in groups of at most `size`."""
    for layer in sorted({layer for layer, _ in inside}):
        row = [one for one in inside if one[0] == layer]
        yield from (tuple(row[start : start + size]) for start in range(0, len(row), size))
