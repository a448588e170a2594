"""Two graphs of one classifier on texts that training never saw: do they agree, and on the maps?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime

from training.batches import Batch, EncodedText, pad

_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far a second graph is from a first on the same texts."""

    texts: int
    same_label: float
    """Share of texts that get the same label from both."""
    accuracy: tuple[float, float] | None
    """Of the first graph and of the second; None where the right labels are not known."""
    map_error: dict[str, float]
    """Mean, 99th percentile and maximum, over all rows of all maps, of the total variation
    distance: half the sum of absolute differences, the share of a row's weight that moved."""
    differences: dict[str, float]
    """Largest absolute difference of the logits and of the maps."""


def compare_graphs(
    first: onnxruntime.InferenceSession,
    second: onnxruntime.InferenceSession,
    texts: Sequence[EncodedText],
    *,
    labelled: bool,
    pad_token_id: int,
) -> Agreement:
    """Runs both graphs over all `texts`, of which there must be at least one.

    `labelled` says whether the texts' labels are the right ones, so that accuracy can be told.
    """
    maps = [o.name for o in first.get_outputs() if o.name.startswith("encoder_attentions.")]
    logits: list[tuple[np.ndarray, np.ndarray]] = []
    distances, largest = [], 0.0
    for batch in _batches(texts, pad_token_id):
        feed = _feed(batch)
        left, right = (session.run(["logits", *maps], feed) for session in (first, second))
        logits.append((left[0], right[0]))
        for ours, theirs in zip(left[1:], right[1:], strict=True):
            moved = np.abs(ours - theirs)
            largest = max(largest, float(moved.max()))
            rows = moved.sum(axis=-1).transpose(0, 2, 1) / 2  # (batch, query, heads)
            distances.append(rows[batch.padding_mask.numpy()].ravel())
    labels = np.concatenate([batch.labels for batch in _batches(texts, pad_token_id)])
    a, b = (np.concatenate(parts) for parts in zip(*logits, strict=True))
    chosen = a.argmax(axis=1), b.argmax(axis=1)
    moved_rows = np.concatenate(distances)
    return Agreement(
        texts=len(labels),
        same_label=_share(chosen[0] == chosen[1]),
        accuracy=(_share(chosen[0] == labels), _share(chosen[1] == labels)) if labelled else None,
        map_error={
            "mean": float(moved_rows.mean()),
            "p99": float(np.quantile(moved_rows, 0.99)),
            "max": float(moved_rows.max()),
        },
        differences={"logits": float(np.abs(a - b).max()), "encoder_attentions": largest},
    )


def _batches(texts: Sequence[EncodedText], pad_token_id: int) -> Iterator[Batch]:
    ordered = sorted(texts, key=lambda text: len(text.token_ids))
    for start in range(0, len(ordered), _BATCH):
        yield pad(ordered[start : start + _BATCH], pad_token_id=pad_token_id)


def _feed(batch: Batch) -> dict[str, np.ndarray]:
    return {
        "input_ids": batch.token_ids.numpy(),
        "attention_mask": batch.padding_mask.numpy().astype(np.int64),
        "token_type_ids": batch.segment_ids.numpy(),
    }


def _share(holds: np.ndarray) -> float:
    return float(holds.mean())
