"""Two texts that a model reads each by itself, such as those whose vectors are compared. Whoever
changes words has them as one text, with the second text's tokens behind the first's.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explorer.inference.tokenizing import Encoded, deleted


def joined(first: Encoded, second: Encoded) -> Encoded:
    """Two texts, to be read each by itself."""
    return Encoded(
        text=first.text,
        text_pair=second.text,
        ids=first.ids + second.ids,
        segment_ids=first.segment_ids + second.segment_ids,
        tokens=(*first.tokens, *(replace(token, segment=1) for token in second.tokens)),
        tokens_left_out=first.tokens_left_out + second.tokens_left_out,
        apart=True,
    )


def parted(encoded: Encoded) -> list[Encoded]:
    """What is read by itself of it, as the graph takes it."""
    if not encoded.apart:
        return [encoded]
    places = range(len(encoded.ids))
    return [
        deleted(encoded, [place for place in places if encoded.tokens[place].segment != segment])
        for segment in (0, 1)
    ]


def parts_of(
    batch: Sequence[Encoded], head_mask: NDArray[np.float32] | None
) -> tuple[list[Encoded], list[list[int]], NDArray[np.float32] | None]:
    """What a run reads for these texts: of those that are read apart each part, once for each mask
    of heads. Its texts, which of them each of the batch consists of, and their masks."""
    parts: list[Encoded] = []
    rows: list[list[int]] = []
    owners: list[int] = []
    places: dict[tuple, int] = {}
    many = head_mask is not None and len(head_mask) > 1
    for row, encoded in enumerate(batch):
        rows.append([])
        for part in parted(encoded):
            key = row if many or not encoded.apart else 0, encoded.apart, part.key
            if key not in places:
                places[key] = len(parts)
                parts.append(part)
                owners.append(row)
            rows[-1].append(places[key])
    return parts, rows, head_mask[owners] if head_mask is not None and many else head_mask
