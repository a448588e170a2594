"""How far an 8-bit graph is from float32's on the same texts: its answers, and its maps.

Maps are compared by the total variation distance of their rows. Of two decoders, each behind its
encoder, they are compared along the text that the first pair wrote: two texts that part ways would
compare different things.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from export.eval_texts import HeldOut, Sources, batches, by_length, feed_of
from export.loading import DecoderPart
from export.runtime.writing import (
    GraphPair,
    Texts,
    longest_source,
    longest_text,
    same_share,
    write_with_graphs,
)
from training.data.batches import Batch


def moved_shares(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Half the sum of absolute differences: the share of each row's weight that moved.

    Args:
        one, other: maps of shape (batch, heads, query, key).

    Returns:
        Shape (batch, query, heads), so that a mask of real queries can choose among them.
    """
    return np.abs(one - other).sum(axis=-1).transpose(0, 2, 1) / 2


def summarise(shares: Sequence[np.ndarray]) -> dict[str, float]:
    """Mean, 99th percentile and largest of many rows' moved shares."""
    rows = np.concatenate([part.ravel() for part in shares])
    return {
        "mean": float(rows.mean()),
        "p99": float(np.quantile(rows, 0.99)),
        "max": float(rows.max()),
    }


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


_KINDS = ("decoder_attentions", "cross_attentions")


@dataclass(frozen=True, kw_only=True)
class DecoderAgreement:
    """How far a second pair of graphs is from a first on the same sources."""

    sources: Sources
    same_text: float
    """Share of sources from which both write the same, greedily, token for token."""
    map_error: dict[str, dict[str, float]]
    """Kind of map -> what `map_error.summarise` says, over all rows of all of them."""
    differences: dict[str, float]
    """Largest absolute difference of the logits and of each kind of map."""

    def entry(self) -> dict[str, Any]:
        """What `bundle.json` keeps of it."""
        return {
            "difference_from_float32": self.differences,
            "map_error": self.map_error,
            "greedy": greedy_entry(self.sources, self.same_text),
        }


def greedy_entry(sources: Sources, same_text: float) -> dict[str, Any]:
    """What `bundle.json` says of greedy texts: of how many, and the share that is the same."""
    return {"sources": len(sources.texts), "origin": sources.origin, "same_text": same_text}


def compare_decoders(
    first: GraphPair, second: GraphPair, sources: Sources, written: Texts, part: DecoderPart
) -> DecoderAgreement:
    """Writes with the second pair, and follows with both what the first has `written`."""
    again = write_with_graphs(second, part, sources.texts)
    shares: dict[str, list[np.ndarray]] = {kind: [] for kind in _KINDS}
    furthest = dict.fromkeys(("logits", *_KINDS), 0.0)
    texts = iter(written)
    for batch in batches(sources.texts, part.source_pad_id, longest_source(part)):
        target, real = _target(batch, [next(texts) for _ in batch.token_ids], part)
        left, right = (pair.follow(batch, target) for pair in (first, second))
        for name, ours in left.items():
            kind, theirs = name.split(".")[0], right[name]
            if kind == "logits":
                ours, theirs = ours[real], theirs[real]
            if kind in furthest:
                furthest[kind] = max(furthest[kind], float(np.abs(ours - theirs).max()))
            if kind in shares:
                shares[kind].append(moved_shares(ours, theirs)[real])
    return DecoderAgreement(
        sources=sources,
        same_text=same_share(written, again),
        map_error={kind: summarise(found) for kind, found in shares.items()},
        differences=furthest,
    )


def _target(
    batch: Batch, texts: Sequence[Sequence[int]], part: DecoderPart
) -> tuple[np.ndarray, np.ndarray]:
    """What was fed while the texts were written, padded on the right, where nothing sees it; and
    where it is real: both (batch, target)."""
    fed = [[part.tokens.start, *text][: longest_text(batch, part)] for text in texts]
    target = np.full((len(batch.token_ids), max(map(len, fed))), part.tokens.pad, np.int64)
    real = np.zeros(target.shape, bool)
    for row, ids in enumerate(fed):
        target[row, : len(ids)] = ids
        real[row, : len(ids)] = True
    return target, real
