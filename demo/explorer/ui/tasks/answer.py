"""The words of a context that answer a question."""

from typing import Any

from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.question import Question
from explorer.inference.reading import Reading
from explorer.inference.tasks.answer import best_spans, no_answer, which_span
from explorer.ui import payloads
from explorer.ui.models import PageModels
from explorer.ui.payloads import DIGITS, about, in_percent
from explorer.ui.tasks.task import Answered, Mark, Part, Task, check_whole, marked_text


def _ask(model: EncoderModel, reading: Reading, place: object, label: str) -> tuple[Question, None]:
    check_whole(place, model.bundle)
    if not reading.text_pair:
        raise RequestError(
            "There is no context to find the answer in. Write one below the question."
        )
    if not best_spans(reading):
        raise RequestError(
            "No word of the context was read, so there is no answer in it. Shorten the question, "
            "or write a context of words that the tokenizer knows."
        )
    return which_span(reading), None


def _show(model: EncoderModel, reading: Reading, asked: Answered) -> dict[str, Any]:
    best, none = best_spans(reading)[0], no_answer(reading)
    found = best.probability >= none
    tokens = asked.reading.tokens
    parts = [Part(*best.within, token=best.span.start, mark=0)] if found else []
    where = f"token {best.span.start + 1} “{tokens[best.span.start].name[:20]}”"
    return {
        **payloads.answer(asked.reading, asked.model.bundle),
        "heading": "The likeliest answers",
        "title": "The answer in the context",
        "told": f"Its probability is that of starting at {where} times that of ending at token "
        f"{best.span.end + 1}."
        if found
        else f"The model says that the context has no answer ({in_percent(none)}).",
        **marked_text(reading.text_pair, parts, [Mark("answer", in_percent(best.probability), 0)]),
    }


ANSWER = Task(
    title="Answer",
    promise="Ask a question of a text, get the words that answer it",
    text="Question",
    text_pair="Context",
    needs_pair=True,
    choice="Answer",
    ask=_ask,
    show=_show,
)


def answer(
    models: PageModels,
    question: str,
    context: str,
    bundle: str = "",
    without: list | None = None,
) -> dict:
    """The words of a context that answer a question.

    Other endpoints take the question as `text` and the context as `text_pair`.

    Args:
        question: at most 10,000 characters.
        context: where the answer is looked for, at most 10,000 characters.
        bundle: the title of the model; the page's first one that answers if empty.
        without: heads to ablate, as pairs of layer and head from 1, such as [[1, 2]].

    Returns:
        `answer` (as it stands in the context; null where no answer is likelier than any), its
        `probability` (that of its first token as start times that of its last as end, each over
        the context and [CLS]), `start` and `end` (from which character of the context up to which;
        null without an answer), `spans` (the five likeliest, with the same), `no_answer` (the
        probability that there is none: start and end at [CLS]; low for models that never learned
        to say so), and as in /attention `tokens`, `tokens_left_out`, `max_tokens`, `bundle`,
        `precision`.
    """
    asked = models.model(bundle or models.first("answer"))
    models.check_task(asked, "answer")
    model, reading = models.read(asked.bundle.title, question, context, without)
    _ask(model, reading, None, "")
    spans = [
        {
            "answer": one.text,
            "probability": round(one.probability, DIGITS),
            "start": one.within[0],
            "end": one.within[1],
        }
        for one in best_spans(reading)
    ]
    none = no_answer(reading)
    nothing = {"answer": None, "probability": round(none, DIGITS), "start": None, "end": None}
    best = spans[0] if best_spans(reading)[0].probability >= none else nothing
    return {**best, "spans": spans, "no_answer": round(none, DIGITS), **about(model, reading)}
