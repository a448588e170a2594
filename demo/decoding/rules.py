"""What a bundle's settings make of the scores of the next token.

The rules are those of the logits processors in `transformers` (`generation/logits_process.py`) that
the settings of `generation_config.json` are named after, applied in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bundle_format.generation import Generation, several

Scores = NDArray[np.float32]
"""Of every word of the vocabulary as the next one; one that is ruled out has -inf."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What holds of the next token of one text, whatever strategy chooses among the scores.

    Lengths are in tokens, those that were there before the writing began included: the start token
    behind a source, or a prompt.
    """

    ends: tuple[int, ...] = ()
    given: int = 1
    """How many were there before."""
    longest: int | None = None
    """How many there may be."""
    shortest: int = 0
    """With fewer, a text may not end."""
    first: int | None = None
    """What must be written behind a single token."""
    last: tuple[int, ...] = ()
    """What must be written where only one more fits."""
    never: tuple[int, ...] = ()
    not_first: tuple[int, ...] = ()
    """What the first new token may not be, or the one behind `first`."""
    bad_words: tuple[tuple[int, ...], ...] = ()
    no_repeat_ngram: int = 0
    """No run of so many tokens is written twice; 0 allows it."""
    repetition_penalty: float = 1.0
    """Above 1, a token that is there already scores less."""

    def apply(self, scores: Scores, ids: Sequence[int]) -> Scores:
        """The scores of what may follow.

        Args:
            scores: shape (vocabulary,).
            ids: all tokens so far, those that were there before included.
        """
        if self.repetition_penalty != 1:
            scores = penalise_repeats(scores, ids, self.repetition_penalty)
        if self.no_repeat_ngram:
            scores = forbid_repeated_ngrams(scores, ids, self.no_repeat_ngram)
        scores = _without(scores, self._bad(ids))
        if len(ids) < self.shortest:
            scores = _without(scores, self.ends)
        if len(ids) == 1 and self.first is not None:
            scores = _only(scores, (self.first,))
        if self.last and self.longest is not None and len(ids) == self.longest - 1:
            scores = _only(scores, self.last)
        scores = _without(scores, self.never)
        begin = self.given + (self.given == 1 and self.first is not None)
        return _without(scores, self.not_first) if len(ids) == begin else scores

    def _bad(self, ids: Sequence[int]) -> list[int]:
        """The tokens that would complete a run of tokens that must not be."""
        ends = {(end,) for end in self.ends}
        return [
            word[-1]
            for word in self.bad_words
            if word not in ends and len(word) <= len(ids) + 1
            if tuple(ids[len(ids) - len(word) + 1 :]) == word[:-1]
        ]


def rules_of(settings: Generation, *, given: int, limit: int) -> Rules:
    """The rules that a bundle's settings make.

    Args:
        given: how many tokens are there before the writing begins.
        limit: how many there may be, whatever the settings say.
    """
    # As generate reads them: what is new counts before what is there in all.
    longest = settings.max_length or limit
    if settings.max_new_tokens:
        longest = given + settings.max_new_tokens
    shortest = settings.min_length or 0
    if settings.min_new_tokens:
        shortest = max(shortest, given + settings.min_new_tokens)
    return Rules(
        ends=settings.ends,
        given=given,
        longest=min(longest, limit),
        shortest=shortest,
        first=settings.forced_bos_token_id,
        last=several(settings.forced_eos_token_id),
        never=settings.suppress_tokens or (),
        not_first=settings.begin_suppress_tokens or (),
        bad_words=settings.bad_words_ids or (),
        no_repeat_ngram=settings.no_repeat_ngram_size or 0,
        repetition_penalty=settings.repetition_penalty or 1.0,
    )


def penalise_repeats(scores: Scores, written: Sequence[int], penalty: float) -> Scores:
    """Moves the score of each written word down by a factor (Keskar et al. 2019, section 4.1)."""
    seen = np.unique(np.asarray(written, np.int64))
    factor = np.float32(penalty)
    changed = scores.copy()
    changed[seen] = np.where(scores[seen] < 0, scores[seen] * factor, scores[seen] / factor)
    return changed


def forbid_repeated_ngrams(scores: Scores, written: Sequence[int], size: int) -> Scores:
    """Rules out every word that would end a run of `size` words which is there already."""
    prefix = tuple(written[len(written) - size + 1 :])
    if len(prefix) < size - 1:
        return scores
    banned = {
        written[start + size - 1]
        for start in range(len(written) - size + 1)
        if tuple(written[start : start + size - 1]) == prefix
    }
    return _without(scores, list(banned))


def _without(scores: Scores, ids: Sequence[int]) -> Scores:
    if not ids:
        return scores
    changed = scores.copy()
    changed[list(ids)] = -np.inf
    return changed


def _only(scores: Scores, ids: Sequence[int]) -> Scores:
    changed = np.full_like(scores, -np.inf)
    changed[list(ids)] = 0
    return changed
