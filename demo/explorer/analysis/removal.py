"""Words taken out of a text, so that the model's answer without them can be seen.

A word goes with all its pieces. Deleted, it leaves a shorter text in which its neighbours meet;
masked, its pieces become the tokenizer's mask token and all others keep their places. Neither text
is quite of the kind that a model was trained on, and the two can disagree.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from explorer.analysis.answers import answers
from explorer.analysis.effects import Answers
from explorer.analysis.steps import Steps
from explorer.reading import Reading, Token
from explorer.request import RequestError
from explorer.runner import Runner
from explorer.tokens import Encoded, masked, without
from explorer.words import Word, group_words

Way = Literal["deleted", "masked"]
WAYS: tuple[Way, ...] = ("deleted", "masked")


def check_way(way: object, runner: Runner) -> Way:
    """Raises RequestError: no such way, or the tokenizer knows no mask token."""
    for known in WAYS:
        if way == known:
            break
    else:
        raise RequestError(f"way is {way!r:.40}; expected {' or '.join(WAYS)}.")
    if known == "masked" and runner.mask_id is None:
        raise RequestError(
            f"The tokenizer of {runner.bundle.title} has no mask token, so its words cannot be "
            "masked. Have them deleted."
        )
    return known


def own_words(tokens: Sequence[Token]) -> list[Word]:
    """The words of a text, or of both texts of a pair, without special tokens."""
    return [word for word in group_words(tokens) if not word.special]


def remove(runner: Runner, encoded: Encoded, words: Iterable[Word], way: Way) -> Encoded:
    """A text without some of its words."""
    places = {place for word in words for place in word.places}
    if way == "deleted":
        return without(encoded, places)
    assert runner.mask_id is not None, "checked by check_way"
    return masked(encoded, places, runner.mask_id)


def answers_without(
    runner: Runner, reading: Reading, removals: Iterable[Iterable[Word]], way: Way
) -> Steps[Answers]:
    """The answers without each set of words, shape (removals, labels), read with the same
    heads as the reading. Texts that come out equal are read once."""
    texts, rows = distinct_texts(runner, reading, removals, way)
    found = yield from answers(runner, texts, reading.head_mask)
    return found[rows]


def distinct_texts(
    runner: Runner, reading: Reading, removals: Iterable[Iterable[Word]], way: Way
) -> tuple[list[Encoded], list[int]]:
    """The different texts among the changed ones, and for each removal the place of its text."""
    encoded = runner.encode(reading.text, reading.text_pair)
    places: dict[tuple, int] = {}
    texts: list[Encoded] = []
    rows = []
    for words in removals:
        changed = remove(runner, encoded, words, way)
        key = (*changed.ids, *changed.segment_ids)
        if key not in places:
            places[key] = len(texts)
            texts.append(changed)
        rows.append(places[key])
    return texts, rows
