"""How far an 8-bit graph is from float32's on the same texts: its answers, and its maps.

Maps are compared by the total variation distance of their rows. Of two decoders, each behind its
encoder, they are compared along the text that the first pair wrote: two texts that part ways would
compare different things.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime

from bundle_format.graphs import ComparedTexts, GreedyTexts, MapError, WritingMapError
from export.eval_texts import HeldOut, Sources, batches, by_length, feed_of
from export.loading.checkpoint import LoadedDecoder
from export.quantize.choices import Choices, cosines, pool
from export.runtime.writing import GraphPair, Texts, longest_source, longest_text, write_with_graphs
from training.data.batches import Batch


def moved_shares(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Half the sum of absolute differences: the share of each row's weight that moved.

    Args:
        one, other: maps of shape (batch, heads, query, key).

    Returns:
        Shape (batch, query, heads), so that a mask of real queries can choose among them.
    """
    return np.abs(one - other).sum(axis=-1).transpose(0, 2, 1) / 2


def summarize(shares: Sequence[np.ndarray]) -> MapError:
    """Mean, 99th percentile and largest of many rows' moved shares."""
    rows = np.concatenate([part.ravel() for part in shares])
    p99 = float(np.quantile(rows, 0.99))
    return MapError(mean=float(rows.mean()), p99=p99, max=float(rows.max()))


@dataclass(frozen=True, kw_only=True)
class EncoderAgreement:
    """How far a second graph is from a first on the same texts."""

    texts: ComparedTexts
    map_error: MapError
    """Over all rows of all maps."""
    differences: dict[str, float]
    """Largest absolute difference of the answers (without any, of the last hidden state) and of the
    maps."""


def compare_encoders(
    first: onnxruntime.InferenceSession,
    second: onnxruntime.InferenceSession,
    held_out: HeldOut,
    *,
    pad_id: int,
    choices: Choices | None = None,
) -> EncoderAgreement:
    """Runs both graphs over all texts, of which there must be at least one.

    Args:
        choices: how answers are read; as labels of texts unless given.
    """
    choices = choices or Choices()
    outputs = [output.name for output in first.get_outputs()]
    maps = [name for name in outputs if name.startswith("encoder_attentions.")]
    answers = outputs[: outputs.index("last_hidden_state")] or ["last_hidden_state"]
    furthest = dict.fromkeys((*answers, "encoder_attentions"), 0.0)
    chosen, shares, alike = [], [], []
    texts = by_length(choices.prepare(held_out.texts))
    for batch in batches(texts, pad_id, held_out.longest):
        ids, real = batch.token_ids.numpy(), batch.padding_mask.numpy()
        feed = feed_of(batch, first)
        left, right = (
            dict(zip([*answers, *maps], session.run([*answers, *maps], feed), strict=True))
            for session in (first, second)
        )
        chosen.append(tuple(choices.choose(one, ids, real) for one in (left, right)))
        if choices.pooling:
            last = (one["last_hidden_state"] for one in (left, right))
            alike.append(cosines(*(pool(one, real, choices.pooling) for one in last)))
        for name in answers:
            both = (_of_real(one[name], real, choices.task) for one in (left, right))
            _note(furthest, name, *both)
        for name in maps:
            _note(furthest, "encoder_attentions", left[name], right[name])
            shares.append(moved_shares(left[name], right[name])[real])
    found = ComparedTexts(texts=len(texts), from_=held_out.origin)
    if alike:
        every = np.concatenate(alike)
        found = replace(found, cosine=float(every.mean()), least_cosine=float(every.min()))
    if not held_out.random:
        labelled = choices.knows_labels(texts, held_out.labelled)
        found = _answers_agree(found, chosen, [text.label for text in texts], labelled)
    return EncoderAgreement(texts=found, map_error=summarize(shares), differences=furthest)


def _of_real(found: np.ndarray, real: np.ndarray, task: str) -> np.ndarray:
    """Of an answer for each token, those of real ones; any other answer as it is."""
    return found[real] if found.shape[:2] == real.shape and task != "classify" else found


def _note(furthest: dict[str, float], kind: str, one: np.ndarray, other: np.ndarray) -> None:
    furthest[kind] = max(furthest[kind], float(np.abs(one - other).max()))


def _answers_agree(
    found: ComparedTexts,
    chosen: Sequence[tuple[np.ndarray, ...]],
    labels: Sequence[int | tuple[float, ...]],
    labelled: bool,
) -> ComparedTexts:
    """With the share of choices that are the same by both graphs, where there are any; and, where
    the right ones are known, the accuracy of each."""
    first, second = (np.concatenate(part) for part in zip(*chosen, strict=True))
    if not len(first):
        return found
    same = (first == second).reshape(len(first), -1).all(axis=1)
    found = replace(found, same_label=float(same.mean()))
    if not labelled:
        return found
    right = np.array(labels)
    before, after = (float((chosen == right).mean()) for chosen in (first, second))
    return replace(found, accuracy_float32=before, accuracy_8bit=after)


_KINDS = ("decoder_attentions", "cross_attentions")


@dataclass(frozen=True, kw_only=True)
class DecoderAgreement:
    """How far a second pair of graphs is from a first on the same sources."""

    greedy: GreedyTexts
    """How many texts both write the same, greedily, token for token."""
    map_error: WritingMapError
    """Over all rows of all maps of a kind."""
    differences: dict[str, float]
    """Largest absolute difference of the logits and of each kind of map."""


def same_texts(sources: Sources, one: Texts, other: Texts) -> GreedyTexts:
    """The share of the sources' texts that are the same, token for token."""
    share = sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
    return GreedyTexts(sources=len(sources.texts), origin=sources.origin, same_text=share)


def compare_decoders(
    first: GraphPair, second: GraphPair, sources: Sources, written: Texts, part: LoadedDecoder
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
                _note(furthest, kind, ours, theirs)
            if kind in shares:
                shares[kind].append(moved_shares(ours, theirs)[real])
    return DecoderAgreement(
        greedy=same_texts(sources, written, again),
        map_error=WritingMapError(
            decoder_attentions=summarize(shares["decoder_attentions"]),
            cross_attentions=summarize(shares["cross_attentions"]),
        ),
        differences=furthest,
    )


def _target(
    batch: Batch, texts: Sequence[Sequence[int]], part: LoadedDecoder
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
