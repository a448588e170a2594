"""A label for each word, and the entities that words make up."""

from typing import Any

from explorer.analyses.compare import shared_words
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.question import Question
from explorer.inference.reading import Reading
from explorer.inference.tasks.tag import (
    Tagged,
    entities,
    first_asked,
    kind_of,
    label_of_word,
    tagged,
)
from explorer.inference.tokens import own_words, placed_words
from explorer.ui import payloads
from explorer.ui.models import PageModels
from explorer.ui.payloads import about, in_percent, rounded
from explorer.ui.tasks.task import Answered, Mark, Part, Task, check_place, marked_text


def _found(model: EncoderModel, reading: Reading) -> Tagged:
    return tagged(reading, model.bundle.labels)


def _ask(model: EncoderModel, reading: Reading, place: object, label: str) -> tuple[Question, int]:
    found = _found(model, reading)
    if not found.words:
        raise RequestError("There is no word in this text, so no word has a label.")
    chosen = check_place(place, len(found.words), "word") or first_asked(found) + 1
    return label_of_word(found, chosen - 1), chosen


def _show(model: EncoderModel, reading: Reading, asked: Answered) -> dict[str, Any]:
    found, named = _found(model, reading), entities(_found(model, reading))
    kinds = list(dict.fromkeys(kind_of(label) for label in model.bundle.labels))
    of_word = {place: number for number, one in enumerate(named) for place in one.words}
    places = {word: place for place, word in enumerate(found.words)}
    parts = [
        Part(start, end, places[word] + 1, word.places[0], of_word.get(places[word]))
        for word, (start, end) in placed_words(reading.tokens, (reading.text, reading.text_pair))
        if not word.segment
    ]
    marks = [Mark(one.kind, in_percent(one.probability), kinds.index(one.kind)) for one in named]
    bars = payloads.answer(asked.reading, asked.model.bundle)
    return {
        **bars,
        "heading": f"The label {asked.model.bundle.about}",
        "title": "The labels of the words",
        "told": ("" if named else "There is no entity in this text. ")
        + "Choose a word to ask about its label.",
        **marked_text(reading.text, parts, marks, asked.place),
    }


def _follow(reading: Reading, place: int, other: Reading) -> int | None:
    pairs = shared_words(own_words(reading.tokens), own_words(other.tokens))
    return next((there + 1 for here, there in pairs if here == place - 1), None)


TAG = Task(
    title="Tag",
    promise="Write a sentence, get a label for each word",
    text_pair="",
    choice="Label",
    ask=_ask,
    show=_show,
    follow=_follow,
)


def tag(models: PageModels, text: str, bundle: str = "", without: list | None = None) -> dict:
    """A label for each word of a text, and the entities that they make up.

    Args:
        text: what to read, at most 10,000 characters.
        bundle: the title of the model; the page's first one that tags if empty.
        without: heads to ablate, as pairs of layer and head from 1, such as [[1, 2]].

    Returns:
        `entities` in reading order, each with its `label` (without what says where it begins and
        ends, such as B- and I-), its `text` as typed, its `words` (by their numbers from 1, which
        other endpoints take as `place`) and the `probability` of their labels, on average; `words`,
        each with its `text`, `label`, the label's `probability`, the `probabilities` of all labels
        and the indexes of its `tokens`; and as in /attention `tokens`, `tokens_left_out`,
        `max_tokens`, `bundle`, `precision`.
    """
    asked = models.model(bundle or models.first("tag"))
    models.check_task(asked, "tag")
    model, reading = models.read(asked.bundle.title, text, "", without)
    found, labels = _found(model, reading), model.bundle.labels
    where = dict(placed_words(reading.tokens, (reading.text, "")))
    words = [
        {
            "text": word.text,
            "label": labels[likeliest],
            "probability": rounded(shares)[likeliest],
            "probabilities": dict(zip(labels, rounded(shares), strict=True)),
            "tokens": list(word.places),
        }
        for word, shares, likeliest in zip(
            found.words, found.probabilities, found.likeliest, strict=True
        )
    ]
    named = []
    for one in entities(found):
        spans = [where[found.words[place]] for place in one.words if found.words[place] in where]
        named.append(
            {
                "label": one.kind,
                "text": reading.text[spans[0][0] : spans[-1][1]] if spans else "",
                "probability": round(one.probability, payloads.DIGITS),
                "words": [place + 1 for place in one.words],
            }
        )
    return {"entities": named, "words": words, **about(model, reading)}
