"""The decoder's training loop: teacher forcing on (source, target) batches; it prints nothing.

A sibling of `fit.py`. The word table does not learn: it is the encoder's own, so the decoder knows
the words from the start, and neither a gradient nor a step of the optimiser is spent on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.cli import Clock, Step
from training.data.pair_batches import PairBatch
from training.fit.losses import Memory, draw_candidates, sampled_cross_entropy
from training.fit.optim import check_finite, make_optimizer, make_schedule
from training.hybrid.seq2seq import Rewriter
from training.model.decoder import DecoderStates
from training.precision import autocast, multiplies_bfloat16
from training.recipes import HybridRecipe

_ALIGNED_HEAD = 0


_TINY = 1e-6  # added to a weight before its logarithm, which 0 has none of


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
        encoder = rewriter.model.encoder.requires_grad_(False)
        learning[encoder.layers[-recipe.encoder_layers :].requires_grad_(True)] = (
            recipe.encoder_learning_rate
        )
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

    Only real target positions are scored: padding would cost as much as words. An encoder that
    learns does so without dropout: what it reads is spoiled already.
    """
    rewriter.model.decoder.train()
    optimizer.zero_grad(set_to_none=True)
    with autocast(head.device):
        with torch.set_grad_enabled(memory is not None):
            source = rewriter.read(batch)
        states = rewriter.model.decoder.hidden_states(batch.given, source)
    loss = restoration_loss(states.hidden, batch, head, recipe)
    total = loss + recipe.aligning * alignment_loss(states, batch)
    if memory is not None:
        with autocast(head.device):
            total = total + recipe.remembering * memory.lost(batch, source.hidden)
    total.backward()
    learning = [weight for group in optimizer.param_groups for weight in group["params"]]
    nn.utils.clip_grad_norm_(learning, recipe.max_gradient_norm)
    optimizer.step()
    return float(loss.detach())


def restoration_loss(
    hidden: Float[Tensor, "batch target hidden"],
    batch: PairBatch,
    head: Float[Tensor, "vocabulary hidden"],
    recipe: HybridRecipe,
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the target tokens; those that are no copies weigh more."""
    mask = batch.wanted_mask
    candidates = draw_candidates(
        torch.cat([batch.source_ids.flatten(), batch.wanted.flatten()]),
        vocabulary=len(head),
        drawn=recipe.vocabulary_drawn,
    )
    losses = sampled_cross_entropy(
        hidden[mask],
        head,
        batch.wanted[mask],
        candidates,
        label_smoothing=recipe.label_smoothing,
    )
    weights = torch.where(batch.copied[mask], 1.0, recipe.repairing)
    return (losses * weights).sum() / weights.sum()


def alignment_loss(states: DecoderStates, batch: PairBatch) -> Float[Tensor, ""]:
    """How far one head of the last layer but one is from looking at each token's partner, in nats.

    Where a token comes from is known, so one head is told: "Jointly Learning to Align and Translate
    with Transformer Models" (Garg et al. 2019, section 4). Copying follows soon, where it would
    else take the greater part of a short training to be found.
    """
    weights = states.cross_weights[max(0, len(states.cross_weights) - 2)][:, _ALIGNED_HEAD]
    right = weights.float().gather(2, batch.partners.clamp(min=0)[..., None])[..., 0]
    asked = right[batch.wanted_mask & batch.has_partner]
    return -(asked + _TINY).log().mean() if len(asked) else right.sum() * 0


def scoring_table(rewriter: Rewriter) -> Tensor:
    """The word table as the head multiplies it: in bfloat16 where the hardware can."""
    table = rewriter.model.decoder.word.weight.detach()
    return table.to(torch.bfloat16) if multiplies_bfloat16(table.device) else table
