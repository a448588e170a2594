"""Beam search as `generate` of `transformers` does it: several beginnings of a text are kept, and
the one whose end scores best for its length wins.

What scores the words, and what is to be noted of each, is the caller's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from bundle_format.generation import Generation
from decoding.rules import Rules, Scores

Note = TypeVar("Note")
"""What is kept of a word that was chosen."""


@dataclass(frozen=True, slots=True)
class Beam(Generic[Note]):
    """A text so far. Texts with one beginning share its notes."""

    score: np.float32
    """The sum of the tokens' log probabilities; of a text that ended, over the length penalty."""
    ids: tuple[int, ...]
    """What was there before and all that was written."""
    notes: tuple[Note, ...] = ()
    """One for each token that was written."""


class BeamSearch(Generic[Note]):
    """A search, word by word.

    A text that ended is worth its log probability divided by its new tokens to the power of
    `length_penalty`; the search goes on until the best beginning is worth less than the worst of as
    many texts that ended as are kept, as `early_stopping` has it.

    Args:
        given: the ids that are there before: of the start token, or of a prompt.
        rules: with a longest text.
        beams: how many beginnings are kept.
    """

    def __init__(
        self, given: Sequence[int], rules: Rules, settings: Generation, *, beams: int
    ) -> None:
        assert rules.longest is not None, "a search ends"
        self._given, self._rules, self._longest = tuple(given), rules, rules.longest
        self._settings, self._beams = settings, beams
        self._ended: list[Beam[Note]] = []
        self.running: list[Beam[Note]] = [Beam(np.float32(0), self._given)]
        """The beginnings, the best first; none once the search is over."""

    @property
    def newest(self) -> NDArray[np.int64]:
        """What the next scores are asked for: of each beginning the tokens that none were asked for
        behind, shape (running, new)."""
        new = len(self._given) if self.running[0].ids == self._given else 1
        return np.array([beam.ids[-new:] for beam in self.running], np.int64)

    @property
    def best(self) -> Beam[Note] | None:
        """The best text so far, at last the winner; None where all words are forbidden."""
        return next(iter(self.running or self._ended), None)

    def choose(
        self, log_probabilities: Sequence[Scores], note: Callable[[int, int], Note]
    ) -> list[int]:
        """Goes on by one token.

        Args:
            log_probabilities: of each beginning's next token, (vocabulary,).
            note: gives what to keep of a choice, by the beginning's place and the token.

        Returns: the beginning that each of the new ones goes on from.
        """
        best = self._continuations(log_probabilities)
        count = len(self.running[0].ids) + 1
        length = count - self._rules.given  # so many are new with the next ones
        ends = [count >= self._longest or token in self._rules.ends for _, token, _ in best]

        def extend(row: int, token: int, score: np.float32) -> Beam[Note]:
            beam = self.running[row]
            return Beam(score, (*beam.ids, token), (*beam.notes, note(row, token)))

        # Only the best `beams` of the ways to go on may end; the others are there to go on.
        self._ended += [
            extend(row, token, score / self._worth(length))
            for (row, token, score), end in list(zip(best, ends, strict=True))[: self._beams]
            if end
        ]
        self._ended = sorted(self._ended, key=lambda beam: -beam.score)[: self._beams]
        going = [one for one, end in zip(best, ends, strict=True) if not end][: self._beams]
        self.running = [extend(*one) for one in going]
        if len(self._ended) == self._beams and self._is_decided(length):
            self.running = []
        return [row for row, _, _ in going] if self.running else []

    def _worth(self, length: int) -> np.float32:
        """What the score of a text of so many new tokens is divided by."""
        penalty = self._settings.length_penalty
        return np.float32(length ** (1.0 if penalty is None else penalty))

    def _continuations(
        self, log_probabilities: Sequence[Scores]
    ) -> list[tuple[int, int, np.float32]]:
        """The best ways to go on, the best first: the text's row, the token, the sum. As many as
        there may be ends among them, and `beams` more."""
        scores = np.stack(
            [
                self._rules.apply(of_one, beam.ids) + beam.score
                for beam, of_one in zip(self.running, log_probabilities, strict=True)
            ]
        )
        flat = scores.reshape(-1)
        count = min(max(2, 1 + len(self._rules.ends)) * self._beams, flat.size)
        best = np.argpartition(-flat, count - 1)[:count]
        best = best[np.argsort(-flat[best], kind="stable")]
        rows, tokens = np.unravel_index(best[np.isfinite(flat[best])], scores.shape)
        return [
            (row, token, scores[row, token])
            for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)
        ]

    def _is_decided(self, length: int) -> bool:
        """Whether no running text can win any more against as many as are kept, as far as its
        present score tells."""
        early, penalty = self._settings.early_stopping, self._settings.length_penalty
        if not self.running or early is True:
            return True
        if early == "never" and (penalty is None or penalty > 0):
            length = self._longest - self._rules.given  # a longer text may be worth more
        return bool(self.running[0].score / self._worth(length) <= self._ended[-1].score)
