"""Token classification: a label for each word, and the entities that words make up.

A word has the label of its first piece, as its training had it. Labels are read by their names:
B- begins an entity, I- goes on with it, E- and L- end it, S- and U- are one of a single word; O is
none. Bare names go on as long as they are the same; where there is no O, as for parts of speech,
each word stands by itself.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.inference.logits import softmax
from explorer.inference.question import Question
from explorer.inference.reading import Reading
from explorer.inference.tokens import Word, own_words

_OUTSIDE = "O"
_PREFIXED = re.compile(r"([BIELSU])-(.+)", re.DOTALL)


class Tagged(NamedTuple):
    """The labels of a text's own words."""

    words: list[Word]
    probabilities: NDArray[np.float32]
    """Shape (words, labels)."""
    labels: tuple[str, ...]

    @property
    def likeliest(self) -> list[int]:
        """The label of each word, by its place."""
        return [int(row.argmax()) for row in self.probabilities]


class Entity(NamedTuple):
    """Neighbouring words that are one thing."""

    kind: str
    """Its label, without what says where it begins and ends."""
    words: range
    """By their places among the text's own words."""
    probability: float
    """Of its words' labels, on average."""


def tagged(reading: Reading, labels: Sequence[str]) -> Tagged:
    """The labels of each word of a reading by a model that tags."""
    words = own_words(reading.tokens)
    firsts = [word.places[0] for word in words]
    return Tagged(words, softmax(reading.outputs["logits"][firsts]), tuple(labels))


def entities(found: Tagged) -> list[Entity]:
    """The entities in reading order."""
    groups: list[tuple[str, list[int]]] = []
    for place, kind, goes_on in _parts(found):
        if goes_on:
            groups[-1][1].append(place)
        else:
            groups.append((kind, [place]))
    likeliest = found.likeliest
    return [
        Entity(
            kind,
            range(places[0], places[-1] + 1),
            float(np.mean([found.probabilities[one, likeliest[one]] for one in places])),
        )
        for kind, places in groups
    ]


def kind_of(label: str) -> str:
    """A label without what says where its entity begins and ends."""
    return _marked(label)[1]


def _marked(label: str) -> tuple[str, str]:
    """What says where an entity begins and ends, empty where nothing does; and of which kind."""
    prefixed = _PREFIXED.fullmatch(label)
    return (prefixed[1], prefixed[2]) if prefixed else ("", label)


def _parts(found: Tagged) -> Iterator[tuple[int, str, bool]]:
    """Each word of an entity: its place, its kind, and whether it goes on with the one before."""
    alone = not any(label == _OUTSIDE or _PREFIXED.fullmatch(label) for label in found.labels)
    open_kind, before = None, -1
    for place, label in enumerate(found.likeliest):
        name = found.labels[label]
        if name == _OUTSIDE:
            open_kind = None
            continue
        mark, kind = _marked(name)
        beside = place and found.words[place - 1].segment == found.words[place].segment
        goes_on = mark not in ("B", "S", "U") and kind == open_kind and before == place - 1
        yield place, kind, bool(goes_on and beside and not alone)
        open_kind, before = None if mark in ("E", "L", "S", "U") else kind, place


def first_asked(found: Tagged) -> int:
    """The word that is asked about first: that of the surest entity, by its place; else the first
    one."""
    named = entities(found)
    return max(named, key=lambda one: one.probability).words[0] if named else 0


def label_of_word(found: Tagged, place: int) -> Question:
    """Which label a word has.

    Args:
        place: of the word among the text's own.
    """
    word = found.words[place]
    first = word.places[0]
    return Question(
        labels=found.labels,
        problem_type="single_label",
        scores=lambda outputs, encoded: outputs["logits"][encoded.place_of(first)],
        about=f"for “{word.text[:40]}”",
        held=word.places,
        read_from=(first,),
    )
