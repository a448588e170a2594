"""Two graphs of one encoder on the same texts: do they answer alike, and how far are their maps?

`decoder_agreement.py` is its counterpart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from export.held_out import HeldOut, batches, by_length, feed_of
from export.map_error import moved_shares, summarise


@dataclass(frozen=True, kw_only=True)
class EncoderAgreement:
    """How far a second graph is from a first on the same texts."""

    texts: int
    origin: Mapping[str, int]
    """Where they come from, as `HeldOut` says."""
    same_label: float | None
    """Share of texts that get the same label from both; None without a classifier, and of
    random tokens."""
    accuracy: tuple[float, float] | None
    """Of the first graph and of the second; None where the right labels are not known."""
    map_error: dict[str, float]
    """As `map_error.summarise` says, over all rows of all maps."""
    differences: dict[str, float]
    """Largest absolute difference of the logits (without a classifier, of the last hidden state)
    and of the maps."""

    def entry(self) -> dict[str, Any]:
        """What `bundle.json` keeps of it."""
        held_out: dict[str, Any] = {"texts": self.texts, "from": dict(self.origin)}
        if self.same_label is not None:
            held_out["same_label"] = self.same_label
        if self.accuracy:
            held_out["accuracy_float32"], held_out["accuracy_8bit"] = self.accuracy
        return {
            "difference_from_float32": self.differences,
            "map_error": self.map_error,
            "held_out": held_out,
        }


def compare_encoders(
    first: onnxruntime.InferenceSession,
    second: onnxruntime.InferenceSession,
    held_out: HeldOut,
    *,
    pad_id: int,
) -> EncoderAgreement:
    """Runs both graphs over all texts, of which there must be at least one."""
    outputs = [output.name for output in first.get_outputs()]
    maps = [name for name in outputs if name.startswith("encoder_attentions.")]
    answer = "logits" if "logits" in outputs else "last_hidden_state"
    logits: list[tuple[np.ndarray, np.ndarray]] = []
    shares, furthest = [], {answer: 0.0, "encoder_attentions": 0.0}
    texts = by_length(held_out.texts)
    for batch in batches(texts, pad_id, held_out.longest):
        real, feed = batch.padding_mask.numpy(), feed_of(batch, first)
        left, right = (session.run([answer, *maps], feed) for session in (first, second))
        if answer == "logits":
            logits.append((left[0], right[0]))
        else:
            left[0], right[0] = left[0][real], right[0][real]
        _note(furthest, answer, left[0], right[0])
        for ours, theirs in zip(left[1:], right[1:], strict=True):
            _note(furthest, "encoder_attentions", ours, theirs)
            shares.append(moved_shares(ours, theirs)[real])
    labels = np.array([text.label for text in texts])
    compared = logits and not held_out.random
    same, accuracy = _labels_agree(logits, labels) if compared else (None, None)
    return EncoderAgreement(
        texts=len(texts),
        origin=held_out.origin,
        same_label=same,
        accuracy=accuracy if held_out.labelled else None,
        map_error=summarise(shares),
        differences=furthest,
    )


def _note(furthest: dict[str, float], kind: str, one: np.ndarray, other: np.ndarray) -> None:
    furthest[kind] = max(furthest[kind], float(np.abs(one - other).max()))


def _labels_agree(
    logits: Sequence[tuple[np.ndarray, np.ndarray]], labels: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """The share of texts with the same label from both graphs, and the accuracy of each."""
    first, second = (np.concatenate(part).argmax(axis=1) for part in zip(*logits, strict=True))
    return _share(first == second), (_share(first == labels), _share(second == labels))


def _share(holds: np.ndarray) -> float:
    return float(holds.mean())
