"""The decoder's training loop: teacher forcing on (source, target) batches; it prints nothing.

The word table does not learn: it is the encoder's own, so the decoder knows the words from the
start, and neither a gradient nor a step of the optimiser is spent on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.data.pair_batches import PairBatch
from training.fit.losses import DistillationLoss, alignment_loss, denoising_loss
from training.fit.optim import Throughput, TrainStep, check_finite, make_optimizer, make_schedule
from training.hybrid.seq2seq import Seq2Seq
from training.hybrid.tasks import HybridTask, Shown
from training.recipes import HybridRecipe, autocast, multiplies_bfloat16


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the model is worth on the validation part, when so many pairs are behind it."""

    pairs_seen: int
    steps: int
    of: int
    train_loss: float
    """Mean since the evaluation before, with label smoothing."""
    tokens_per_second: float
    seconds: float
    """Of training alone, since it began."""
    loss: float
    """Of a target token, in nats."""
    scores: dict[str, Any]
    """What the task measures on texts generated from its questions."""
    sample: Shown
    """One of them, and each time the next."""


def fit_hybrid(
    seq2seq: Seq2Seq,
    task: HybridTask,
    recipe: HybridRecipe,
    distillation: DistillationLoss | None = None,
) -> Iterator[TrainStep | Evaluation]:
    """Trains the decoder in place, and with a `distillation` the encoder and its classifier along.

    Yields a `TrainStep` each step, and `recipe.validations` times an `Evaluation`, the last after
    the last step. Raises ArithmeticError: the loss is no longer a number.
    """
    steps = max(1, recipe.pairs_seen // recipe.batch_size)
    learning = _learning(seq2seq, recipe, joint=distillation is not None)
    optimizer = make_optimizer(learning, recipe.weight_decay)
    schedule = make_schedule(optimizer, steps, recipe.warm_up)
    table = output_table(seq2seq)
    batches, throughput = task.batches(seq2seq, recipe), Throughput(steps)
    losses, pairs_seen, evaluations = [], 0, 0
    for number in range(1, steps + 1):
        batch = next(batches).to(table.device)
        rate = float(schedule.get_last_lr()[0])
        with throughput.counting(int(batch.label_mask.sum())):
            loss = train_step(seq2seq, batch, table, optimizer, recipe, distillation)
            schedule.step()
        check_finite(loss, number, steps, recipe.learning_rate)
        losses.append(loss)
        pairs_seen += len(batch.labels)
        yield throughput.record(loss, rate)
        if number * recipe.validations // steps > (number - 1) * recipe.validations // steps:
            mean, seconds = sum(losses) / len(losses), throughput.seconds
            losses.clear()
            done = (pairs_seen, number, steps, mean, throughput.speed, seconds)
            yield Evaluation(*done, *_evaluate(seq2seq, task, evaluations))
            evaluations += 1
    seq2seq.model.eval()


def _evaluate(
    seq2seq: Seq2Seq, task: HybridTask, shown: int
) -> tuple[float, dict[str, Any], Shown]:
    questions = task.questions("validation")
    loss = seq2seq.loss(seq2seq.encode(questions))
    generated = seq2seq.generate([question.source for question in questions])
    chosen = shown % len(questions)
    sample = Shown(questions[chosen].source, generated[chosen], questions[chosen].target)
    return loss, task.measure("validation", generated), sample


def _learning(seq2seq: Seq2Seq, recipe: HybridRecipe, *, joint: bool) -> dict[nn.Module, float]:
    """What learns, with its highest learning rate."""
    decoder = seq2seq.model.decoder
    decoder.word.weight.requires_grad_(False)
    learning: dict[nn.Module, float] = {decoder: recipe.learning_rate}
    if joint:
        encoder = seq2seq.model.encoder.requires_grad_(False)
        last = encoder.layers[-recipe.encoder_layers :].requires_grad_(True)
        learning[last] = recipe.encoder_learning_rate
    return learning


def train_step(
    seq2seq: Seq2Seq,
    batch: PairBatch,
    table: Float[Tensor, "vocabulary hidden"],
    optimizer: torch.optim.Optimizer,
    recipe: HybridRecipe,
    distillation: DistillationLoss | None = None,
) -> float:
    """One step down the gradient of one batch; returns the denoising loss alone.

    Only real target positions get logits: padding would cost as much as words. An encoder that
    learns does so without dropout: what it reads is corrupted already.
    """
    seq2seq.model.decoder.train()
    optimizer.zero_grad(set_to_none=True)
    with autocast(table.device):
        with torch.set_grad_enabled(distillation is not None):
            source = seq2seq.read(batch)
        states = seq2seq.model.decoder(batch.decoder_input_ids, source)
    loss = denoising_loss(states.hidden, batch, table, recipe)
    total = loss + recipe.alignment_weight * alignment_loss(states.cross_weights, batch)
    if distillation is not None:
        with autocast(table.device):
            total = total + recipe.distillation_weight * distillation(batch, source.hidden)
    total.backward()
    learning = [weight for group in optimizer.param_groups for weight in group["params"]]
    nn.utils.clip_grad_norm_(learning, recipe.max_gradient_norm)
    optimizer.step()
    return float(loss.detach())


def output_table(seq2seq: Seq2Seq) -> Tensor:
    """The word table as the head multiplies it: in bfloat16 where the hardware can."""
    table = seq2seq.model.decoder.word.weight.detach()
    return table.to(torch.bfloat16) if multiplies_bfloat16(table.device) else table
