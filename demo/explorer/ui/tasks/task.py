"""What a task has of its own in the reading tab: what its texts are called, what can be asked of
one, and how its answer is shown. `web/answer.js` draws it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.question import Question
from explorer.inference.reading import Reading


class Answered(NamedTuple):
    """A text of which something was asked."""

    model: EncoderModel
    """As one that answers this question."""
    reading: Reading
    """With the answer."""
    place: int | None = None
    """Which word or mask is asked about, from 1; None where it is the whole text."""


Ask = Callable[[EncoderModel, Reading, object, str], tuple[Question, int | None]]
"""Makes the question about a place, unchecked, from 1, or about the first that is worth it, and
says which that is. With a label it is one that has it among its own, where it is at all. Raises
RequestError: nothing can be asked of this text."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is its own."""

    title: str
    """Of its tab."""
    promise: str
    """What a reader does and gets, as a clause."""
    text: str = "Text"
    """What is read is called so."""
    text_pair: str = "Second text"
    """What a second text is called; empty where it takes none."""
    needs_pair: bool = False
    """Whether it begins with two texts."""
    choice: str = "Class"
    """What one of the labels is called, among which a reader chooses."""
    ask: Ask
    show: Callable[[EncoderModel, Reading, Answered], dict[str, Any]]
    """What `web/answer.js` draws of a reading, and of what is asked of it."""
    follow: Callable[[Reading, int, Reading], int | None] = lambda reading, place, other: place
    """The place in another reading that is meant by one in this; None if it has none."""
    hidden: frozenset[str] = frozenset()
    """Analyses that make no sense for it, by their names."""


def check_whole(place: object, bundle: Bundle) -> None:
    """Raises RequestError: a place is named, and the whole text is asked about."""
    if place is not None:
        raise RequestError(
            f"place is {place!r:.30}, and {bundle.title} is asked about the whole text: leave it "
            "out."
        )


def check_place(place: object, count: int, thing: str) -> int | None:
    """A place from 1, among so many; None if none is named. Raises RequestError."""
    if place is None:
        return None
    if isinstance(place, bool) or not isinstance(place, int) or not 1 <= place <= count:
        raise RequestError(
            f"There is no {thing} {place!r:.30}; this text has {thing}s 1 to {count}."
        )
    return place


class Mark(NamedTuple):
    """A part of a text that the page marks."""

    label: str
    share: str
    tone: int
    """Which of the page's colours, from 0."""


class Part(NamedTuple):
    """A word, or another part of a text, from a character up to another."""

    start: int
    end: int
    place: int | None = None
    """What a reader asks about who chooses it; None: nothing."""
    token: int | None = None
    """The token whose row of the map belongs to it."""
    mark: int | None = None
    """Its mark, by its place among all; neighbours may share one."""


def marked_text(
    text: str, parts: Iterable[Part], marks: Sequence[Mark], chosen: int | None = None
) -> dict[str, Any]:
    """A text as `web/answer.js` draws it: cut into pieces, some of which are marked or may be
    chosen."""
    return {
        "pieces": list(_pieces(text, list(parts))),
        "marks": [mark._asdict() for mark in marks],
        "chosen": chosen,
    }


def _pieces(text: str, parts: Sequence[Part]) -> Iterator[Mapping[str, Any]]:
    at, before = 0, None
    for part in parts:
        if part.start > at:  # what stands between two parts of one mark is marked as well
            yield {
                "text": text[at : part.start],
                "mark": part.mark if part.mark == before else None,
            }
        yield {
            "text": text[part.start : part.end],
            "place": part.place,
            "token": part.token,
            "mark": part.mark,
        }
        at, before = part.end, part.mark
    if at < len(text):
        yield {"text": text[at:], "mark": None}
