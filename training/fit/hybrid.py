"""A decoder's training: teacher forcing on (source, target) batches. `loop.py` runs it.

The word table does not learn: it is the encoder's own, so the decoder knows the words from the
start, and neither a gradient nor a step of the optimiser is spent on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from jaxtyping import Float, Int
from torch import Tensor, nn

from training.checkpoints.run_states import RunStates
from training.data.pair_batches import PairBatch
from training.fit.loop import Loss, Training, run
from training.fit.losses import (
    READ,
    Candidates,
    DistillationLoss,
    alignment_loss,
    batch_candidates,
    denoising_loss,
    repair_weights,
)
from training.fit.optim import make_optimizer, make_schedule
from training.fit.progress import Throughput, TrainStep
from training.hybrid.seq2seq import Seq2Seq
from training.hybrid.tasks import HybridTask, Shown
from training.recipes import HybridRecipe, uses_bfloat16


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
    accelerator: Accelerator | None = None,
    states: RunStates | None = None,
) -> Iterator[TrainStep | Evaluation]:
    """Trains the decoder in place, and with a `distillation` the encoder and its classifier along.

    Yields a `TrainStep` each step, and `recipe.validations` times an `Evaluation`, the last after
    the last step. Raises what `run` does.
    """
    yield from run(HybridTraining(seq2seq, task, recipe, distillation), accelerator, states)
    seq2seq.model.eval()


class Counts(NamedTuple):
    """What the means of a batch's losses are taken over."""

    weight: Float[Tensor, ""]
    """Of its target tokens."""
    aligned: Int[Tensor, ""]
    """Target tokens that stand for a source token."""
    texts: int
    """That the frozen copy of the classifier reads."""


class WholeBatch(NamedTuple):
    """What the pieces of a batch share."""

    candidates: Candidates
    counts: Counts


class HybridObjective(nn.Module):
    """The loss of the target, that of the alignment, and that of forgetting."""

    def __init__(
        self, seq2seq: Seq2Seq, recipe: HybridRecipe, distillation: DistillationLoss | None
    ) -> None:
        super().__init__()
        self.model = seq2seq.model
        self.seq2seq, self.recipe, self.distillation = seq2seq, recipe, distillation
        self.table = output_table(seq2seq)

    def counts(self, batch: PairBatch) -> Counts:
        """Of a batch or a piece of one."""
        aligned = (batch.label_mask & batch.is_aligned).sum().clamp(min=1)
        weight = repair_weights(batch, self.recipe).sum()
        return Counts(weight, aligned, len(batch.labels[::READ]))

    def forward(self, piece: PairBatch, whole: WholeBatch) -> Loss:
        """The losses of a piece as its share of the batch; what is shown is the denoising alone.

        Only real target positions get logits: padding would cost as much as words. An encoder that
        learns does so without dropout: what it reads is corrupted already.
        """
        recipe, own, of = self.recipe, self.counts(piece), whole.counts
        self.model.decoder.train()
        with torch.set_grad_enabled(self.distillation is not None):
            source = self.seq2seq.read(piece)
        states = self.model.decoder(piece.decoder_input_ids, source)
        loss = denoising_loss(states.hidden, piece, self.table, whole.candidates, recipe)
        loss = loss * (own.weight / of.weight)
        aligning = alignment_loss(states.cross_weights, piece) * (own.aligned / of.aligned)
        total = loss + recipe.alignment_weight * aligning
        if self.distillation is not None:
            forgetting = self.distillation(piece, source.hidden) * (own.texts / of.texts)
            total = total + recipe.distillation_weight * forgetting
        return Loss(total, loss)


class HybridTraining(Training):
    """What the loop needs of a hybrid."""

    event = Evaluation
    objective: HybridObjective

    def __init__(
        self,
        seq2seq: Seq2Seq,
        task: HybridTask | None,
        recipe: HybridRecipe,
        distillation: DistillationLoss | None,
    ) -> None:
        """`task` may be None where single steps are taken."""
        self.seq2seq, self.task, self.recipe = seq2seq, task, recipe
        self.steps = max(1, recipe.pairs_seen // recipe.batch_size)
        learning = _learning(seq2seq, recipe, joint=distillation is not None)
        self.optimizer = make_optimizer(learning, recipe.weight_decay)
        self.learning = [w for group in self.optimizer.param_groups for w in group["params"]]
        self.schedule = make_schedule(self.optimizer, self.steps, recipe.warm_up)
        self.objective = HybridObjective(seq2seq, recipe, distillation)
        self.losses: list[float] = []
        self.pairs_seen = self.evaluations = 0

    def batches(self) -> Iterator[PairBatch]:
        """As many as there are steps."""
        assert self.task is not None
        return islice(self.task.batches(self.seq2seq, self.recipe), self.steps)

    def whole(self, batch: PairBatch) -> WholeBatch:
        """The words that are drawn for it, and its counts."""
        candidates = batch_candidates(batch, len(self.objective.table), self.recipe)
        return WholeBatch(candidates, self.objective.counts(batch))

    def tokens(self, batch: PairBatch) -> int:
        """Real ones of the targets."""
        return int(batch.label_mask.sum())

    def after(self, batch: PairBatch, loss: float, throughput: Throughput) -> Iterator[Evaluation]:
        """Evaluates the model so many times in all, at equal distances."""
        self.losses.append(loss)
        self.pairs_seen += len(batch.labels)
        number, times = throughput.done, self.recipe.validations
        if number * times // self.steps > (number - 1) * times // self.steps:
            assert self.task is not None
            mean = sum(self.losses) / len(self.losses)
            done = (self.pairs_seen, number, self.steps, mean, throughput.speed, throughput.seconds)
            yield Evaluation(*done, *_evaluate(self.seq2seq, self.task, self.evaluations))
            self.evaluations += 1
            self.losses.clear()

    def state_dict(self) -> dict[str, Any]:
        """What has been counted."""
        counted = {"pairs_seen": self.pairs_seen, "evaluations": self.evaluations}
        return {"losses": list(self.losses), **counted}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on counting."""
        self.losses = list(state["losses"])
        self.pairs_seen, self.evaluations = state["pairs_seen"], state["evaluations"]


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
    encoder = seq2seq.model.encoder.requires_grad_(False)
    if joint:
        last = encoder.layers[-recipe.encoder_layers :].requires_grad_(True)
        learning[last] = recipe.encoder_learning_rate
    return learning


def output_table(seq2seq: Seq2Seq) -> Tensor:
    """The word table as the head multiplies it: in bfloat16 where the hardware can."""
    table = seq2seq.model.decoder.word.weight.detach()
    return table.to(torch.bfloat16) if uses_bfloat16(table.device) else table
