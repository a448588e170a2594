"""Writes for a source that the encoder has read, or goes on from a prompt: by one of the strategies
of `search.py`, or along a text that is given.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bundle_format.folder import AGAIN, BundleError
from bundle_format.generation import several
from decoding.rules import Rules, rules_of
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import log_softmax
from explorer.inference.reading import GivenText, Reading
from explorer.writing.decoder import DecoderSession, KVCache, Prompts, Sources
from explorer.writing.generation import Generation
from explorer.writing.prompt import PromptModel
from explorer.writing.search import beam_search, write_one_by_one
from explorer.writing.settings import Settings
from explorer.writing.steps import Step, make_step
from explorer.writing.target_text import Spelled, TargetTokens

_NOTHING = np.zeros(0, np.float32)


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

    def ids_before(
        self, source: GivenText, language: str = "", without: Collection[int] = ()
    ) -> list[int]:
        """What a text goes on from: the start token, or its prompt; where that has no token, the
        one that stands for nothing.

        Args:
            language: of the text, by its code; if empty that of the bundle's settings.
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
        languages = self.decoder.languages
        if languages and language and self.decoder.starts_in_language:
            return [languages.tokens[language]]
        return [self.decoder.start_id]

    def write(self, source: GivenText, settings: Settings) -> Iterator[Generation]:
        """The text so far after every step; the last one is the result.

        A beam search gives its best text so far, which may change from step to step. Nothing runs
        between two steps: who closes the iterator, or asks no more, ends the work.
        """
        given = self.ids_before(source, settings.target_language)
        rules = self._rules(len(given), settings)
        strategy = beam_search if settings.strategy == "beam" else write_one_by_one
        for steps in strategy(self.session, self._begin(source), given, rules, settings):
            yield self._generation(source, given, steps)

    def _rules(self, given: int, settings: Settings) -> Rules:
        """Those of the bundle, with what a reader chooses."""
        rules = rules_of(self.decoder.settings, given=given, limit=self.decoder.max_tokens)
        return replace(
            rules,
            first=self._first(settings.target_language),
            longest=given + self._most(given, settings),
            repetition_penalty=settings.repetition_penalty,
            no_repeat_ngram=settings.no_repeat_ngram,
        )

    def _first(self, language: str) -> int | None:
        """What must be written first, for a text in a language."""
        languages = self.decoder.languages
        if languages and language and not self.decoder.starts_in_language:
            return languages.tokens[language]
        return self.decoder.settings.forced_bos_token_id

    def _most(self, given: int, settings: Settings) -> int:
        """How many tokens are written at most where so many are there."""
        return min(settings.max_tokens, self._room(given))

    def stopped_at(self, generation: Generation, settings: Settings) -> int | None:
        """The limit of tokens at which a text was stopped; None where it ended by itself, or did
        not come so far. An end that the bundle forces on a text's last token is none of its own."""
        most, last = self._most(len(generation.given_ids), settings), generation.steps[-1]
        forced = several(self.decoder.settings.forced_eos_token_id)
        ended = generation.finished and (
            last.token_id not in forced or last.candidates[0][0] == last.token_id
        )
        return None if ended or len(generation.steps) < most else most

    def _room(self, given: int) -> int:
        """How many tokens can be written where so many are there; the last is not read again."""
        return self.decoder.max_tokens - given + 1

    def _begin(self, source: GivenText) -> KVCache:
        return self.session.begin(source.hidden if isinstance(source, Reading) else None)

    def follow(self, source: GivenText, ids: Sequence[int], language: str = "") -> Generation:
        """As if the decoder had written `ids` itself, at least one: what it attends to, and how
        probable it finds each of them. One run of the graph.

        Args:
            language: as for `ids_before`.

        Raises:
            RequestError: there is no room for so many.
        """
        given = self.ids_before(source, language)
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
        return self._generation(source, given, tuple(steps))

    def target_ids(
        self, source: GivenText, text: str, most: int, language: str = ""
    ) -> tuple[list[int], int]:
        """The ids of a target text, with what must be written first and an end token, where there
        are such, and how many tokens had no room."""
        before = self.ids_before(source, language)
        first = self._first(language)
        begins = [] if first is None or len(before) > 1 else [first]
        ids = [*begins, *self._target.ids(text), *self.decoder.settings.ends[:1]]
        most = min(most, self._room(len(before)))
        return ids[:most], max(len(ids) - most, 0)

    def spelled(self, text: str) -> list[Spelled]:
        """The words of a text as the decoder would write them, and where they stand in it."""
        return self._target.spelled(text)

    def _generation(
        self, source: GivenText, before: Sequence[int], steps: tuple[Step, ...]
    ) -> Generation:
        ids = [step.token_id for step in steps]
        tokens = self._target.tokens(ids)
        given = source.tokens if self.decoder.alone else ()
        return Generation(
            source=source,
            map_layers=self.decoder.map_layers,
            steps=steps,
            tokens=tokens,
            given=given or self._target.tokens(before),
            given_ids=tuple(before),
            candidates=tuple(
                tuple(self._target.token(index, before) for index, _ in step.candidates)
                for step, before in zip(steps, (None, *tokens), strict=False)
            ),
            text=self._target.text(ids, source.encoded.ids if self.decoder.alone else ()),
            finished=ids[-1] in self.decoder.settings.ends,
        )
