"""Writes for a source that the encoder has read, or goes on from a prompt: along a text that is
given, always the likeliest word, one drawn by its probability, or by beam search, where several
beginnings are kept and the one whose end scores best for its length wins. What was written is told
token by token, with what the decoder attended to while it wrote.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bundle_format.folder import AGAIN, BundleError
from decoding.beams import BeamSearch
from decoding.rules import Rules, rules_of
from explorer.errors import RequestError
from explorer.inference.decoder import DecoderSession, KVCache, Outputs, Prompts, Sources
from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import Settings, for_sampling, log_softmax, softmax
from explorer.inference.prompt import PromptModel
from explorer.inference.reading import GivenText, Reading
from explorer.inference.tokenizing import Spelled, TargetTokens
from explorer.inference.tokens import Token

CANDIDATES = 10
_NOTHING = np.zeros(0, np.float32)


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
    """What was attended to in the text so far, shape (map layers, heads, written): what was there
    before, a start token or a prompt, and the tokens before this one. Rows sum to 1."""
    cross_weights: NDArray[np.float32] | None
    """What was attended to in the source, shape (map layers, heads, source). Rows sum to 1."""
    cross_value_norms: NDArray[np.float32] | None
    """The norm of each source token's value vector behind a head's output projection, shape
    (map layers, heads, source); one array for all steps of a text."""
    self_value_norms: NDArray[np.float32] | None
    """The same of those tokens of the text so far that no step before this one could attend to,
    shape (map layers, heads, tokens): all that was there before, or the last one written."""

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold."""
        own = (self.self_weights, self.cross_weights, self.self_value_norms)
        return sum(array.nbytes for array in own if array is not None)


def make_step(
    token_id: int, outputs: Outputs, row: int = 0, place: int = -1, first_seen: int | None = None
) -> Step:
    """The record of a choice by the scores at one new token of one text of a run, by default the
    last of the first.

    Args:
        first_seen: how many tokens no step before this one could attend to; as many as are new in
            the run if not given.
    """
    logits = outputs.logits[row, place]
    unseen = outputs.logits.shape[1] - 1 - place % outputs.logits.shape[1]
    seen = outputs.self_weights.shape[-1] - unseen
    known = seen - (first_seen or outputs.logits.shape[1])
    cross, norms = outputs.cross_weights, outputs.self_value_norms
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
        cross_weights=None if cross is None else cross[row, :, :, place].copy(),
        cross_value_norms=outputs.cross_value_norms,
        self_value_norms=None if norms is None else norms[row, :, :, known:seen].copy(),
    )


def write_one_by_one(
    graph: DecoderSession, cache: KVCache, given: Sequence[int], rules: Rules, settings: Settings
) -> Iterator[tuple[Step, ...]]:
    """Gives all steps so far after every new one. Whoever stops asking stops the writing.

    Args:
        given: the ids that are there before: of the start token, or of a prompt.
    """
    random = np.random.default_rng(settings.seed)
    written, new = list(given), list(given)
    steps: tuple[Step, ...] = ()
    while len(written) < _longest(rules):
        outputs, cache = graph.run(np.array([new], np.int64), cache)
        scores = rules.apply(outputs.logits[0, -1], written)
        token = _choose(scores, settings, random)
        written.append(token)
        new = [token]
        steps += (make_step(token, outputs),)
        yield steps
        if token in rules.ends:
            return


def _longest(rules: Rules) -> int:
    assert rules.longest is not None, "see TextGenerator"
    return rules.longest


def _choose(scores: NDArray[np.float32], settings: Settings, random: np.random.Generator) -> int:
    if settings.strategy == "greedy":
        return int(scores.argmax())
    # A draw needs probabilities that add up to 1 in double precision.
    probabilities = softmax(for_sampling(scores, settings).astype(np.float64))
    return int(random.choice(len(probabilities), p=probabilities))


def beam_search(
    graph: DecoderSession, cache: KVCache, given: Sequence[int], rules: Rules, settings: Settings
) -> Iterator[tuple[Step, ...]]:
    """Gives the steps of the best text so far after every token, and of the winner at last."""
    search = BeamSearch[Step](given, rules, graph.decoder.settings, beams=settings.beams)
    while search.running:
        outputs, cache = graph.run(search.newest, cache)
        scores = [log_softmax(logits) for logits in outputs.logits[:, -1]]
        rows = search.choose(scores, _steps_of(outputs))
        if search.best:  # there is none where all words are forbidden
            yield search.best.notes
        if rows:
            cache = cache.follow(rows)


def _steps_of(outputs: Outputs) -> Callable[[int, int], Step]:
    """Makes the record of a choice, of a beginning's place and a token."""
    return lambda row, token: make_step(token, outputs, row)


SOURCE, WRITTEN = "source", "written"
LOOKS_AT = (SOURCE, WRITTEN)
"""What a written token attends to: into the source (cross-attention), or back at what was written
before it (self-attention)."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A text that was written for a source, or behind a prompt. It may not have come to its end."""

    source: GivenText
    """What an encoder read, or the prompt."""
    map_layers: tuple[int, ...]
    """The layers that have maps, from 0, in the order of the weights."""
    steps: tuple[Step, ...]
    tokens: tuple[Token, ...]
    """One for each step."""
    given: tuple[Token, ...]
    """What the first step went on from: the start token, or the prompt."""
    candidates: tuple[tuple[Token, ...], ...]
    """For each step, the tokens of its candidates."""
    text: str
    finished: bool
    """Whether it ended by itself, with the end token."""

    @property
    def ids(self) -> list[int]:
        return [step.token_id for step in self.steps]

    @property
    def read(self) -> Reading:
        """The source, of what was written for one."""
        assert isinstance(self.source, Reading), "it has no source, see has_source"
        return self.source

    @property
    def has_source(self) -> bool:
        """Whether it was written for a source, and not behind a prompt."""
        return isinstance(self.source, Reading)

    @property
    def looks_at(self) -> tuple[str, ...]:
        """What its tokens attend to, of `LOOKS_AT`."""
        return LOOKS_AT if self.has_source else (WRITTEN,)

    @property
    def before(self) -> tuple[Token, ...]:
        """What each step could attend to: what was given, and all tokens but the last."""
        return (*self.given, *self.tokens[:-1])

    @cached_property
    def cross_weights(self) -> NDArray[np.float32]:
        """Shape (map layers, heads, target, source); every row sums to 1. Of a source."""
        return np.stack([_there(step.cross_weights) for step in self.steps], axis=2)

    @cached_property
    def self_weights(self) -> NDArray[np.float32]:
        """Shape (map layers, heads, target, before); 0 for what was not written yet."""
        layers, heads, given = self.steps[0].self_weights.shape
        count = len(self.steps)
        weights = np.zeros((layers, heads, count, given + count - 1), np.float32)
        for row, step in enumerate(self.steps):
            weights[:, :, row, : given + row] = step.self_weights
        return weights

    def value_norms(self, looks_at: str) -> NDArray[np.float32] | None:
        """The norm of the value vector of each token that can be attended to, behind a head's
        output projection, shape (map layers, heads, source or before). Kobayashi et al. 2020.
        None of a text that was written for a source, of its attention to itself."""
        if looks_at == SOURCE:
            return self.steps[0].cross_value_norms
        if self.has_source:
            return None
        return np.concatenate([_there(step.self_value_norms) for step in self.steps], axis=-1)

    @property
    def bytes(self) -> int:
        """Memory that the arrays hold: twice, once step by step and once as maps."""
        return self.source.bytes + 2 * sum(step.bytes for step in self.steps)


def _there(array: NDArray[np.float32] | None) -> NDArray[np.float32]:
    assert array is not None, "see Outputs"
    return array


class TextGenerator:
    """The decoder of a bundle, with its tokenizer.

    Raises:
        BundleError: as `DecoderSession` does; the tokenizer's file is none, or has more ids than
            the graph; or the encoder's hidden states are not as wide as the graph expects.
    """

    def __init__(self, model: EncoderModel | PromptModel) -> None:
        decoder = model.bundle.decoder
        assert decoder, f"{model.bundle.title} has no decoder"
        self.decoder = decoder
        start = [] if decoder.start_id is None else [decoder.start_id]
        self._target = TargetTokens(
            decoder.tokenizer_file, (*start, *decoder.settings.ends), own=not decoder.own_files
        )
        if self._target.size > decoder.vocabulary:
            raise BundleError(
                f"{decoder.tokenizer_file} has {self._target.size} ids; bundle.json has "
                f"{decoder.vocabulary} as decoder.vocabulary. {AGAIN}"
            )
        self.session = DecoderSession(decoder)
        if not decoder.alone and self.session.width != model.bundle.width:
            raise BundleError(
                f"{decoder.graph.path} reads {self.session.width} numbers per token of the source; "
                f"{model.bundle.graph.path} gives {model.bundle.width}. {AGAIN}"
            )
        # So that what an analysis will take can be told before there was one.
        given: Sources | Prompts = [[0] * 12] * 4
        if not decoder.alone:
            hidden = np.zeros((4, 12, self.session.width), np.float32)
            given = Sources(hidden, np.ones((4, 12), np.int64))
        self.session.log_probabilities([0] * 12, given)
        self.first_logs = self.read_first()[1] if decoder.alone else _NOTHING
        """Of a decoder alone: see `read_first`."""

    def read_first(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The maps of a few tokens of ours, shape (1, map layers, heads, tokens, tokens), and how
        probable each token of the vocabulary is after them, as logarithms: whether a decoder alone
        is still well is told by these."""
        outputs, _ = self.session.run(np.zeros((1, 4), np.int64), self.session.begin(None))
        return outputs.self_weights, log_softmax(outputs.logits[0, -1])

    def ids_before(self, source: GivenText, without: Collection[int] = ()) -> list[int]:
        """What a text goes on from: the start token, or its prompt; where that has no token, the
        one that stands for nothing.

        Args:
            without: places of the prompt whose tokens are left out.

        Raises:
            RequestError: there is no such.
        """
        ids = source.encoded.ids if self.decoder.alone else []
        left = [one for place, one in enumerate(ids) if place not in without]
        if left:
            return left
        if self.decoder.start_id is None:
            raise RequestError("This model has no token to begin a text with; give it a word.")
        return [self.decoder.start_id]

    def write(self, source: GivenText, settings: Settings) -> Iterator[Generation]:
        """The text so far after every step; the last one is the result.

        A beam search gives its best text so far, which may change from step to step. Nothing runs
        between two steps: who closes the iterator, or asks no more, ends the work.
        """
        given = self.ids_before(source)
        rules = self._rules(len(given), settings)
        strategy = beam_search if settings.strategy == "beam" else write_one_by_one
        for steps in strategy(self.session, self._begin(source), given, rules, settings):
            yield self._generation(source, steps)

    def _rules(self, given: int, settings: Settings) -> Rules:
        """Those of the bundle, with what a reader chooses."""
        rules = rules_of(self.decoder.settings, given=given, limit=self.decoder.max_tokens)
        return replace(
            rules,
            longest=given + min(settings.max_tokens, self._room(given)),
            repetition_penalty=settings.repetition_penalty,
            no_repeat_ngram=settings.no_repeat_ngram,
        )

    def _room(self, given: int) -> int:
        """How many tokens can be written where so many are there; the last is not read again."""
        return self.decoder.max_tokens - given + 1

    def _begin(self, source: GivenText) -> KVCache:
        return self.session.begin(source.hidden if isinstance(source, Reading) else None)

    def follow(self, source: GivenText, ids: Sequence[int]) -> Generation:
        """As if the decoder had written `ids` itself, at least one: what it attends to, and how
        probable it finds each of them. One run of the graph.

        Raises:
            RequestError: there is no room for so many.
        """
        given = self.ids_before(source)
        if len(ids) > (room := self._room(len(given))):
            raise RequestError(
                f"The written text has {len(ids)} tokens; behind what is there, {room} have room."
            )
        outputs, _ = self.session.run(np.array([[*given, *ids[:-1]]]), self._begin(source))
        steps = [
            make_step(
                index,
                outputs,
                place=len(given) - 1 + number,
                first_seen=1 if number else len(given),
            )
            for number, index in enumerate(ids)
        ]
        return self._generation(source, tuple(steps))

    def target_ids(self, source: GivenText, text: str, most: int) -> tuple[list[int], int]:
        """The ids of a target text with an end token, where there is one, and how many tokens had
        no room."""
        ids = [*self._target.ids(text), *self.decoder.settings.ends[:1]]
        most = min(most, self._room(len(self.ids_before(source))))
        return ids[:most], max(len(ids) - most, 0)

    def spelled(self, text: str) -> list[Spelled]:
        """The words of a text as the decoder would write them, and where they stand in it."""
        return self._target.spelled(text)

    def _generation(self, source: GivenText, steps: tuple[Step, ...]) -> Generation:
        ids = [step.token_id for step in steps]
        tokens = self._target.tokens(ids)
        given = source.tokens if self.decoder.alone else ()
        return Generation(
            source=source,
            map_layers=self.decoder.map_layers,
            steps=steps,
            tokens=tokens,
            given=given or self._target.tokens(self.ids_before(source)),
            candidates=tuple(
                tuple(self._target.token(index, before) for index, _ in step.candidates)
                for step, before in zip(steps, (None, *tokens), strict=False)
            ),
            text=self._target.text(ids, source.encoded.ids if self.decoder.alone else ()),
            finished=ids[-1] in self.decoder.settings.ends,
        )
