"""Keeps a classifier's answers while its encoder learns something else.

"Learning without Forgetting" (Li and Hoiem 2016): a frozen copy says what the classifier answered
before, and the changing one is held to it. It needs no labels, so every text that is read serves,
and the few labelled ones are not learned by heart. The answers alone, a number or two of each text,
would hold the encoder loosely: so its [CLS] state, which is all that the classifier reads, is held
as well ("FitNets", Romero et al. 2015).
"""

from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import kl_div

from training.model.classifier import BERTClassifier
from training.pair_batches import PairBatch

_EVERY = 2  # texts: the copy reads only so many of a batch


class Memory:
    """A classifier whose encoder learns, and its frozen copy from before."""

    def __init__(self, student: BERTClassifier) -> None:
        self.student = student
        self.teacher = deepcopy(student).eval().requires_grad_(False)

    def lost(
        self, batch: PairBatch, hidden: Float[Tensor, "batch source hidden"]
    ) -> Float[Tensor, ""]:
        """How far the answers on a batch's sources have moved, given the hidden states now.

        The divergence of the answers, in nats, and the squared distance of the [CLS] states as a
        share of their squared length.
        """
        with torch.no_grad():
            before = self.teacher(batch.source_ids[::_EVERY], batch.source_mask[::_EVERY])
        now = hidden[::_EVERY]
        answers, wanted = (
            logits.float().log_softmax(dim=-1)
            for logits in (self.student.score(now), before.logits)
        )
        moved = (now[:, 0].float() - before.hidden[:, 0].float()).square().sum()
        length = before.hidden[:, 0].float().square().sum()
        return kl_div(answers, wanted, log_target=True, reduction="batchmean") + moved / length
