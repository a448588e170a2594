"""How far the 8-bit graphs of a generator are from its float32 graphs: what they write, and their
maps along the texts that float32 wrote."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import log_softmax

from bundle_format.graphs import MapError, WritingMapError
from export.eval_texts import Sources
from export.generators.texts import GraphsOfGenerator, TextWriter
from export.quantize.agreement import DecoderAgreement, moved_shares, same_texts, summarize
from export.runtime.writing import Texts

_MAPS = ("decoder_attentions", "cross_attentions")


def compare_generators(
    first: GraphsOfGenerator,
    second: GraphsOfGenerator,
    writer: TextWriter,
    sources: Sources,
    written: Texts,
) -> DecoderAgreement:
    """Writes with the second graphs, and follows with both what the first have `written`."""
    again = writer.by_graphs(second, sources.texts)
    shares: dict[str, list[np.ndarray]] = {kind: [] for kind in _MAPS}
    furthest: dict[str, float] = {}
    divergences: list[np.ndarray] = []
    same, tokens = 0, 0
    for text, ids in zip(sources.texts, written, strict=True):
        given, rules = writer.given(text), writer.rules(text)
        whole = [*given, *ids]
        left, right = (one.follow(text.token_ids, whole[:-1]) for one in (first, second))
        for name, ours in left.items():
            kind, theirs = name.split(".")[0], right[name]
            if kind in ("logits", *_MAPS):
                difference = float(np.abs(ours - theirs).max())
                furthest[kind] = max(difference, furthest.get(kind, 0.0))
            if kind in _MAPS:
                shares[kind].append(moved_shares(ours, theirs))
        divergences.append(_divergence(left["logits"][0], right["logits"][0]))
        for place in range(len(given), len(whole)):
            scores = rules.apply(right["logits"][0, place - 1], whole[:place])
            same += int(scores.argmax()) == whole[place]
            tokens += 1
    greedy = replace(
        same_texts(sources, written, again),
        same_token=same / max(1, tokens),
        divergence=float(np.concatenate(divergences).mean()),
    )
    return DecoderAgreement(
        greedy=greedy,
        map_error=WritingMapError(
            decoder_attentions=_summary(shares["decoder_attentions"]),
            cross_attentions=_summary(shares["cross_attentions"]),
        ),
        differences=furthest,
    )


def _divergence(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """At each position, in nats, how far the other's probabilities are from the one's; of logits
    (positions, vocabulary)."""
    first, second = (log_softmax(logits.astype(np.float64), axis=-1) for logits in (one, other))
    found: np.ndarray = (np.exp(first) * (first - second)).sum(axis=-1)
    return np.maximum(found, 0)


def _summary(shares: Sequence[np.ndarray]) -> MapError | None:
    """None where there are no maps of a kind."""
    return summarize(shares) if shares else None
