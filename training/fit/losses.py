"""What trainings minimise: a text's answer, a teacher's, and the three losses of the hybrid.

**Denoising**: cross-entropy over a sample of the vocabulary. Logits of 30,522 words at every
position cost as much as the whole decoder before them; most are far from likely, and a few thousand
tell the softmax's denominator well enough: the words of the batch for certain, the others by
chance, each of those standing for all that were passed over ("On Using Very Large Target
Vocabulary", Jean et al. 2015, section 3). What is judged always has all logits.

**Alignment**: one head is taught where each word of the target comes from (Garg et al. 2019).

**Distillation**: an encoder that learns something else is held to the answers that its classifier
gave before, by a frozen copy of it ("Learning without Forgetting", Li and Hoiem 2016). That needs
no labels, so every text that is read serves, and the few labelled ones are not learned by heart.
The answers alone, a number or two of each text, would hold the encoder loosely: so its [CLS] state,
which is all that the classifier reads, is held as well ("FitNets", Romero et al. 2015).
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    mse_loss,
)

from training.data.batches import NO_LABEL
from training.data.pair_batches import PairBatch
from training.model.classifier import BERTClassifier
from training.model.config import NUMBER, ONE_LABEL
from training.recipes import HybridRecipe, Recipe

_ALIGNED_HEAD = 0
_TINY = 1e-6  # added to a weight before its logarithm, which 0 has none of


class Candidates(NamedTuple):
    """The words that stand for the whole vocabulary in one step."""

    token_ids: Int[Tensor, " candidates"]
    """In rising order, none twice."""
    log_copies: Float[Tensor, " candidates"]
    """The logarithm of how many words each stands for: 0 for one that was there for certain."""


def denoising_loss(
    hidden: Float[Tensor, "batch target hidden"],
    batch: PairBatch,
    table: Float[Tensor, "vocabulary hidden"],
    candidates: Candidates,
    recipe: HybridRecipe,
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the target tokens; those that are no copies weigh more."""
    mask = batch.label_mask
    losses = sampled_cross_entropy(
        hidden[mask],
        table,
        batch.labels[mask],
        candidates,
        label_smoothing=recipe.label_smoothing,
    )
    weights = repair_weights(batch, recipe)
    return (losses * weights).sum() / weights.sum()


def repair_weights(batch: PairBatch, recipe: HybridRecipe) -> Float[Tensor, " positions"]:
    """What each target token counts."""
    return torch.where(batch.is_copy[batch.label_mask], 1.0, recipe.repair_weight)


def alignment_loss(
    cross_weights: Sequence[Float[Tensor, "batch heads target source"]], batch: PairBatch
) -> Float[Tensor, ""]:
    """How far one head of the last layer but one is from attending to each label's source token.

    In nats: 0 where all of its weight lies there. "Jointly Learning to Align and Translate with
    Transformer Models" (Garg et al. 2019, section 4): the head is told, and copying follows soon,
    where it would else take the greater part of a short training to be found.
    """
    weights = cross_weights[max(0, len(cross_weights) - 2)][:, _ALIGNED_HEAD]
    right = weights.float().gather(2, batch.alignment.clamp(min=0)[..., None])[..., 0]
    asked = right[batch.label_mask & batch.is_aligned]
    return -(asked + _TINY).log().mean() if len(asked) else right.sum() * 0


def batch_candidates(batch: PairBatch, vocabulary: int, recipe: HybridRecipe) -> Candidates:
    """The words of a whole batch, and as many others as the recipe says."""
    certain = torch.cat([batch.source_ids.flatten(), batch.labels.flatten()])
    return draw_candidates(certain, vocabulary=vocabulary, drawn=recipe.vocabulary_drawn)


def draw_candidates(certain: Int[Tensor, " tokens"], *, vocabulary: int, drawn: int) -> Candidates:
    """All of `certain`, and `drawn` of the other words, from torch's generator.

    With as many to draw as there are others, the sample is the whole vocabulary.
    """
    is_certain = torch.zeros(vocabulary, dtype=torch.bool, device=certain.device)
    is_certain[certain] = True
    others = (~is_certain).nonzero()[:, 0]
    picked = others[torch.randperm(len(others), device=certain.device)[:drawn]]
    log_copies = torch.zeros(vocabulary, device=certain.device)
    if len(picked):
        log_copies[picked] = torch.log(torch.tensor(len(others) / len(picked)))
    token_ids = torch.cat([is_certain.nonzero()[:, 0], picked]).sort().values
    return Candidates(token_ids, log_copies[token_ids])


def sampled_cross_entropy(
    hidden: Float[Tensor, "positions hidden"],
    table: Float[Tensor, "vocabulary hidden"],
    targets: Int[Tensor, " positions"],
    candidates: Candidates,
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, " positions"]:
    """Cross-entropy of each position's target, in nats, as if all words had a logit.

    The targets have to be among the candidates. `table` gets no gradient; logits are made in its
    dtype and summed in float32.
    """
    logits = hidden.to(table.dtype) @ table[candidates.token_ids].T
    places = torch.searchsorted(candidates.token_ids, targets)
    return cross_entropy(
        logits.float() + candidates.log_copies,
        places,
        reduction="none",
        label_smoothing=label_smoothing,
    )


def answer_loss(
    logits: Float[Tensor, "batch outputs"],
    answers: Int[Tensor, " batch"] | Float[Tensor, "batch outputs"],
    problem: str,
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """The mean loss of a batch: cross-entropy of one label, of several that hold or do not, or the
    squared error of a number."""
    if problem == NUMBER:
        return mse_loss(logits, answers)
    if problem == ONE_LABEL:
        return cross_entropy(logits, answers, label_smoothing=label_smoothing)
    smooth = answers * (1 - label_smoothing) + label_smoothing / 2
    return binary_cross_entropy_with_logits(logits, smooth)


def teacher_losses(
    logits: Float[Tensor, "batch labels"],
    answers: Float[Tensor, "batch labels"],
    labels: Int[Tensor, " batch"],
    recipe: Recipe,
) -> Float[Tensor, " batch"]:
    """How far each text's logits are from a teacher's, and from its label, where it has one.

    A text that the teacher was not asked about, whose answers are NaN, has its label alone.

    "Distilling the Knowledge in a Neural Network" (Hinton et al. 2015, section 2): both are
    softened, so that what the teacher holds possible counts beside what it chose; the square of the
    temperature keeps the gradients as large as they were.
    """
    heat, asked = recipe.teacher_temperature, ~answers.isnan().any(dim=-1)
    answers = answers.nan_to_num()
    found, wanted = ((logits / heat).log_softmax(dim=-1), (answers / heat).log_softmax(dim=-1))
    apart = kl_div(found, wanted, log_target=True, reduction="none").sum(dim=-1)
    smooth = recipe.label_smoothing
    wrong = cross_entropy(
        logits, labels, ignore_index=NO_LABEL, reduction="none", label_smoothing=smooth
    )
    taught = recipe.teacher_weight * heat**2 * apart + recipe.label_weight * wrong
    return torch.where(asked, taught, wrong)


READ = 2
"""The frozen copy reads one of so many texts of a batch."""


class DistillationLoss:
    """A classifier whose encoder learns, and its frozen copy from before."""

    def __init__(self, student: BERTClassifier) -> None:
        self.student = student
        self.teacher = deepcopy(student).eval().requires_grad_(False)

    def __call__(
        self, batch: PairBatch, hidden: Float[Tensor, "batch source hidden"]
    ) -> Float[Tensor, ""]:
        """How far the answers on a batch's sources have moved, given the hidden states now.

        The divergence of the answers, in nats, and the squared distance of the [CLS] states as a
        share of their squared length.
        """
        with torch.no_grad():
            before = self.teacher(batch.source_ids[::READ], batch.source_mask[::READ])
        now = hidden[::READ]
        answers, old_answers = (
            logits.float().log_softmax(dim=-1)
            for logits in (self.student.logits(now), before.logits)
        )
        moved = (now[:, 0].float() - before.hidden[:, 0].float()).square().sum()
        length = before.hidden[:, 0].float().square().sum()
        return kl_div(answers, old_answers, log_target=True, reduction="batchmean") + moved / length
