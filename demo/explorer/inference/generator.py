"""Writes for a source that the encoder has read: by a strategy, or along a text that is given; what
was written, token by token, and what the decoder attended to while it wrote.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bundle_format.folder import AGAIN, BundleError
from explorer.inference.decoder import DecoderSession
from explorer.inference.encoder import EncoderModel, Reading
from explorer.inference.logits import Settings
from explorer.inference.search import Step, beam_search, make_step, write_one_by_one
from explorer.inference.tokenizing import Spelled, TargetTokens
from explorer.inference.tokens import Token

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
