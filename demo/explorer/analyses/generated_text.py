"""What a generated text rests on: on its source or its prompt, measured by removing that or a word
of it, and on heads of the decoder, each of which is ablated in turn. Nothing is written anew: the
text stays, and what changes is how probable the decoder finds each of its tokens.

Of the source, attention cannot tell. Rolled out through a decoder's residual layers with equal
shares, the part that comes from the source is 1 - 0.5^L of L layers whatever the text, a constant
of the formula. What can tell is the probability of what was written, once with the source and once
without (as the pointwise cross-mutual information of Fernandes et al. 2021, "Measuring and
Increasing Context Usage in Context-Aware Machine Translation", section 3).

Of heads, those of self- and cross-attention are ablated as in Michel, Levy & Neubig 2019, "Are
Sixteen Heads Really Better than One?", section 3, and Voita et al. 2019, "Analyzing Multi-Head
Self-Attention".
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.perturbation import texts_per_run
from explorer.errors import RequestError
from explorer.inference.cost import TIME_BUDGET, Cost, Progress, Progressive
from explorer.inference.encoder import EncoderModel
from explorer.inference.tokenizing import deleted, masked
from explorer.inference.tokens import Word, own_words
from explorer.writing.decoder import Prompts, Sources
from explorer.writing.generation import Generation
from explorer.writing.generator import TextGenerator
from explorer.writing.prompt import PromptModel

Change = TypeVar("Change")
Model = EncoderModel | PromptModel
Feed = tuple[Sources | Prompts, Mapping[str, NDArray[np.float32]] | None]
"""What `DecoderSession.log_probabilities` takes beside the text: sources or prompts, head masks."""

_RUN_BYTES = 32 * 2**20
"""Of what a run holds of all its texts: logits over the vocabulary, and of the source the keys and
values of every layer, as they are computed and as they are given out."""


def targets_per_run(generator: TextGenerator, generation: Generation) -> int:
    """How many times one run may score the written text; at least once."""
    decoder, given = generator.decoder, len(generation.source.tokens)
    scored = len(generation.ids) + (given if decoder.alone else 0)
    width = generator.session.width or decoder.hidden
    return max(
        1, _RUN_BYTES // (4 * (scored * decoder.vocabulary + 4 * decoder.layers * given * width))
    )


def _scored(
    generator: TextGenerator,
    generation: Generation,
    changes: Sequence[Change],
    feed: Callable[[Sequence[Change]], Feed],
    rows: int,
) -> Progressive[list[NDArray[np.float32]]]:
    """Log-probabilities of what was written after each change, `rows` of them in a run."""
    found: list[NDArray[np.float32]] = []
    for start in range(0, len(changes), rows):
        batch = changes[start : start + rows]
        found += list(generator.session.log_probabilities(generation.ids, *feed(batch)))
        yield Progress(start + len(batch), len(changes))
    return found


SourceRemoval = Literal["before the encoder", "in cross-attention only", "from the prompt"]
SOURCE_REMOVALS: tuple[SourceRemoval, ...] = ("before the encoder", "in cross-attention only")
"""How a source word is removed: its tokens become [MASK] before the encoder reads, or are deleted
where its tokenizer has none, so that no trace of them is left; or the encoder reads all, and the
decoder may not attend to those places, though what they meant may have spread to others."""
FROM_PROMPT: SourceRemoval = "from the prompt"
"""How a word of a prompt is removed: it is deleted, and what follows it moves up."""


class SourceAttribution(NamedTuple):
    """What the source or the prompt, and each word of it, did for every written token."""

    words: list[Word]
    """A reader's own words that were removed in turn."""
    left_out: int
    """Words that were not tried: with them it would have taken too long."""
    log_probabilities: NDArray[np.float32]
    """Of the written tokens with the whole source, shape (target,); natural logarithms."""
    whole: NDArray[np.float32]
    """By how much the log-probability falls without any word of the source, shape (target,)."""
    effects: NDArray[np.float32]
    """By how much it falls without one word, shape (target, word): the causal twin of a map. Below
    0: without the word, the token were likelier."""


def source_attribution_cost(
    model: Model, generator: TextGenerator, generation: Generation, mode: SourceRemoval
) -> Cost:
    """What `source_attribution` will take."""
    words = len(_tried_words(model, generator, generation, mode))
    return _source_cost(model, generator, generation, mode, words + 2)


def source_attribution(
    model: Model,
    generator: TextGenerator,
    generation: Generation,
    mode: SourceRemoval = SOURCE_REMOVALS[0],
) -> Progressive[SourceAttribution]:
    """Removes all words of the source or the prompt, then each of them, and scores what was
    written.

    Raises:
        RequestError: the text was written for a source, and words of a prompt are to be removed, or
            the reverse.
    """
    words = _tried_words(model, generator, generation, mode)
    source, rows = generation.source, targets_per_run(generator, generation)
    own = [place for word in own_words(source.tokens) for place in word.places]
    taken = [(), own, *(word.places for word in words)]
    if mode == "before the encoder":
        rows = min(rows, texts_per_run(model.bundle, len(source.tokens)))
    if isinstance(model, PromptModel):
        feed = partial(_prompts, generator, generation)
    else:
        feed = partial(_sources, model, generation, mode)
    found = yield from _scored(generator, generation, taken, feed, rows)
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


def attention_by_word(generation: Generation, words: Sequence[Word]) -> NDArray[np.float32]:
    """The mean attention to words of the source, or of the prompt, over all heads of layers that
    have maps, summed over each word's tokens, shape (target, word): what stands beside the effects.
    """
    weights = generation.cross_weights if generation.has_source else generation.self_weights
    mean = weights.mean(axis=(0, 1))
    if not words:
        return mean[:, :0]
    return np.stack([mean[:, list(word.places)].sum(axis=-1) for word in words], axis=-1)


def _prompts(
    generator: TextGenerator, generation: Generation, batch: Sequence[Sequence[int]]
) -> Feed:
    """The prompt without each of these sets of its places."""
    source = generation.source
    return [generator.ids_before(source, without=places) for places in batch], None


def _sources(
    model: EncoderModel,
    generation: Generation,
    mode: SourceRemoval,
    batch: Sequence[Sequence[int]],
) -> Feed:
    """The source without each of these sets of its places."""
    source = generation.read
    mask = np.ones((len(batch), len(source.tokens)), np.int64)
    if mode == "in cross-attention only":
        for row, places in enumerate(batch):
            mask[row, list(places)] = 0
        hidden = np.repeat(source.hidden[None], len(batch), axis=0)
        return Sources(hidden, mask, generation.given_ids[0]), None
    encoded, mask_id = source.encoded, model.mask_id
    texts = [
        deleted(encoded, places) if mask_id is None else masked(encoded, places, mask_id)
        for places in batch
    ]
    return Sources(*model.hidden(texts), generation.given_ids[0]), None


def _tried_words(
    model: Model, generator: TextGenerator, generation: Generation, mode: SourceRemoval
) -> list[Word]:
    """The words that are removed: all, or as many as fit into the time, those first that the
    decoder attended to most."""
    if isinstance(model, PromptModel) != (mode == FROM_PROMPT):
        what = "goes on from a prompt" if isinstance(model, PromptModel) else "reads a source"
        raise RequestError(f"{model.bundle.title} {what}, so no word is removed {mode}.")
    words = own_words(generation.source.tokens)
    each = _source_cost(model, generator, generation, mode, 1).seconds
    room = int(TIME_BUDGET / each) - 2 if each else len(words)
    if len(words) <= room or not words:
        return words
    looked = attention_by_word(generation, words).sum(axis=0)
    kept = sorted(np.argsort(-looked, kind="stable")[: max(room, 1)].tolist())
    return [words[index] for index in kept]


def _source_cost(
    model: Model,
    generator: TextGenerator,
    generation: Generation,
    mode: SourceRemoval,
    texts: int,
) -> Cost:
    decoding = _cost(generator, generation, texts)
    if mode != "before the encoder" or isinstance(model, PromptModel):
        return decoding
    encoding = model.throughput.cost(texts, len(generation.source.tokens))
    return Cost(texts, decoding.seconds + encoding.seconds)


KINDS = {"cross_head_mask": "cross", "head_mask": "self"}
"""Attention to the source, and back at what was written, by the input that ablates their heads."""


def kinds_of(generator: TextGenerator) -> list[str]:
    """Those that a decoder has."""
    return [KINDS[mask] for mask in generator.session.head_masks]


class DecoderHeadEffects(NamedTuple):
    """What each head of a decoder did for every written token."""

    log_probabilities: NDArray[np.float32]
    """Of the written tokens with all heads, shape (target,); natural logarithms."""
    effects: NDArray[np.float32]
    """By how much they fall without one head, shape (kinds, layers, heads, target), in the order of
    `kinds_of`; below 0: without the head, the token were likelier. NaN for a head not tried."""
    not_tried: int
    """Heads for which there was no time."""


def decoder_head_effects_cost(generator: TextGenerator, generation: Generation) -> Cost:
    """What `decoder_head_effects` will take. Raises RequestError as it does."""
    return _cost(generator, generation, 1 + len(_tried_heads(generator, generation)))


def decoder_head_effects(
    generator: TextGenerator, generation: Generation
) -> Progressive[DecoderHeadEffects]:
    """Ablates each head of the decoder and scores what was written. Where time is short, heads
    of cross-attention come first, and of each kind those of the last layers.

    Raises:
        RequestError: the graph has no head masks.
    """
    tried = _tried_heads(generator, generation)
    shape = (len(kinds_of(generator)), generator.decoder.layers, generator.decoder.heads)

    def feed(batch: Sequence[tuple[int, int, int] | None]) -> Feed:
        masks = dict(zip(generator.session.head_masks, _masks(batch, shape), strict=True))
        if not generation.has_source:
            return [generator.ids_before(generation.source)] * len(batch), masks
        hidden = np.repeat(generation.read.hidden[None], len(batch), axis=0)
        mask = np.ones(hidden.shape[:2], np.int64)
        return Sources(hidden, mask, generation.given_ids[0]), masks

    rows = targets_per_run(generator, generation)
    found = yield from _scored(generator, generation, [None, *tried], feed, rows)
    whole, *ablated = found
    effects = np.full((*shape, len(whole)), np.nan, np.float32)
    for place, less in zip(tried, ablated, strict=True):
        effects[place] = whole - less
    return DecoderHeadEffects(whole, effects, int(np.prod(shape)) - len(tried))


def _masks(
    batch: Sequence[tuple[int, int, int] | None], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """The head masks of a batch, shape (kinds, batch, layers, heads), a row of the batch for each
    kind, layer and head to ablate."""
    kinds, layers, heads = shape
    masks = np.ones((kinds, len(batch), layers, heads), np.float32)
    for row, place in enumerate(batch):
        if place is not None:
            kind, layer, head = place
            masks[kind, row, layer, head] = 0
    return masks


def _tried_heads(generator: TextGenerator, generation: Generation) -> list[tuple[int, int, int]]:
    """The heads that are ablated, as places in `effects`."""
    if not generator.session.can_ablate:
        raise RequestError(
            f"The graph {generator.decoder.graph.path.name} has no input "
            f"{' and '.join(generator.session.head_masks)}, so no head can be ablated. "
            "Export the model with export/to_onnx.py."
        )
    decoder = generator.decoder
    kinds, last_first = range(len(kinds_of(generator))), range(decoder.layers - 1, -1, -1)
    places = list(product(kinds, last_first, range(decoder.heads)))
    each = _cost(generator, generation, 1).seconds
    room = max(int(TIME_BUDGET / each) - 1, 1) if each else len(places)
    return places[:room]


def _cost(generator: TextGenerator, generation: Generation, texts: int) -> Cost:
    return generator.session.throughput.cost(
        texts, len(generation.source.tokens) + len(generation.ids)
    )
