"""The decoder's training loop: teacher forcing on (source, target) batches; it prints nothing.

A sibling of `fit.py`. The word table does not learn: it is the encoder's own, so the decoder knows
the words from the start, and neither a gradient nor a step of the optimiser is spent on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.clock import Clock, Step
from training.hybrid_recipe import HybridRecipe
from training.linear_cross_entropy import linear_cross_entropy
from training.memory import Memory
from training.optimizing import check_finite, make_optimizer, make_schedule
from training.pair_batches import PairBatch
from training.precision import autocast, multiplies_bfloat16
from training.rewriter import Rewriter


@dataclass(frozen=True, slots=True)
class Look:
    """Time to look at the model: so many pairs are behind it."""

    pairs_seen: int
    steps: int
    of: int
    train_loss: float
    """Mean since the look before, with label smoothing."""
    tokens_per_second: float
    seconds: float
    """Of training, since it began."""


def fit_hybrid(
    rewriter: Rewriter,
    batches: Iterator[PairBatch],
    recipe: HybridRecipe,
    memory: Memory | None = None,
) -> Iterator[Step | Look]:
    """Trains the decoder in place, and with a `memory` the encoder and its classifier along.

    Yields a `Step` each step, and `recipe.validations` times a `Look`, the last after the last
    step. Between two yields nothing of the model changes.

    Raises:
        ArithmeticError: the loss is no longer a number.
    """
    decoder = rewriter.model.decoder
    decoder.word.weight.requires_grad_(False)
    learning: dict[nn.Module, float] = {decoder: recipe.learning_rate}
    if memory is not None:
        memory.student.encoder.requires_grad_(False)
        memory.student.encoder.layers[-recipe.encoder_layers :].requires_grad_(True)
        learning[memory.student] = recipe.encoder_learning_rate
    steps = max(1, recipe.pairs_seen // recipe.batch_size)
    optimizer = make_optimizer(learning, recipe.weight_decay)
    schedule = make_schedule(optimizer, steps, recipe.warm_up)
    head = scoring_table(rewriter)
    clock, losses, pairs_seen = Clock(steps), [], 0
    device = head.device
    for number in range(1, steps + 1):
        batch = next(batches).to(device)
        rate = float(schedule.get_last_lr()[0])
        with clock.counting(int(batch.wanted_mask.sum())):
            loss = train_step(rewriter, batch, head, optimizer, recipe, memory)
            schedule.step()
        check_finite(loss, number, steps, recipe.learning_rate)
        losses.append(loss)
        pairs_seen += len(batch.given)
        yield Step(number, steps, loss, rate, clock.speed, clock.seconds_left)
        if number * recipe.validations // steps > (number - 1) * recipe.validations // steps:
            mean = sum(losses) / len(losses)
            losses.clear()
            yield Look(pairs_seen, number, steps, mean, clock.speed, clock.seconds)
    rewriter.model.eval()


def train_step(
    rewriter: Rewriter,
    batch: PairBatch,
    head: Tensor,
    optimizer: torch.optim.Optimizer,
    recipe: HybridRecipe,
    memory: Memory | None = None,
) -> float:
    """One step down the gradient of one batch; returns the restoration's loss.

    Only real target positions are scored: padding would cost as much as words.
    """
    rewriter.model.train()
    optimizer.zero_grad(set_to_none=True)
    with autocast(head.device):
        with torch.set_grad_enabled(memory is not None):
            source = rewriter.read(batch)
        hidden = rewriter.model.decoder.states(batch.given, source).hidden
    loss = linear_cross_entropy(
        hidden[batch.wanted_mask],
        head,
        batch.wanted[batch.wanted_mask],
        label_smoothing=recipe.label_smoothing,
    )
    total = loss
    if memory is not None:
        with autocast(head.device):
            total = loss + recipe.remembering * memory.lost(batch, recipe.remembered)
    total.backward()
    learning = [weight for group in optimizer.param_groups for weight in group["params"]]
    nn.utils.clip_grad_norm_(learning, recipe.max_gradient_norm)
    optimizer.step()
    return float(loss.detach())


def scoring_table(rewriter: Rewriter) -> Tensor:
    """The word table as the head multiplies it: in bfloat16 where the hardware can."""
    table = rewriter.model.decoder.word.weight.detach()
    return table.to(torch.bfloat16) if multiplies_bfloat16(table.device) else table
