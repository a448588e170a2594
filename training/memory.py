"""Keeps a classifier's answers while its encoder learns something else.

"Learning without Forgetting" (Li and Hoiem 2016): a frozen copy says what the classifier answered
before, and the changing one is held to it. It needs no labels, so every clean sentence serves, and
the few labelled texts are not learned by heart.
"""

from copy import deepcopy

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from training.model.classifier import BERTClassifier
from training.pair_batches import PairBatch


class Memory:
    """A classifier that learns along with its encoder, and its frozen copy from before."""

    def __init__(self, student: BERTClassifier) -> None:
        self.student = student
        self.teacher = deepcopy(student).eval().requires_grad_(False)

    def lost(self, batch: PairBatch, most: int) -> Tensor:
        """How far the answers on up to so many of a batch's clean targets have moved, in nats."""
        token_ids = torch.cat([batch.given[:most, :1], batch.wanted[:most]], dim=1)
        mask = torch.cat(
            [torch.ones_like(batch.wanted_mask[:most, :1]), batch.wanted_mask[:most]], dim=1
        )
        with torch.no_grad():
            before = self.teacher(token_ids, mask).logits.float().log_softmax(dim=-1)
        now = self.student(token_ids, mask).logits.float().log_softmax(dim=-1)
        return kl_div(now, before, log_target=True, reduction="batchmean")
