"""Which heads of a decoder matter for what it wrote: each is ablated in turn, and the written text
scored again.

Nothing is written anew: the text stays, and what changes is how probable the decoder finds each of
its tokens. For heads of self- and cross-attention in turn, as in Michel, Levy & Neubig 2019, "Are
Sixteen Heads Really Better than One?", section 3, and Voita et al. 2019, "Analyzing Multi-Head
Self-Attention".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.perturbation import log_probabilities, targets_per_run
from explorer.errors import RequestError
from explorer.inference.cost import TIME_BUDGET, Cost, Progress, Progressive
from explorer.inference.generator import Generation, TextGenerator

KINDS = ("cross", "self")
"""Attention to the source, and back at what was written."""
_MASKS = ("cross_head_mask", "head_mask")


class DecoderHeadEffects(NamedTuple):
    """What each head of a decoder did for every written token."""

    log_probabilities: NDArray[np.float32]
    """Of the written tokens with all heads, shape (target,); natural logarithms."""
    effects: NDArray[np.float32]
    """By how much they fall without one head, shape (2, layers, heads, target), in the order of
    `KINDS`; below 0: without the head, the token were likelier. NaN for a head not tried."""
    not_tried: int
    """Heads for which there was no time."""


def decoder_head_effects_cost(generator: TextGenerator, generation: Generation) -> Cost:
    """What `decoder_head_effects` will take. Raises RequestError as it does."""
    return _cost(generator, generation, 1 + len(_tried(generator, generation)))


def decoder_head_effects(
    generator: TextGenerator, generation: Generation
) -> Progressive[DecoderHeadEffects]:
    """Ablates each head of the decoder and scores what was written. Where time is short, heads
    of cross-attention come first, and of each kind those of the last layers.

    Raises:
        RequestError: the graph has no head masks.
    """
    tried = _tried(generator, generation)
    rows = targets_per_run(generator, generation)
    layers, heads = generator.decoder.layers, generator.decoder.heads
    found: list[NDArray[np.float32]] = []
    wanted = [None, *tried]
    for start in range(0, len(wanted), rows):
        batch = wanted[start : start + rows]
        source = np.repeat(generation.source.hidden[None], len(batch), axis=0)
        seen = np.ones(source.shape[:2], np.int64)
        masks = _masks(batch, layers, heads)
        found += list(log_probabilities(generator, generation, source, seen, masks))
        yield Progress(start + len(batch), len(wanted))
    whole, *ablated = found
    effects = np.full((len(KINDS), layers, heads, len(whole)), np.nan, np.float32)
    for place, less in zip(tried, ablated, strict=True):
        effects[place] = whole - less
    return DecoderHeadEffects(whole, effects, len(KINDS) * layers * heads - len(tried))


def _masks(
    batch: Sequence[tuple[int, int, int] | None], layers: int, heads: int
) -> dict[str, NDArray[np.float32]]:
    """The head masks of a batch, a row for each kind, layer and head to ablate."""
    masks = np.ones((len(KINDS), len(batch), layers, heads), np.float32)
    for row, place in enumerate(batch):
        if place is not None:
            kind, layer, head = place
            masks[kind, row, layer, head] = 0
    return dict(zip(_MASKS, masks, strict=True))


def _tried(generator: TextGenerator, generation: Generation) -> list[tuple[int, int, int]]:
    """The heads that are ablated, as places in `effects`."""
    if not generator.session.can_ablate:
        raise RequestError(
            f"The graph {generator.decoder.graph.path.name} has no inputs "
            f"{' and '.join(_MASKS)}, so no head can be ablated. "
            "Export the model with export/to_onnx.py."
        )
    decoder = generator.decoder
    last_first = range(decoder.layers - 1, -1, -1)
    places = [
        (kind, layer, head)
        for kind in range(len(KINDS))
        for layer in last_first
        for head in range(decoder.heads)
    ]
    each = _cost(generator, generation, 1).seconds
    room = max(int(TIME_BUDGET / each) - 1, 1) if each else len(places)
    return places[:room]


def _cost(generator: TextGenerator, generation: Generation, texts: int) -> Cost:
    return generator.throughput.cost(texts, len(generation.source.tokens) + len(generation.ids))
