"""Which heads matter for an answer: each is left out in turn, and the text read again.

Michel, Levy & Neubig 2019, "Are Sixteen Heads Really Better than One?", section 3.2 (one head) and
3.3 (a whole layer): a head's output is multiplied by 0 before the output projection.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.answers import answers
from explorer.analysis.effects import Answers, matter
from explorer.analysis.pace import LONGEST, Cost
from explorer.analysis.steps import Steps, part_of
from explorer.left_out import Heads, heads_in, mask_without
from explorer.reading import Reading
from explorer.request import check_masks_heads
from explorer.runner import Runner


class HeadEffects(NamedTuple):
    """What an answer becomes without each head. Heads that were out before stay out."""

    whole: Answers
    """Before any further head is left out, shape (labels,)."""
    without_head: Answers
    """Without one head, shape (layers, heads, labels). NaN for a head that was out before, or was
    not tried."""
    without_layer: Answers
    """Without all heads of a layer, shape (layers, labels)."""
    not_tried: int
    """Heads for which there was no time."""

    def effects(self, label: int) -> NDArray[np.float64]:
        """By how much the probability of a label falls without each head, shape (layers, heads);
        below 0 where it rises: the head speaks against the label."""
        return self.whole.falls(self.without_head, label)

    def log_odds_effects(self, label: int) -> NDArray[np.float64]:
        """The same for its log-odds."""
        return self.whole.log_odds_falls(self.without_head, label)

    def matters(self, label: int) -> bool:
        """Whether any head does more than next to nothing by itself."""
        return matter(self.log_odds_effects(label), self.whole.least(label))

    def layer_effects(self, label: int) -> NDArray[np.float64]:
        """By how much its probability falls without each layer's heads, shape (layers,)."""
        return self.whole.falls(self.without_layer, label)

    def layer_log_odds_effects(self, label: int) -> NDArray[np.float64]:
        """The same for its log-odds."""
        return self.whole.log_odds_falls(self.without_layer, label)


def heads_out_of(runner: Runner, reading: Reading) -> NDArray[np.float32]:
    """The mask that a text was read with, shape (1, layers, heads). Raises RequestError where the
    graph has none."""
    check_masks_heads(runner)
    if reading.head_mask is not None:
        return reading.head_mask
    return mask_without((), runner.bundle.layers, runner.bundle.heads)


def head_effects_cost(runner: Runner, reading: Reading) -> Cost:
    """What `head_effects` will take. Raises RequestError as it does."""
    heads = heads_in(heads_out_of(runner, reading))
    fixed = 1 + runner.bundle.layers
    return runner.pace.cost(fixed + min(len(heads), _room(runner, reading)), len(reading.tokens))


def head_effects(runner: Runner, reading: Reading, label: int) -> Steps[HeadEffects]:
    """Leaves out each layer, then each head. Where time is short, the heads of those layers come
    first without which the log-odds of `label` change most, and the last are not tried.

    Raises:
        RequestError: the graph has no `head_mask`.
    """
    mask = heads_out_of(runner, reading)
    layers, heads = mask.shape[1:]
    room, inside = _room(runner, reading), heads_in(mask)
    total = 1 + layers + min(len(inside), room)
    encoded = runner.encode(reading.text, reading.text_pair)

    masks = masks_without(mask, [(), *(tuple((i, j) for j in range(heads)) for i in range(layers))])
    texts = [encoded] * len(masks)
    found = yield from part_of(answers(runner, texts, masks), 0, total)
    whole, without_layer = found[0], found[1:]
    moved = np.abs(whole.log_odds_falls(without_layer, label))
    tried = sorted(inside, key=lambda one: (-moved[one[0]], one))[:room]
    logits = np.full((layers, heads, len(whole.logits)), np.nan, np.float32)
    if tried:
        masks = masks_without(mask, [(one,) for one in tried])
        steps = answers(runner, [encoded] * len(tried), masks)
        alone = yield from part_of(steps, 1 + layers, total)
        logits[tuple(np.transpose(tried))] = alone.logits
    without_head = Answers(runner.bundle, logits)
    return HeadEffects(whole, without_head, without_layer, len(inside) - len(tried))


def masks_without(mask: NDArray[np.float32], groups: Sequence[Heads]) -> NDArray[np.float32]:
    """A mask of shape (1, layers, heads) once for each group of heads, which it leaves out too."""
    layers, heads = mask.shape[1:]
    return np.concatenate([mask * mask_without(group, layers, heads) for group in groups])


def _room(runner: Runner, reading: Reading) -> int:
    """How many single heads can be tried in the time."""
    within = runner.pace.texts_within(LONGEST, len(reading.tokens))
    return max(within - 1 - runner.bundle.layers, 0)
