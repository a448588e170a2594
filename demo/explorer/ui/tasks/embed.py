"""How alike two texts are, by the cosine of their vectors."""

from typing import Any

from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.question import Question
from explorer.inference.reading import Reading
from explorer.inference.tasks.embed import how_alike, vectors
from explorer.ui import payloads
from explorer.ui.models import PageModels
from explorer.ui.payloads import about, rounded
from explorer.ui.tasks.task import Answered, Task, check_whole


def _ask(model: EncoderModel, reading: Reading, place: object, label: str) -> tuple[Question, None]:
    check_whole(place, model.bundle)
    if not reading.text_pair:
        raise RequestError("There is one text alone. Write a second one to compare it with.")
    assert model.bundle.pooling, "the schema has none embed without"
    return how_alike(reading, model.bundle.pooling), None


def _show(model: EncoderModel, reading: Reading, asked: Answered) -> dict[str, Any]:
    assert model.bundle.pooling, "the schema has none embed without"
    return {
        **payloads.answer(asked.reading, asked.model.bundle),
        "heading": "How alike the two texts are",
        "told": "The cosine of their vectors: 1 for the same direction, 0 for none in common. Each "
        f"vector is {_MADE[model.bundle.pooling.mode]}.",
    }


_MADE = {
    "mean": "the mean of the last hidden states of all tokens",
    "max": "the largest of each number in the last hidden states of all tokens",
    "cls": "the last hidden state of the first token",
    "last": "the last hidden state of the last token",
}

EMBED = Task(
    title="Similarity",
    promise="Write two texts, see how alike a model finds them",
    text_pair="Second text",
    needs_pair=True,
    choice="Number",
    ask=_ask,
    show=_show,
    hidden=frozenset({"smallest_flip"}),
)


def embed(
    models: PageModels,
    text: str,
    text_pair: str = "",
    bundle: str = "",
    without: list | None = None,
) -> dict:
    """The vector of a text, or those of two and how alike they are.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, read by itself; none if empty.
        bundle: the title of the model; the page's first one that embeds if empty.
        without: heads to ablate, as pairs of layer and head from 1, such as [[1, 2]].

    Returns:
        `vectors` (one for each text, six decimals), `cosine` of the angle between them (null for
        one text), `pooling` (of which hidden states they are made: "mean", "max", "cls" or "last"),
        `normalized` (whether they have length 1), and as in /attention `tokens` (those of the
        second text behind those of the first), `tokens_left_out`, `max_tokens` (of each text),
        `bundle`, `precision`.
    """
    asked = models.model(bundle or models.first("embed"))
    models.check_task(asked, "embed")
    model, reading = models.read(asked.bundle.title, text, text_pair, without)
    pooling = model.bundle.pooling
    assert pooling, "the schema has none embed without"
    alike = model.asked_of(how_alike(reading, pooling), reading) if reading.text_pair else None
    return {
        "vectors": [rounded(one) for one in vectors(reading, pooling)],
        "cosine": None if alike is None else rounded(alike.logits)[0],
        "pooling": pooling.mode,
        "normalized": pooling.normalize,
        **about(model, reading),
    }
