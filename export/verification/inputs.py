"""What a graph is tried on: random token ids, in batches of several sizes, paddings and pieces."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate

import numpy as np
import onnxruntime

from export.graphs.longest import longest_tried
from export.graphs.names import classifier_names, empty_cache, encoder_feed, present_name
from export.graphs.spec import DecoderSizes, DecoderSpec, EncoderSizes, is_foreign
from export.runtime.session import Arrays, Run, run

MAPS_AT_ONCE = 2**28
"""Bytes of maps that a batch of the longest texts may give; else it is a single text."""


def sample_batches(
    config: EncoderSizes, max_tokens: int | None = None
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Random batches of several sizes, with each kind of padding, up to `longest_tried`.

    A text of nothing but padding is asked of our own models alone: those of `transformers` answer
    it with whatever comes of no row at all, some with NaN.

    Yields: what the batch is, in words, and the graph's inputs.
    """
    limit = longest_tried(config, max_tokens)
    middle = min(17, limit)
    maps = 4 * config.num_hidden_layers * config.num_attention_heads * limit**2
    for batch, tokens, padding in (
        (1, 1, "none"),
        (1, min(2, limit), "none"),
        (4, 1, "none"),
        (3, middle, "right"),
        (3, middle, "left"),
        (2, middle, "everything"),
        (2, limit, "right") if 2 * maps <= MAPS_AT_ONCE else (1, limit, "none"),
    ):
        if padding == "everything" and is_foreign(config):
            continue
        title = f"{batch} x {tokens} tokens, padding: {padding}"
        yield title, random_feed(config, batch, tokens, padding)


def random_feed(
    config: EncoderSizes, batch: int, tokens: int, padding: str
) -> dict[str, np.ndarray]:
    """The graph's inputs of one batch; its first text is whole.

    Args:
        padding: of the others: `none`, `left`, `right`, or `everything`: not one real token.
    """
    random = np.random.default_rng(seed=batch * 1000 + tokens)
    mask = np.ones((batch, tokens), np.int64)
    for row in range(1, batch):
        gone = int(random.integers(1, tokens)) if tokens > 1 else 0
        if padding == "right":
            mask[row, tokens - gone :] = 0
        elif padding == "left":
            mask[row, :gone] = 0
        elif padding == "everything":
            mask[row] = 0
    ids = random.integers(0, config.vocab_size, mask.shape)
    kinds = config.type_vocab_size if config.has_segments else 1
    declared = classifier_names(config, None).inputs
    return encoder_feed(declared, ids, mask, random.integers(0, kinds, mask.shape))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A source to read, and a target that is fed in pieces, each with the cache of those before."""

    source: np.ndarray
    """The encoder's hidden states: (batch, source, hidden)."""
    mask: np.ndarray
    """1 for a real token: (batch, source)."""
    target: np.ndarray
    """(batch, target)."""
    pieces: tuple[int, ...]
    """Their lengths; they add up to the target's."""

    @property
    def title(self) -> str:
        batch = len(self.target)
        steps = "+".join(map(str, self.pieces))
        return f"{batch} x {self.mask.shape[1]} source tokens, target {steps}"

    def in_one_piece(self) -> "Sample":
        """The same, fed whole."""
        return replace(self, pieces=(sum(self.pieces),))

    def row(self, index: int) -> "Sample":
        """One text of the batch by itself, without its padding."""
        one = slice(index, index + 1)
        real = self.mask[index].astype(bool)
        return Sample(
            source=self.source[one][:, real],
            mask=self.mask[one][:, real],
            target=self.target[one],
            pieces=self.pieces,
        )

    def feed(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """The inputs of a step over target tokens `start` to `stop`, but for its past."""
        return {
            "input_ids": self.target[:, start:stop],
            "encoder_attention_mask": self.mask,
            "encoder_hidden_states": self.source,
        }

    def lengths(self, start: int, stop: int) -> dict[str, int]:
        """How long each named axis of such a step is."""
        batch, source = self.mask.shape
        return {"batch": batch, "source": source, "target": stop - start, "past": start}

    def real(self, found: Arrays, start: int, stop: int) -> Arrays:
        """What of such a step's outputs has a meaning: all of it, for no target is padded."""
        return found


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Texts for a decoder alone, fed in pieces, each with the cache of those before; the shorter
    ones are padded on the left."""

    target: np.ndarray
    """(batch, tokens)."""
    mask: np.ndarray
    """1 for a real token: (batch, tokens)."""
    pieces: tuple[int, ...]
    """Their lengths; they add up to the number of tokens."""
    positions: bool
    """Whether the graph is told each token's position."""

    @property
    def title(self) -> str:
        padded = ", padded on the left" if not self.mask.all() else ""
        return f"{len(self.target)} x {'+'.join(map(str, self.pieces))} tokens{padded}"

    def in_one_piece(self) -> "Prompt":
        """The same, fed whole."""
        return replace(self, pieces=(sum(self.pieces),))

    def row(self, index: int) -> "Prompt":
        """One text of the batch by itself, without its padding."""
        real = self.mask[index].astype(bool)
        tokens = int(real.sum())
        return replace(
            self,
            target=self.target[index : index + 1, real],
            mask=self.mask[index : index + 1, real],
            pieces=(tokens - 1, 1) if tokens > 1 else (1,),
        )

    def feed(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """The inputs of a step over tokens `start` to `stop`, but for its past."""
        places = np.maximum(self.mask.cumsum(axis=1) - 1, 0)[:, start:stop]
        return {
            "input_ids": self.target[:, start:stop],
            "attention_mask": self.mask[:, :stop],
            **({"position_ids": places} if self.positions else {}),
        }

    def lengths(self, start: int, stop: int) -> dict[str, int]:
        """As those of a `Sample`."""
        return {"batch": len(self.target), "target": stop - start, "past": start}

    def real(self, found: Arrays, start: int, stop: int) -> Arrays:
        """The outputs of such a step with 0 in place of what comes of padding: that is whatever the
        model makes of a token that sees none."""
        rows, kept = (self.mask[:, part].astype(bool) for part in (slice(start, stop), slice(stop)))
        shown = {}
        for name, values in found.items():
            if name == "logits":
                shown[name] = values * rows[:, :, None]
            elif name.startswith("decoder_attentions."):
                shown[name] = values * rows[:, None, :, None]
            elif name.startswith("decoder_value_norms."):
                shown[name] = values * rows[:, None]
            else:  # keys and values
                shown[name] = values * kept[:, None, :, None]
        return shown


Text = Sample | Prompt
"""What a decoder is fed: behind a source, or alone."""


def sample_prompts(spec: DecoderSpec, max_tokens: int | None = None) -> list[Prompt]:
    """Random texts: one token, many, whole, piece by piece, padded and not, to `longest_tried`."""
    limit = longest_tried(spec, max_tokens)
    return [
        draw_prompt(spec, batch, pieces)
        for batch, pieces in (
            (1, (1,)),
            (1, (1, 1, 1)),
            (2, (4, 1, 1, 2)),
            (3, (5, *(1,) * 5)),
            (1, (limit,)),
            (1, (limit - 1, 1)),
        )
        if sum(pieces) <= limit
    ]


def draw_prompt(spec: DecoderSpec, batch: int, pieces: tuple[int, ...]) -> Prompt:
    """Random texts in these pieces, of which the first is whole and the others are padded."""
    tokens = sum(pieces)
    random = np.random.default_rng(seed=batch * 100 + tokens)
    mask = np.ones((batch, tokens), np.int64)
    for row in range(1, batch):
        mask[row, : int(random.integers(1, max(2, min(tokens, pieces[0]))))] = 0
    target = _no_padding(random.integers(0, spec.vocab_size, mask.shape), spec)
    target[mask == 0] = spec.pad_token_id
    return Prompt(target=target, mask=mask, pieces=pieces, positions=spec.takes_positions)


def sample_targets(config: DecoderSizes, width: int, max_tokens: int | None = None) -> list[Sample]:
    """Random sources and targets: one token, many, whole, piece by piece, to `longest_tried`.

    Args:
        width: of the encoder's hidden states.
    """
    limit = longest_tried(config, max_tokens)
    return [
        _draw(config, width, batch, source, pieces)
        for batch, source, pieces in (
            (1, 1, (1,)),
            (1, 1, (1, 1, 1)),
            (2, 9, (4, 1, 1, 2)),
            (3, 17, (1,) * 5),
            (1, 5, (limit,)),
            (1, 40, (limit - 1, 1)),
        )
        if sum(pieces) <= limit
    ]


def sample_batch(config: DecoderSizes, width: int) -> Sample:
    """Two sources, one of them padded, and targets in two pieces."""
    return _draw(config, width, 2, 9, (1, 1))


def _draw(
    config: DecoderSizes, width: int, batch: int, source: int, pieces: tuple[int, ...]
) -> Sample:
    random = np.random.default_rng(seed=batch * 100 + source)
    mask = np.ones((batch, source), np.int64)
    for row in range(1, batch):
        mask[row, int(random.integers(1, source)) :] = 0
    return Sample(
        source=random.standard_normal((batch, source, width), np.float32),
        mask=mask,
        target=_no_padding(random.integers(0, config.vocab_size, (batch, sum(pieces))), config),
        pieces=pieces,
    )


def _no_padding(ids: np.ndarray, config: DecoderSizes) -> np.ndarray:
    """The ids without that of padding: some of `transformers`' models count positions by it."""
    if isinstance(config, DecoderSpec):
        ids[ids == config.pad_token_id] = (config.pad_token_id + 1) % config.vocab_size
    return ids


def run_steps(
    session: onnxruntime.InferenceSession, sample: Text, masks: Arrays | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """`steps` in onnxruntime."""
    return steps(partial(run, session), empty_cache(session, len(sample.target)), sample, masks)


def steps(
    run: Run, empty: Arrays, sample: Text, masks: Arrays | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """The outputs of each piece; `present.*` of one is `past_key_values.*` of the next.

    Args:
        empty: the past of a batch that is about to begin; nothing where nothing is cached.
    """
    past = dict(empty)
    for start, stop in spans(sample, empty):
        found = run({**sample.feed(start, stop), **past, **(masks or {})})
        past = {name: found[present_name(name)] for name in past}
        yield found


def spans(sample: Text, empty: Arrays) -> list[tuple[int, int]]:
    """From which token up to which each step reads: its piece, or all so far without a cache."""
    stops = [*accumulate(sample.pieces)]
    return [*zip([0, *stops] if empty else [0] * len(stops), stops, strict=False)]


def part_of(whole: Arrays, start: int, stop: int) -> dict[str, np.ndarray]:
    """What a step over target tokens `start` to `stop` must give, cut from the full pass."""
    cut = {}
    for name, values in whole.items():
        if name == "logits":
            values = values[:, start:stop]
        elif name.startswith("decoder_attentions."):
            values = values[:, :, start:stop, :stop]
        elif name.startswith(("cross_attentions.", "decoder_value_norms.")):
            values = values[:, :, start:stop]
        elif name.startswith("present.") and ".encoder." not in name:
            values = values[:, :, :stop]
        cut[name] = values
    return cut
