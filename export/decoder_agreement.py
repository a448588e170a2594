"""Two pairs of graphs, encoder and decoder, on the same sources: same text, and how near the maps?

`encoder_agreement.py` is its counterpart. Maps are compared along the text that the first pair
wrote: two texts that part ways would compare different things.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.graph_pair import GraphPair
from export.held_out import batches
from export.map_error import moved_shares, summarise
from export.parts import DecoderPart
from export.sources import Sources
from export.verify_writing import (
    Texts,
    longest_source,
    longest_text,
    same_share,
    write_with_graphs,
)
from training.data.batches import Batch

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
