"""The words that fit where a text has its mask."""

from typing import Any

from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.question import Question
from explorer.inference.reading import Reading
from explorer.inference.tasks.fill import MOST_WORDS, best_words, word_at_mask
from explorer.inference.tokens import placed_words
from explorer.ui import payloads
from explorer.ui.models import PageModels
from explorer.ui.payloads import DIGITS, about, in_percent
from explorer.ui.tasks.task import Answered, Mark, Part, Task, check_place, marked_text


def _ask(model: EncoderModel, reading: Reading, place: object, label: str) -> tuple[Question, int]:
    masks = len(reading.encoded.held)
    if not masks:
        raise RequestError(
            f"There is no mask in this text. Write {model.mask} where a word is to be found."
        )
    chosen = check_place(place, masks, "mask") or 1
    also = model.id_of(label) if label else None
    return word_at_mask(model, reading, chosen - 1, also), chosen


def _show(model: EncoderModel, reading: Reading, asked: Answered) -> dict[str, Any]:
    numbers = {place: number for number, place in enumerate(reading.encoded.held)}
    best = [best_words(model, reading, number)[0] for number in numbers.values()]
    placed = placed_words(reading.tokens, (reading.text, reading.text_pair))
    parts = [
        Part(start, end, numbers[word.places[0]] + 1, word.places[0], numbers[word.places[0]])
        for word, (start, end) in placed
        if word.places[0] in numbers and not word.segment
    ]
    marks = [Mark(one.text, in_percent(one.probability), 0) for one in best]
    bars = payloads.answer(asked.reading, asked.model.bundle, MOST_WORDS)
    told = ["Choose a mask to see its words."] if len(numbers) > 1 else []
    if any(bar["label"].startswith("##") for bar in bars["bars"]):
        told.append("## : goes on with the word before it.")
    which = f" {asked.place} of {len(numbers)}" if len(numbers) > 1 else ""
    return {
        **bars,
        "heading": f"The likeliest words at mask{which}" if which else "The likeliest words",
        "title": "The text, and what fits into it",
        "told": " ".join(told),
        **marked_text(reading.text, parts, marks, asked.place),
    }


def _follow(reading: Reading, place: int, other: Reading) -> int | None:
    return place if place <= len(other.encoded.held) else None


FILL = Task(
    title="Fill",
    promise="Write a sentence with a mask in it, get the words that fit there",
    text_pair="",
    choice="Word",
    ask=_ask,
    show=_show,
    follow=_follow,
)


def fill(models: PageModels, text: str, bundle: str = "", without: list | None = None) -> dict:
    """The ten likeliest words at each mask of a text.

    Args:
        text: what to read, at most 10,000 characters, with the model's mask token (such as [MASK]
            or <mask>) where words are to be found; of more than 16 the first are filled.
        bundle: the title of the model; the page's first one that fills if empty.
        without: heads to ablate, as pairs of layer and head from 1, such as [[1, 2]].

    Returns:
        `masks`, each with its `token` (an index of `tokens`) and its `words`: the `text` of each
        (## in front of one that goes on with the word before it) and its `probability` among the
        whole vocabulary; `mask` (how the model writes one), and as in /attention `tokens`,
        `tokens_left_out`, `max_tokens`, `bundle`, `precision`.
    """
    asked = models.model(bundle or models.first("fill"))
    models.check_task(asked, "fill")
    model, reading = models.read(asked.bundle.title, text, "", without)
    _ask(model, reading, None, "")
    masks = [
        {
            "token": place,
            "words": [
                {"text": one.text, "probability": round(one.probability, DIGITS)}
                for one in best_words(model, reading, number)
            ],
        }
        for number, place in enumerate(reading.encoded.held)
    ]
    return {"masks": masks, "mask": model.mask, **about(model, reading)}
