"""Question answering: the words of a context that answer a question.

Where an answer starts and where it ends are two softmaxes, over the context and the token of the
whole text ([CLS]), which stands for no answer (Rajpurkar et al. 2018, "Know What You Don't Know").
A span's probability is that of its start times that of its end (Devlin et al. 2019, section 4.2).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.inference.logits import ONE_OF_MANY, log_odds_of_log, log_softmax
from explorer.inference.question import Outputs, Question, told_apart
from explorer.inference.reading import Reading
from explorer.inference.tokenizing import Encoded
from explorer.inference.tokens import placed_words

NO_ANSWER, OTHER_ANSWER = "no answer", "the likeliest other answer"
MOST_SPANS = 5
_LONGEST = 30
"""Tokens of an answer, at most."""


class Span(NamedTuple):
    """A part of the context, from its first token to its last, by their places."""

    start: int
    end: int


class FoundSpan(NamedTuple):
    """A span that may be the answer."""

    span: Span
    text: str
    """The reader's characters."""
    within: tuple[int, int]
    """From which character of the context up to which."""
    probability: float


def no_answer(reading: Reading) -> float:
    """The probability that the context has no answer."""
    starts, ends = _log_shares(reading.outputs, reading.encoded)
    return float(np.exp(starts[0] + ends[0]))


def best_spans(reading: Reading, most: int = MOST_SPANS) -> list[FoundSpan]:
    """The likeliest spans of whole words, the likeliest first."""
    texts = reading.text, reading.text_pair
    words = [(word, at) for word, at in placed_words(reading.tokens, texts) if word.segment == 1]
    shares = _log_shares(reading.outputs, reading.encoded)
    of_place = {place: row for row, place in enumerate(_places(reading.encoded))}
    found = []
    for first, (word, (start, _)) in enumerate(words):
        for last, (_, end) in words[first:]:
            span = Span(word.places[0], last.places[-1])
            if span.end - span.start >= _LONGEST:
                break
            share = shares[0][of_place[span.start]] + shares[1][of_place[span.end]]
            found.append((float(share), span, (start, end)))
    found.sort(key=lambda one: (-one[0], one[1]))
    return [
        FoundSpan(span, reading.text_pair[slice(*within)], within, float(np.exp(share)))
        for share, span, within in found[:most]
    ]


def which_span(reading: Reading) -> Question:
    """Which of the likeliest spans is the answer, or none, or another one."""
    spans = best_spans(reading)
    listed = [one.span for one in spans]
    names = told_apart([listed_name(one.text) for one in spans], (NO_ANSWER, OTHER_ANSWER))
    nowhere = Span(reading.cls, reading.cls)
    best = listed[0] if listed and spans[0].probability >= no_answer(reading) else nowhere
    return Question(
        labels=names,
        problem_type=ONE_OF_MANY,
        scores=lambda outputs, encoded: _scores(outputs, encoded, listed),
        about="as the answer",
        held=tuple(sorted({place for span in listed for place in span})),
        read_from=tuple(sorted(set(best))),
    )


def listed_name(text: str) -> str:
    """What a span is called among a question's labels."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _scores(outputs: Outputs, encoded: Encoded, listed: list[Span]) -> NDArray[np.float32]:
    starts, ends = _log_shares(outputs, encoded)
    row = {place: row for row, place in enumerate(_places(encoded))}
    rows = [(row[encoded.place_of(span.start)], row[encoded.place_of(span.end)]) for span in listed]
    logs = [starts[start] + ends[end] for start, end in rows]
    other = _best_other(*_whole_words(encoded, starts, ends), set(rows))
    return log_odds_of_log(np.array([*logs, starts[0] + ends[0], other])).astype(np.float32)


def _best_other(
    starts: NDArray[np.float64], ends: NDArray[np.float64], listed: set[tuple[int, int]]
) -> float:
    """The best span of all that are not listed, as the logarithm of its probability."""
    best = -np.inf
    for length in range(min(_LONGEST, len(starts) - 1)):
        both = starts[1 : len(starts) - length] + ends[1 + length :]
        for start, end in listed:
            if end - start == length:
                both[start - 1] = -np.inf
        best = max(best, float(both.max(initial=-np.inf)))
    return best


def _whole_words(
    encoded: Encoded, starts: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Without starts and ends inside a word."""
    goes_on = [encoded.tokens[place].continues for place in _places(encoded)]
    inside, unfinished = np.array(goes_on), np.array([*goes_on[1:], False])
    return np.where(inside, -np.inf, starts), np.where(unfinished, -np.inf, ends)


def _places(encoded: Encoded) -> list[int]:
    """Where an answer may start and end: the token of the whole text, then those of the context."""
    context = [place for place, token in enumerate(encoded.tokens) if token.segment == 1]
    none = encoded.place_of(encoded.cls)
    return [none, *(place for place in context if not encoded.tokens[place].special)]


def _log_shares(outputs: Outputs, encoded: Encoded) -> NDArray[np.float64]:
    """Logarithms of the probabilities of start and end at each of `_places`, shape (2, places)."""
    logits = np.stack([outputs["start_logits"], outputs["end_logits"]])[:, _places(encoded)]
    return log_softmax(logits.astype(np.float64))
