"""Writes for a source that the encoder has read: along a text that is given, always the likeliest
word, one drawn by its probability, or by beam search, where several beginnings are kept and the one
whose end scores best per token wins. What was written is told token by token, with what the decoder
attended to while it wrote.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bundle_format.folder import AGAIN, BundleError
from explorer.inference.decoder import DecoderSession, KVCache, Outputs
from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import Settings, against_repeats, for_sampling, log_softmax, softmax
from explorer.inference.reading import Reading
from explorer.inference.tokenizing import Spelled, TargetTokens
from explorer.inference.tokens import Token

CANDIDATES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A written token. Probabilities are the model's own: the softmax of its raw scores over the
    whole vocabulary, before any setting changes them."""

    token_id: int
    probability: float
    entropy: float
    """Of that distribution, in bits: 0 is certain, 1 a toss of a coin."""
    candidates: tuple[tuple[int, float], ...]
    """The likeliest token ids with their probabilities, the likeliest first."""
    self_weights: NDArray[np.float32]
    """What was attended to in the text so far, shape (layers, heads, written): the start token and
    the tokens before this one. Rows sum to 1."""
    cross_weights: NDArray[np.float32]
    """What was attended to in the source, shape (layers, heads, source). Rows sum to 1."""
    cross_value_norms: NDArray[np.float32]
    """The norm of each source token's value vector behind a head's output projection, shape
    (layers, heads, source); one array for all steps of a text."""

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold."""
        return self.self_weights.nbytes + self.cross_weights.nbytes


def make_step(token_id: int, outputs: Outputs, row: int = 0, place: int = -1) -> Step:
    """The record of a choice by the scores at one new token of one text of a run, by default the
    last of the first."""
    logits = outputs.logits[row, place]
    unseen = outputs.logits.shape[1] - 1 - place % outputs.logits.shape[1]
    seen = outputs.self_weights.shape[-1] - unseen
    log_probabilities = log_softmax(logits.astype(np.float64))
    probabilities = np.exp(log_probabilities)
    entropy = -(probabilities * log_probabilities).sum()
    count = min(CANDIDATES, len(logits))
    best = np.argpartition(logits, -count)[-count:]
    best = best[np.argsort(-logits[best], kind="stable")]
    return Step(
        token_id=int(token_id),
        probability=float(probabilities[token_id]),
        entropy=max(float(entropy / np.log(2)), 0.0),
        candidates=tuple((int(index), float(probabilities[index])) for index in best),
        # Copies: a view would keep the maps of all beams for as long as one of them lives.
        self_weights=outputs.self_weights[row, :, :, place, :seen].copy(),
        cross_weights=outputs.cross_weights[row, :, :, place].copy(),
        cross_value_norms=outputs.cross_value_norms,
    )


def write_one_by_one(
    graph: DecoderSession, cache: KVCache, settings: Settings
) -> Iterator[tuple[Step, ...]]:
    """Gives all steps so far after every new one. Whoever stops asking stops the writing."""
    random = np.random.default_rng(settings.seed)
    written = [graph.decoder.start_id]
    steps: tuple[Step, ...] = ()
    for _ in range(settings.max_tokens):
        outputs, cache = graph.run(np.array([written[-1:]], np.int64), cache)
        scores = against_repeats(outputs.logits[0, -1], written, settings)
        token = _choose(scores, settings, random)
        written.append(token)
        steps += (make_step(token, outputs),)
        yield steps
        if token == graph.decoder.end_id:
            return


def _choose(scores: NDArray[np.float32], settings: Settings, random: np.random.Generator) -> int:
    if settings.strategy == "greedy":
        return int(scores.argmax())
    # A draw needs probabilities that add up to 1 in double precision.
    probabilities = softmax(for_sampling(scores, settings).astype(np.float64))
    return int(random.choice(len(probabilities), p=probabilities))


@dataclass(frozen=True, slots=True)
class Beam:
    """A text so far. Texts with one beginning share its steps."""

    score: np.float32
    """The sum of the tokens' log probabilities; of a text that ended, per token."""
    ids: tuple[int, ...]
    """The start token and all that was written."""
    steps: tuple[Step, ...] = ()


def beam_search(
    graph: DecoderSession, cache: KVCache, settings: Settings
) -> Iterator[tuple[Step, ...]]:
    """Gives the steps of the best text so far after every token, and of the winner at last.

    The same texts as `transformers` finds with length_penalty 1.0 and early_stopping False: a text
    that ended is worth its log probability per token, and the search goes on until the best
    beginning, at its present length, is worth less than the worst of `beams` texts that ended.
    """
    running = [Beam(np.float32(0), (graph.decoder.start_id,))]
    ended: list[Beam] = []
    while running:
        last = np.array([beam.ids[-1:] for beam in running], np.int64)
        outputs, cache = graph.run(last, cache)
        best = _continuations(running, outputs, settings)
        length = len(running[0].ids)  # so many tokens were written once these are appended
        full = length >= settings.max_tokens
        ends = [full or token == graph.decoder.end_id for _, token, _ in best]
        # Only the best `beams` of twice as many may end; the others are there to go on.
        ended += [
            _extend(running, outputs, row, token, score / np.float32(length))
            for (row, token, score), end in list(zip(best, ends, strict=True))[: settings.beams]
            if end
        ]
        ended = sorted(ended, key=lambda beam: -beam.score)[: settings.beams]
        going = [one for one, end in zip(best, ends, strict=True) if not end][: settings.beams]
        running = [_extend(running, outputs, *one) for one in going]
        if _is_decided(running, ended, length, settings.beams):
            running = []
        if running or ended:  # neither is left where all words are forbidden
            yield (running or ended)[0].steps
        cache = cache.follow([row for row, _, _ in going]) if running else cache


def _continuations(
    running: Sequence[Beam], outputs: Outputs, settings: Settings
) -> list[tuple[int, int, np.float32]]:
    """The best twice `beams` ways to go on, the best first: the text's row, the token, the sum."""
    scores = np.stack(
        [
            against_repeats(log_softmax(logits), beam.ids, settings) + beam.score
            for beam, logits in zip(running, outputs.logits[:, -1], strict=True)
        ]
    )
    flat = scores.reshape(-1)
    count = min(2 * settings.beams, flat.size)
    best = np.argpartition(-flat, count - 1)[:count]
    best = best[np.argsort(-flat[best], kind="stable")]
    rows, tokens = np.unravel_index(best[np.isfinite(flat[best])], scores.shape)
    return [
        (row, token, scores[row, token])
        for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)
    ]


def _extend(
    running: Sequence[Beam], outputs: Outputs, row: int, token: int, score: np.float32
) -> Beam:
    beam = running[row]
    return Beam(score, (*beam.ids, token), (*beam.steps, make_step(token, outputs, row)))


def _is_decided(running: Sequence[Beam], ended: Sequence[Beam], length: int, beams: int) -> bool:
    """Whether no running text can win any more, as far as its present score tells."""
    if not running or len(ended) < beams:
        return False
    return bool(running[0].score / np.float32(length) <= ended[-1].score)


SOURCE, WRITTEN = "source", "written"
LOOKS_AT = (SOURCE, WRITTEN)
"""What a written token attends to: into the source (cross-attention), or back at what was written
before it (self-attention)."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A text that was written for a source. It may not have come to its end."""

    source: Reading
    steps: tuple[Step, ...]
    tokens: tuple[Token, ...]
    """One for each step."""
    start: Token
    """What the first step went on from."""
    candidates: tuple[tuple[Token, ...], ...]
    """For each step, the tokens of its candidates."""
    text: str
    finished: bool
    """Whether it ended by itself, with the end token."""

    @property
    def ids(self) -> list[int]:
        return [step.token_id for step in self.steps]

    @property
    def before(self) -> tuple[Token, ...]:
        """What each step could attend to: the start token, and all tokens but the last."""
        return (self.start, *self.tokens[:-1])

    @cached_property
    def cross_weights(self) -> NDArray[np.float32]:
        """Shape (layers, heads, target, source); every row sums to 1."""
        return np.stack([step.cross_weights for step in self.steps], axis=2)

    @cached_property
    def self_weights(self) -> NDArray[np.float32]:
        """Shape (layers, heads, target, before); 0 for what was not written yet."""
        layers, heads, _ = self.steps[0].self_weights.shape
        count = len(self.steps)
        weights = np.zeros((layers, heads, count, count), np.float32)
        for row, step in enumerate(self.steps):
            weights[:, :, row, : row + 1] = step.self_weights
        return weights

    @property
    def cross_value_norms(self) -> NDArray[np.float32]:
        """The norm of each source token's value vector behind a head's output projection, shape
        (layers, heads, source). Kobayashi et al. 2020."""
        return self.steps[0].cross_value_norms

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold: twice, once step by step and once as maps."""
        return self.source.bytes + 2 * sum(step.bytes for step in self.steps)


class TextGenerator:
    """The decoder of a bundle, with its tokenizer.

    Raises:
        BundleError: as `DecoderSession` does; the tokenizer's file is none, or has more ids than
            the graph; or the encoder's hidden states are not as wide as the graph expects.
    """

    def __init__(self, model: EncoderModel) -> None:
        decoder = model.bundle.decoder
        assert decoder, f"{model.bundle.title} has no decoder"
        self.decoder = decoder
        self._target = TargetTokens(decoder.tokenizer_file, (decoder.start_id, decoder.end_id))
        if self._target.size > decoder.vocabulary:
            raise BundleError(
                f"{decoder.tokenizer_file} has {self._target.size} ids; bundle.json has "
                f"{decoder.vocabulary} as decoder.vocabulary. {AGAIN}"
            )
        self.session = DecoderSession(decoder)
        if self.session.width != model.bundle.width:
            raise BundleError(
                f"{decoder.graph.path} reads {self.session.width} numbers per token of the source; "
                f"{model.bundle.graph.path} gives {model.bundle.width}. {AGAIN}"
            )
        # So that what an analysis will take can be told before there was one.
        hidden, ids = np.zeros((4, 12, self.session.width), np.float32), [decoder.end_id] * 12
        self.session.log_probabilities(ids, hidden, np.ones((4, 12), np.int64))

    def write(self, source: Reading, settings: Settings) -> Iterator[Generation]:
        """The text so far after every step; the last one is the result.

        A beam search gives its best text so far, which may change from step to step. Nothing runs
        between two steps: who closes the iterator, or asks no more, ends the work.
        """
        settings = replace(settings, max_tokens=min(settings.max_tokens, self.decoder.max_tokens))
        strategy = beam_search if settings.strategy == "beam" else write_one_by_one
        for steps in strategy(self.session, self.session.begin(source.hidden), settings):
            yield self._generation(source, steps)

    def follow(self, source: Reading, ids: Sequence[int]) -> Generation:
        """As if the decoder had written `ids` itself, at least one: what it attends to, and how
        probable it finds each of them. One run of the graph."""
        given = np.array([[self.decoder.start_id, *ids[:-1]]], np.int64)
        outputs, _ = self.session.run(given, self.session.begin(source.hidden))
        steps = (make_step(index, outputs, place=place) for place, index in enumerate(ids))
        return self._generation(source, tuple(steps))

    def target_ids(self, text: str, most: int) -> tuple[list[int], int]:
        """The ids of a target text with the end token, and how many tokens had no room."""
        ids = [*self._target.ids(text), self.decoder.end_id]
        most = min(most, self.decoder.max_tokens)
        return ids[:most], max(len(ids) - most, 0)

    def spelled(self, text: str) -> list[Spelled]:
        """The words of a text as the decoder would write them, and where they stand in it."""
        return self._target.spelled(text)

    def _generation(self, source: Reading, steps: tuple[Step, ...]) -> Generation:
        ids = [step.token_id for step in steps]
        tokens = self._target.tokens(ids)
        return Generation(
            source=source,
            steps=steps,
            tokens=tokens,
            start=self._target.token(self.decoder.start_id),
            candidates=tuple(
                tuple(self._target.token(index, before) for index, _ in step.candidates)
                for step, before in zip(steps, (None, *tokens), strict=False)
            ),
            text=self._target.text(ids),
            finished=ids[-1] == self.decoder.end_id,
        )
