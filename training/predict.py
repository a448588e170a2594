"""Runs a classifier over many texts and gives their logits, in the texts' own order."""

from collections.abc import Sequence

import numpy as np
import torch

from training.batches import EncodedText, pad
from training.model.classifier import BERTClassifier


@torch.no_grad()
def predict_logits(
    model: BERTClassifier, texts: Sequence[EncodedText], *, batch_size: int = 32
) -> np.ndarray:
    """Logits (texts, labels) in float32, without dropout; the model's mode is left as it was."""
    was_training = model.training
    device = next(model.parameters()).device
    pad_token_id = model.config.encoder.pad_token_id or 0
    order = sorted(range(len(texts)), key=lambda i: len(texts[i].token_ids))
    logits = np.zeros((len(texts), len(model.config.labels)), dtype=np.float32)
    model.eval()
    try:
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            chosen = [texts[i] for i in places]
            batch = pad(chosen, pad_token_id=pad_token_id).to(device)
            logits[places] = model(*batch[:3]).logits.float().cpu().numpy()
    finally:
        model.train(was_training)
    return logits
