"""How much a written text rests on its source: measured by removing the source.

Attention cannot tell. Rolled out through a decoder's residual layers with equal shares, the part
that comes from the source is 1 - 0.5^L of L layers whatever the text, a constant of the formula.
What can tell is the probability of what was written, once with the source and once without (as the
pointwise cross-mutual information of Fernandes et al. 2021, "Measuring and Increasing Context Usage
in Context-Aware Machine Translation", section 3).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.perturbation import log_probabilities, targets_per_run, texts_per_run
from explorer.errors import RequestError
from explorer.inference.cost import TIME_BUDGET, Cost, Progress, Progressive
from explorer.inference.encoder import EncoderModel, Reading
from explorer.inference.generator import Generation, TextGenerator
from explorer.inference.source_text import Encoded, masked
from explorer.inference.tokens import Word, own_words

SourceRemoval = Literal["before the encoder", "in cross-attention only"]
SOURCE_REMOVALS: tuple[SourceRemoval, ...] = ("before the encoder", "in cross-attention only")
"""How a source word is removed: its tokens become [MASK] before the encoder reads, so that no
trace of them is left; or the encoder reads all, and the decoder may not attend to those places,
though what they meant may have spread to others."""


class SourceAttribution(NamedTuple):
    """What the source, and each word of it, did for every written token."""

    words: list[Word]
    """The source's own words that were removed in turn."""
    left_out: int
    """Words that were not tried: with them it would have taken too long."""
    log_probabilities: NDArray[np.float32]
    """Of the written tokens with the whole source, shape (target,); natural logarithms."""
    whole: NDArray[np.float32]
    """By how much the log-probability falls without any word of the source, shape (target,)."""
    effects: NDArray[np.float32]
    """By how much it falls without one word, shape (target, word): the causal twin of a
    cross-attention map. Below 0: without the word, the token were likelier."""


def source_attribution_cost(
    model: EncoderModel, generator: TextGenerator, generation: Generation, mode: SourceRemoval
) -> Cost:
    """What `source_attribution` will take."""
    words = len(_tried(model, generator, generation, mode))
    return _cost(model, generator, generation, mode, words + 2)


def source_attribution(
    model: EncoderModel,
    generator: TextGenerator,
    generation: Generation,
    mode: SourceRemoval = SOURCE_REMOVALS[0],
) -> Progressive[SourceAttribution]:
    """Removes the whole source, then each word of it, and scores what was written.

    Raises:
        RequestError: words are to be masked, and the encoder's tokenizer has no mask token.
    """
    words = _tried(model, generator, generation, mode)
    source = generation.source
    own = [place for word in own_words(source.tokens) for place in word.places]
    taken = [(), own, *(word.places for word in words)]
    found = yield from _all_log_probabilities(model, generator, generation, taken, mode)
    whole, without_source, *each = found
    return SourceAttribution(
        words=words,
        left_out=len(own_words(source.tokens)) - len(words),
        log_probabilities=whole,
        whole=whole - without_source,
        effects=np.stack([whole - one for one in each], axis=-1)
        if each
        else np.zeros((len(whole), 0), np.float32),
    )


def cross_attention_by_word(generation: Generation, words: Sequence[Word]) -> NDArray[np.float32]:
    """The mean cross-attention over all layers and heads, summed over each word's tokens, shape
    (target, word): what stands beside the effects."""
    mean = generation.cross_weights.mean(axis=(0, 1))
    return np.stack([mean[:, list(word.places)].sum(axis=-1) for word in words], axis=-1)


def _all_log_probabilities(
    model: EncoderModel,
    generator: TextGenerator,
    generation: Generation,
    taken: Sequence[Sequence[int]],
    mode: SourceRemoval,
) -> Progressive[list[NDArray[np.float32]]]:
    """Log-probabilities of what was written, for each set of source places removed."""
    encoded = generation.source.encoded
    rows = targets_per_run(generator, generation)
    if mode == "before the encoder":
        rows = min(rows, texts_per_run(model, len(encoded.ids)))
    found: list[NDArray[np.float32]] = []
    for start in range(0, len(taken), rows):
        batch = taken[start : start + rows]
        hidden, mask = _sources(model, encoded, generation.source, batch, mode)
        found += list(log_probabilities(generator, generation, hidden, mask))
        yield Progress(start + len(batch), len(taken))
    return found


def _sources(
    model: EncoderModel,
    encoded: Encoded,
    source: Reading,
    batch: Sequence[Sequence[int]],
    mode: SourceRemoval,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The hidden states that the decoder reads, and which of their places it may attend to."""
    mask = np.ones((len(batch), len(encoded.ids)), np.int64)
    if mode == "in cross-attention only":
        for row, places in enumerate(batch):
            mask[row, list(places)] = 0
        return np.repeat(source.hidden[None], len(batch), axis=0), mask
    assert model.mask_id is not None, "asked before"
    texts = [masked(encoded, places, model.mask_id) for places in batch]
    return model.hidden(texts), mask


def _tried(
    model: EncoderModel, generator: TextGenerator, generation: Generation, mode: SourceRemoval
) -> list[Word]:
    """The words that are removed: all, or as many as fit into the time, those first that the
    decoder attended to most."""
    if mode == "before the encoder" and model.mask_id is None:
        raise RequestError(
            f"The tokenizer of {model.bundle.title} has no mask token, so its words cannot be "
            f"masked {SOURCE_REMOVALS[0]}. Take them away {SOURCE_REMOVALS[1]}."
        )
    words = own_words(generation.source.tokens)
    each = _cost(model, generator, generation, mode, 1).seconds
    room = int(TIME_BUDGET / each) - 2 if each else len(words)
    if len(words) <= room or not words:
        return words
    looked = cross_attention_by_word(generation, words).sum(axis=0)
    kept = sorted(np.argsort(-looked, kind="stable")[: max(room, 1)].tolist())
    return [words[index] for index in kept]


def _cost(
    model: EncoderModel,
    generator: TextGenerator,
    generation: Generation,
    mode: SourceRemoval,
    texts: int,
) -> Cost:
    source = len(generation.source.tokens)
    decoding = generator.throughput.cost(texts, source + len(generation.ids))
    if mode == "in cross-attention only":
        return decoding
    return Cost(texts, decoding.seconds + model.throughput.cost(texts, source).seconds)
