"""Masked language models: the words that fit where a text has its mask."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import ONE_OF_MANY, log_odds_of_log, log_softmax
from explorer.inference.question import Outputs, Question, told_apart
from explorer.inference.reading import Reading
from explorer.inference.tokenizing import Encoded

OTHER_WORD = "the likeliest other word"
MOST_WORDS = 10


class FittingWord(NamedTuple):
    """An entry of the vocabulary that fits at a mask."""

    token_id: int
    text: str
    """For people; ## in front of one that goes on with the word before it."""
    probability: float


def best_words(model: EncoderModel, reading: Reading, mask: int) -> list[FittingWord]:
    """The likeliest words at a mask, the likeliest first.

    Args:
        mask: which one, in reading order from 0; the text has them in `encoded.held`.
    """
    logs = log_softmax(reading.outputs["logits"][mask].astype(np.float64))
    best = np.argsort(-logs, kind="stable")[:MOST_WORDS].tolist()
    return [FittingWord(one, model.word_of(one), float(np.exp(logs[one]))) for one in best]


def word_at_mask(
    model: EncoderModel, reading: Reading, mask: int, also: int | None = None
) -> Question:
    """Which word stands at a mask.

    Args:
        mask: as for `best_words`.
        also: a word to be listed though it is none of the likeliest, by its id.
    """
    ids = [word.token_id for word in best_words(model, reading, mask)]
    if also is not None and also not in ids:
        ids.append(also)
    masks = reading.encoded.held
    place = masks[mask]
    return Question(
        labels=told_apart([model.word_of(one) for one in ids], (OTHER_WORD,)),
        problem_type=ONE_OF_MANY,
        scores=lambda outputs, encoded: _scores(outputs, encoded, place, ids),
        about="at the mask" if len(masks) == 1 else f"at mask {mask + 1}",
        held=(place,),
        read_from=(place,),
    )


def _scores(
    outputs: Outputs, encoded: Encoded, place: int, ids: Sequence[int]
) -> NDArray[np.float32]:
    logs = log_softmax(outputs["logits"][encoded.held.index(place)].astype(np.float64))
    others = np.delete(logs, ids).max(initial=-np.inf)
    return log_odds_of_log(np.array([*logs[list(ids)], others])).astype(np.float32)
